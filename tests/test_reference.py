"""docs/config.md is what the code and config.toml say now."""

from pathlib import Path

import pytest

from voxd.reference import SHIPPED, describe, write_reference

DOCUMENT = Path(__file__).parents[1] / "docs" / "config.md"


def test_the_document_is_current() -> None:
    written = write_reference(SHIPPED.read_text(encoding="utf-8"))
    assert DOCUMENT.read_text(encoding="utf-8") == written, (
        "python -m voxd.reference > docs/config.md"
    )


def test_it_has_every_table_with_what_its_keys_take() -> None:
    written = write_reference(SHIPPED.read_text(encoding="utf-8"))
    for heading in ("server", "tiers.NAME", "tiers.NAME.deadlines", "engines.piper", "agents.NAME"):
        assert f"## [{heading}]\n" in written
    assert "| `port` | `8080` | a whole number, from 0 to 65535 | TCP port; 0 takes" in written
    assert "goes on below" not in written


@pytest.mark.parametrize(
    ("schema", "words"),
    [
        ({"type": "number", "exclusiveMinimum": 0, "maximum": 60}, "a number, above 0 to 60"),
        ({"type": "array", "items": {"type": "string"}}, "a list of: text"),
        ({"enum": ["a", "b"]}, "`a` or `b`"),
        ({"anyOf": [{"type": "boolean"}, {"type": "null"}]}, "true or false"),
        ({"type": "string", "pattern": "^[^,]*$"}, "text without commas"),
    ],
)
def test_what_a_key_takes_is_told_in_words(schema: dict[str, object], words: str) -> None:
    assert describe(schema) == words
