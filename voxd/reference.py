"""Writes docs/config.md: every key of config.toml, what it takes and why it is there.

Made of the shipped file (order, defaults, the comments beside the keys) and of the models that
judge it (what a key takes), so that neither can say what the other does not know::

    python -m voxd.reference > docs/config.md

A test says when the document is not current.
"""

import json
import re
import sys
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from pydantic import BaseModel

import voxd
from voxd.config import Config
from voxd.engines.registry import settings_types
from voxd.settings.places import Places, find_places
from voxd.settings.wording import PATTERNS, table_at

SHIPPED = Path(voxd.__file__).parents[1] / "config.toml"
HEAD = """\
# The configuration, key by key

This is written by `python -m voxd.reference` from config.toml and from the code that judges it; do
not edit it. Every key may be left out but those without a default. `voxd check --config FILE`
judges a file; times are seconds and paths are relative to the file.

Secrets are not in the file. They are environment variables or systemd credentials of these names:
`TWILIO_AUTH_TOKEN`, `TWILIO_ACCOUNT_SID`, `TWILIO_SHARED_KEY` (both keys also with `_SECONDARY`
behind them, while one replaces the other: `TWILIO_AUTH_TOKEN_SECONDARY`), `VOXD_API_TOKEN`,
`VOXD_LOOKUP_SECRET`, `VOXD_TOOLS_SECRET`, `VOXD_ALERTS_SECRET`, `VOXD_DATABASE_URL`,
`SUPABASE_SERVICE_KEY`, and a key for each cloud engine: `DEEPGRAM_API_KEY`, `GROQ_API_KEY`,
`CARTESIA_API_KEY`.
"""
NAMED = {"agents": "agent", "numbers": "number", "tools": "tool"}
"""Tables of which the shipped file has only examples, and what each of them is about."""
MOST_DEFAULT_CHARS = 60
"""Of a default in a table; a longer one is in config.toml."""


def write_reference(text: str) -> str:
    """The whole document.

    Args:
        text: the shipped config.toml.
    """
    reader = _Reader(text)
    return "\n".join([HEAD, *reader.tables(), ""])


class _Reader:
    def __init__(self, text: str) -> None:
        self._lines = text.splitlines()
        self._raw = tomllib.loads(text)
        self._places: Places = find_places(text)
        self._engines = {name: model for name, (_, model) in settings_types().items()}

    def tables(self) -> Iterator[str]:
        """Each table, in the order of the file; tiers once, with a column for each."""
        for key in self._raw:
            if key == "tiers":
                yield from self._tiers()
            elif key == "engines":
                for name in self._raw["engines"]:
                    yield from self._table(("engines", name), self._engines[name])
            elif key == "phrases":
                language = next(iter(self._raw["phrases"]))
                yield from self._table(("phrases", language), table_at(Config, (key, language)))
            elif (model := table_at(Config, (key,))) is not None:
                yield from self._table((key,), model)
            else:
                yield from self._plain(key)
        for key, what in NAMED.items():
            yield from self._named(key, what)

    def _table(self, path: Sequence[str], model: type[BaseModel] | None) -> Iterator[str]:
        assert model is not None, path
        table = self._at(path)
        yield from self._heading(path)
        yield "| key | default | takes | |\n| --- | --- | --- | --- |"
        nested = []
        for key, value in table.items():
            if isinstance(value, Mapping) and (below := table_at(model, (key,))) is not None:
                nested.append((key, below))
                continue
            takes = describe(_schema_of(model, key))
            yield f"| `{key}` | {_show(value)} | {takes} | {self._comment((*path, key))} |"
        yield ""
        for key, below in nested:
            yield from self._table((*path, key), below)

    def _tiers(self) -> Iterator[str]:
        names = list(self._raw["tiers"])
        for below, title in (((), "tiers.NAME"), (("deadlines",), "tiers.NAME.deadlines")):
            first = ("tiers", names[0], *below)
            model = table_at(Config, first)
            assert model is not None
            yield f"## [{title}]\n"
            yield from self._intro(first)
            yield f"| key | {' | '.join(names)} | takes | |"
            yield f"| --- |{' --- |' * len(names)} --- | --- |"
            for key in self._at(first):
                if key == "deadlines":
                    continue
                shown = [_show(self._at(("tiers", name, *below)).get(key, "")) for name in names]
                takes = describe(_schema_of(model, key))
                why = self._comment((*first, key))
                yield f"| `{key}` | {' | '.join(shown)} | {takes} | {why} |"
            yield ""

    def _plain(self, key: str) -> Iterator[str]:
        """A table with names of one's own: its examples stand in its comments."""
        if key not in NAMED:
            yield from self._heading((key,))
            yield "Names of your own.\n"

    def _named(self, key: str, what: str) -> Iterator[str]:
        model = table_at(Config, (key, "NAME"))
        assert model is not None
        yield f"## [{key}.NAME]\n"
        yield f"{(model.__doc__ or '').splitlines()[0]}\n"
        yield f"| key of {what} | takes |\n| --- | --- |"
        for name in model.model_fields:
            is_table = table_at(model, (name,)) is not None
            own = f"a table: `[{key}.NAME.{name}]`"
            takes = own if is_table else describe(_schema_of(model, name))
            yield f"| `{name}` | {takes} |"
        yield ""

    def _heading(self, path: Sequence[str]) -> Iterator[str]:
        yield f"## [{'.'.join(path)}]\n"
        yield from self._intro(path)

    def _intro(self, path: Sequence[str]) -> Iterator[str]:
        """The comment right above a table's header."""
        place = self._places.keys[".".join(path)]
        above: list[str] = []
        number = place.line - 1
        while number >= 1 and self._lines[number - 1].startswith("#"):
            above.insert(0, self._lines[number - 1].removeprefix("#").strip())
            number -= 1
        beside = self._comment(path)
        below = place.line
        while beside and below < len(self._lines) and self._lines[below].startswith("#"):
            beside += f" {self._lines[below].removeprefix('#').strip()}"
            below += 1
        words = " ".join([*above, beside]).strip().removeprefix("--- ")
        if words and not any(mark in words for mark in (" = ", "[numbers.", "[agents.")):
            yield f"{words[0].upper()}{words[1:]}\n"

    def _comment(self, path: Sequence[str]) -> str:
        """What stands beside a key, and goes on below it."""
        place = self._places.keys[".".join(path)]
        words = [self._places.comments.get(place.line, "")]
        number = place.line
        while number < len(self._lines) and re.match(r"\s+#", self._lines[number]):
            words.append(self._places.comments.get(number + 1, ""))
            number += 1
        return " ".join(words).strip().replace("|", "\\|")

    def _at(self, path: Sequence[str]) -> Mapping[str, Any]:
        table: Any = self._raw
        for part in path:
            table = table[part]
        found: Mapping[str, Any] = table
        return found


