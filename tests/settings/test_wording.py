"""Each kind of mistake has a sentence of ours; what tables ask for is known in words."""

from collections.abc import Iterator, Mapping
from typing import Any

import pytest
from pydantic import ValidationError

from voxd.config import Config, Server
from voxd.engines.registry import settings_types
from voxd.settings.wording import PATTERNS, explain, known_keys, suggest, suggest_table, table_at


def patterns_of(schema: object) -> Iterator[str]:
    if isinstance(schema, Mapping):
        if isinstance(schema.get("pattern"), str):
            yield schema["pattern"]
        yield from schema.get("patternProperties", {})
        for inner in schema.values():
            yield from patterns_of(inner)
    elif isinstance(schema, list):
        for inner in schema:
            yield from patterns_of(inner)


def test_every_pattern_of_a_table_is_told_in_words_and_no_other() -> None:
    models = [Config, *(model for _, model in settings_types().values())]
    used = {pattern for model in models for pattern in patterns_of(model.model_json_schema())}
    assert used == set(PATTERNS)


def told(**keys: Any) -> str:
    with pytest.raises(ValidationError) as caught:
        Server.model_validate(keys)
    [item] = caught.value.errors(include_url=False)
    return explain(item, known_keys(Config, ("server",)))


@pytest.mark.parametrize(
    ("keys", "sentence"),
    [
        ({"port": -1}, "must be at least 0, found -1"),
        ({"port": None}, "must be a whole number, found None"),
        ({"host": 5}, "must be text in quotes, found 5"),
        ({"hots": "x"}, "no such key; did you mean 'host'?"),
        ({"zzz": "x"}, "no such key"),
        ({"trusted_proxies": "10.0.0.1"}, 'must be a list, such as ["a", "b"], found \'10.0.0.1\''),
        ({"drain_s": True, "max_calls": 1001}, "must be at most 1000, found 1001"),
    ],
)
def test_a_mistake_is_told_with_what_was_expected(keys: dict[str, Any], sentence: str) -> None:
    assert told(**keys) == sentence


def test_what_was_found_is_shortened() -> None:
    sentence = told(port="x" * 1000)
    assert len(sentence) < 100 and sentence.endswith("…")


def test_what_an_address_hides_is_not_shown() -> None:
    sentence = told(public_url="https://me:hidden@example.com/who?key=hidden")
    assert "example.com/who?…" in sentence and "hidden" not in sentence


def test_only_near_words_are_suggested() -> None:
    assert suggest("intreruptions", ("interruptions", "speculation")) == (
        "; did you mean 'interruptions'?"
    )
    assert suggest("colour", ("interruptions", "speculation")) == ""


def test_a_key_in_the_wrong_table_is_told_where_it_belongs() -> None:
    assert suggest_table(Config, ("log",), "drain_s") == "; it belongs to [server]"
    assert suggest_table(Config, (), "drain_s") == "; it belongs to [server]"
    assert suggest_table(Config, ("server",), "drain_s") == ""
    assert suggest_table(Config, ("log",), "stale_s") == "; it belongs to [lookup]"
    assert suggest_table(Config, ("log",), "deadline_s") == ""  # there are several


def test_tables_are_found_below_names_of_ones_own() -> None:
    assert "greeting" in known_keys(Config, ("phrases", "en"))
    assert "ring_s" in known_keys(Config, ("agents", "sol", "transfer"))
    assert "base_dir" not in known_keys(Config, ())
    assert table_at(Config, ("server", "port")) is None
    assert table_at(Config, ("engines", "piper")) is None
