"""What a schema asks for is checked, and what nobody would check is refused."""

from typing import Any

import pytest

from voxd.schema import check_schema, find_fault

TABLE: dict[str, Any] = {
    "type": "object",
    "properties": {
        "day": {"type": "string", "pattern": "^[0-9-]+$", "minLength": 4, "maxLength": 10},
        "people": {"type": "integer", "minimum": 1, "maximum": 12},
        "tables": {"type": "array", "items": {"enum": ["inside", "outside"]}, "maxItems": 2},
        "price": {"type": "number", "minimum": 0.5},
        "is_quiet": {"type": "boolean", "description": "for readers"},
        "nothing": {"type": "null"},
        "kind": {"const": "dinner"},
    },
    "required": ["day"],
    "additionalProperties": False,
}


def test_a_sane_schema_has_no_fault() -> None:
    assert check_schema(TABLE) == ""
    assert check_schema({"type": "object", "properties": {}}) == ""


@pytest.mark.parametrize(
    ("schema", "fault"),
    [
        ([], "must be an object"),
        ({}, "'type' must be one of"),
        ({"type": "text"}, "'type' must be one of"),
        ({"type": ["string"]}, "'type' must be one of"),
        ({"type": "string", "$ref": "#/x"}, "'$ref' is not supported"),
        ({"type": "object", "properties": {"a": {"anyOf": []}}}, "a: 'anyOf' is not supported"),
        ({"type": "object", "properties": []}, "'properties' must be an object"),
        ({"type": "object", "required": ["a"]}, "'required' must be a list of properties"),
        ({"type": "object", "additionalProperties": {}}, "must be true or false"),
        ({"type": "string", "pattern": "("}, "no regular expression"),
        ({"type": "string", "minLength": -1}, "'minLength' must be a count"),
        ({"type": "integer", "minimum": "1"}, "'minimum' must be a number"),
        ({"enum": []}, "'enum' must be a list of values"),
        ({"type": "array", "items": {"type": "x"}}, "[]: 'type' must be one of"),
    ],
)
def test_a_schema_that_nobody_could_check_is_refused(schema: Any, fault: str) -> None:
    assert fault in check_schema(schema)


def test_endless_schemas_are_refused() -> None:
    schema: dict[str, Any] = {"type": "string"}
    for _ in range(10):
        schema = {"type": "object", "properties": {"a": schema}}
    assert "too deep" in check_schema(schema)


def test_a_good_value_has_no_fault() -> None:
    value = {
        "day": "2026-11-22",
        "people": 3.0,
        "tables": ["inside"],
        "price": 1,
        "is_quiet": True,
        "nothing": None,
        "kind": "dinner",
    }
    assert find_fault(value, TABLE) == ""


@pytest.mark.parametrize(
    ("change", "fault"),
    [
        ({"day": 3}, "day: must be of type string"),
        ({"day": "x"}, "day: is too short"),
        ({"day": "tomorrow"}, "day: must match"),
        ({"people": 0}, "people: is out of range"),
        ({"people": 2.5}, "people: must be of type integer"),
        ({"people": True}, "people: must be of type integer"),
        ({"price": 0.1}, "price: is out of range"),
        ({"is_quiet": 1}, "is_quiet: must be of type boolean"),
        ({"tables": ["roof"]}, "tables[0]: must be one of inside, outside"),
        ({"tables": ["inside"] * 3}, "tables: has too few or too many"),
        ({"kind": "lunch"}, "kind: must be dinner"),
        ({"colour": "red"}, "'colour' is not wanted"),
    ],
)
def test_a_bad_value_is_told_with_its_place(change: dict[str, Any], fault: str) -> None:
    assert fault in find_fault({"day": "2026-11-22", **change}, TABLE)


def test_what_is_missing_is_told() -> None:
    assert find_fault({}, TABLE) == "the arguments: 'day' is missing"
    assert find_fault("day", TABLE) == "the arguments: must be of type object"


@pytest.mark.parametrize("pattern", ["^([A-Za-z]+ ?)+$", "(a*)*", "((ab)+c)+", "(x{1,9}y)*"])
def test_a_pattern_that_could_take_for_ever_is_refused(pattern: str) -> None:
    assert "may not repeat a repetition" in check_schema({"type": "string", "pattern": pattern})


@pytest.mark.parametrize(
    "pattern",
    ["^[0-9-]+$", r"^(\+|00)[0-9]{6,14}$", "^([01][0-9]):([0-5][0-9])$", "([+*]x)+", "a+b*c?"],
)
def test_a_pattern_that_repeats_plainly_is_taken(pattern: str) -> None:
    assert check_schema({"type": "string", "pattern": pattern}) == ""


def test_a_pattern_sees_no_more_than_the_beginning_of_a_long_text() -> None:
    assert find_fault("a" * 200 + "b", {"type": "string", "pattern": "^a*$"}) == ""