def _schema_of(model: type[BaseModel], key: str) -> Mapping[str, Any]:
    """The JSON schema of one key, its definitions filled in."""
    whole = model.model_json_schema(mode="validation", by_alias=True)
    schema: Mapping[str, Any] = whole["properties"][key]
    while "$ref" in schema:
        schema = whole["$defs"][schema["$ref"].rpartition("/")[2]]
    return schema


def describe(schema: Mapping[str, Any]) -> str:
    """What a key takes, in a few words, by its JSON schema."""
    if "anyOf" in schema:
        kinds = [kind for kind in schema["anyOf"] if kind != {"type": "null"}]
        return " or ".join(dict.fromkeys(map(describe, kinds)))
    if "enum" in schema:
        return " or ".join(f"`{value}`" if value != "" else "empty" for value in schema["enum"])
    match schema.get("type"):
        case "boolean":
            return "true or false"
        case "integer":
            return f"a whole number{_limits(schema)}"
        case "number":
            return f"a number{_limits(schema)}"
        case "array" if "prefixItems" in schema:
            return "[soft, hard]"
        case "array":
            return f"a list of: {describe(schema.get('items', {}))}"
        case "object":
            return "a table"
        case "string" if schema.get("pattern") in PATTERNS:
            words = PATTERNS[schema["pattern"]].removeprefix("must be ")
            return words.replace("must not hold a comma", "text without commas")
        case "string":
            return "text"
        case _:
            return "text"


def _limits(schema: Mapping[str, Any]) -> str:
    low, above = schema.get("minimum"), schema.get("exclusiveMinimum")
    high, below = schema.get("maximum"), schema.get("exclusiveMaximum")
    words = []
    if low is not None or above is not None:
        words.append(f"from {low:g}" if low is not None else f"above {above:g}")
    if high is not None or below is not None:
        words.append(f"to {high:g}" if high is not None else f"below {below:g}")
    return f", {' '.join(words)}" if words else ""


def _show(value: object) -> str:
    """A default as it stands in the file."""
    if isinstance(value, str):
        text = json.dumps(value, ensure_ascii=False) if value else "empty"
    elif isinstance(value, bool):
        text = str(value).lower()
    elif isinstance(value, list):
        text = f"[{', '.join(_show(item).strip('`') for item in value)}]"
    elif isinstance(value, Mapping):
        text = "empty" if not value else "a table"
    else:
        text = repr(value)
    if len(text) > MOST_DEFAULT_CHARS:
        text = "see config.toml"
    return text if text in ("empty", "see config.toml") else f"`{text}`".replace("|", "\\|")


if __name__ == "__main__":
    sys.stdout.write(write_reference(SHIPPED.read_text(encoding="utf-8")))
