"""Every key's place, in every way that TOML lets one write it."""

import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from voxd.errors import Problem
from voxd.settings.places import Place, find_places, locate

SHIPPED = Path(__file__).parents[2] / "config.toml"

TEXT = '''\
# first of all
top = 1  # beside it
[a]
plain = "x # no comment"
"quoted key" = 'y'
dotted.below = true
long = """
[not.a.table]
key = 1 \\""" """
list = [ # of two
    1,
    { x = 2, "y.z" = [] },  # the last
]
[a."b.c"]
date = 1979-05-27 07:32:00 # when
   indented = [[], ["#"]]
[[many]]
n = 1
[[many]]
n = 2
last = \'\'\'two \'\'\'\'\'
'''


def keys_of(value: Any, path: str = "") -> Iterator[str]:
    """Every dotted key of a decoded file, elements of lists by number."""
    items = value.items() if isinstance(value, Mapping) else enumerate(value)
    for key, inner in items:
        name = f"{path}.{key}" if path else str(key)
        yield name
        if isinstance(inner, Mapping | list):
            yield from keys_of(inner, name)


@pytest.mark.parametrize("text", [TEXT, SHIPPED.read_text(encoding="utf-8")])
def test_every_key_has_a_place_and_there_are_no_others(text: str) -> None:
    assert set(find_places(text).keys) == set(keys_of(tomllib.loads(text)))


def test_a_key_of_the_shipped_file_stands_on_its_line() -> None:
    text = SHIPPED.read_text(encoding="utf-8")
    lines = text.splitlines()
    for key, place in find_places(text).keys.items():
        found = lines[place.line - 1][place.column - 1 :]
        name = key.rpartition(".")[2]
        is_element = name.isdigit()
        assert is_element or found.startswith(("[", name, f'"{name}"')), key


@pytest.mark.parametrize(
    ("key", "place"),
    [
        ("top", Place(2, 1)),
        ("a", Place(3, 1)),
        ("a.quoted key", Place(5, 1)),
        ("a.dotted", Place(6, 1)),
        ("a.dotted.below", Place(6, 1)),
        ("a.list.0", Place(11, 5)),
        ("a.list.1.y.z", Place(12, 14)),
        ("a.b.c", Place(14, 1)),
        ("a.b.c.indented", Place(16, 4)),
        ("many.1.n", Place(20, 1)),
        ("many.1.last", Place(21, 1)),
    ],
)
def test_places_count_lines_and_columns_from_one(key: str, place: Place) -> None:
    assert find_places(TEXT).keys[key] == place


def test_comments_are_known_by_their_line_and_strings_hold_none() -> None:
    comments = find_places(TEXT).comments
    assert comments == {
        1: "first of all",
        2: "beside it",
        10: "of two",
        12: "the last",
        15: "when",
    }


def test_problems_are_told_in_the_order_of_the_file_with_the_nearest_place() -> None:
    problems = [
        Problem("many.1.n", "is two"),
        Problem("a.missing", "is missing"),
        Problem("nowhere.at.all", "is strange"),
        Problem("", "is known already", line=7),
    ]
    located = locate(problems, TEXT)
    assert [(problem.key, problem.line) for problem in located] == [
        ("nowhere.at.all", None),
        ("a.missing", 3),
        ("", 7),
        ("many.1.n", 20),
    ]
    assert str(located[1]) == "line 3: a.missing: is missing"


@pytest.mark.parametrize("text", ["", "a = ", "[a", "= 3", "a = [1, {", 'a = "b', "a\x00 = 1"])
def test_what_is_no_toml_ends_the_walk_and_nothing_else(text: str) -> None:
    assert len(find_places(text).keys) <= 4
