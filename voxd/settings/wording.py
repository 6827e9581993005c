"""What is wrong with a key, in a sentence that says what was expected. Pure.

pydantic finds the problem; its own words are those of a programmer ("Input should be a valid
integer, unable to parse string as an integer").
"""

import difflib
import re
import typing
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel

if TYPE_CHECKING:
    from pydantic_core import ErrorDetails

MAX_FOUND_CHARS = 60
"""Of what was found instead: enough to know it again."""

_EXPECTED = {
    "missing": "is missing and has no default",
    "int_type": "must be a whole number",
    "int_parsing": "must be a whole number",
    "int_from_float": "must be a whole number",
    "float_type": "must be a number",
    "float_parsing": "must be a number",
    "finite_number": "must be a finite number",
    "bool_type": "must be true or false",
    "bool_parsing": "must be true or false",
    "string_type": "must be text in quotes",
    "tuple_type": 'must be a list, such as ["a", "b"]',
    "list_type": 'must be a list, such as ["a", "b"]',
    "dict_type": "must be a table",
    "model_type": "must be a table",
    "model_attributes_type": "must be a table",
    "greater_than": "must be above {gt:g}",
    "greater_than_equal": "must be at least {ge:g}",
    "less_than": "must be below {lt:g}",
    "less_than_equal": "must be at most {le:g}",
    "literal_error": "must be {expected}",
    "string_too_short": "must have at least {min_length} character(s)",
    "string_too_long": "must have at most {max_length} characters",
    "too_short": "must have at least {min_length} element(s)",
    "too_long": "must have at most {max_length} elements",
    "ip_any_network": 'must be an address or a network, such as "10.0.0.0/8"',
    "missing_argument": "must be [soft, hard], two numbers",
    "unexpected_positional_argument": "must be [soft, hard], two numbers",
    "arguments_type": "must be [soft, hard], two numbers",
    "namedtuple_type": "must be [soft, hard], two numbers",
}
"""By pydantic's type of error; what its context knows goes into the braces."""

PATTERNS = {
    r"^(https?://[^/\s?#]+)?$": 'must be an address without a path, such as "https://host"',
    r"^https?://[^/\s?#]+$": 'must be an address without a path, such as "https://host"',
    r"^https?://[^/]+/?$": 'must be an address without a path, such as "https://host"',
    r"^https?://[^/?#]+[^?#]*$": 'must be an address, such as "https://host/v1"',
    r"^(https://[^\s/]+(/\S*)?|http://(127\.0\.0\.1|localhost)(:[0-9]+)?(/\S*)?)?$": (
        'must be an https address, such as "https://host/path", or http on this machine'
    ),
    r"^(\+[1-9][0-9]{3,14})?$": 'must be a number in international form, such as "+15550100"',
    r"^[^{}]*$": "must be without braces",
    r"^[a-z0-9-]+$": "must be a name of small letters, digits and hyphens",
    r"^flux-[a-z0-9-]+$": 'must be the name of a Flux model, such as "flux-general-en"',
    r"^[a-z][a-z0-9_]{0,63}$": "must be a name of small letters, digits and underscores",
    r"^[a-z][a-z0-9_]{0,39}$": "must be a name of small letters, digits and underscores",
    r"^[a-z]{2,3}$": 'must be a language code, such as "en"',
    r"^[A-Za-z0-9._-]{0,64}$": "must be a name of at most 64 letters, digits, dots and hyphens",
    r"^[^,]*$": "must not hold a comma",
    r"^[a-z0-9_-]{0,40}$": "must be a name of small letters, digits and hyphens",
}
"""What patterns of our tables ask for; a test knows if one is left out."""

_WITHOUT_FOUND = frozenset({"missing", "missing_argument", "model_type", "dict_type"})
"""Where showing what was found says nothing, or too much."""


def explain(item: "ErrorDetails", known: Iterable[str] = ()) -> str:
    """The sentence for one error of pydantic's.

    Args:
        known: the keys that the table of an unknown one has.
    """
    kind, context = item["type"], item.get("ctx", {})
    if kind == "extra_forbidden":
        return f"no such key{suggest(str(item['loc'][-1]), known)}"
    if kind in ("value_error", "assertion_error"):
        return item["msg"].removeprefix("Value error, ")
    expected = PATTERNS.get(str(context.get("pattern"))) or _EXPECTED.get(kind)
    sentence = expected.format(**context) if expected else item["msg"]
    if kind in _WITHOUT_FOUND:
        return sentence
    return f"{sentence}, found {_show(item['input'])}"


def suggest(word: str, known: Iterable[str]) -> str:
    """What somebody may have meant; empty when nothing is near."""
    near = difflib.get_close_matches(word, list(known), n=1, cutoff=0.6)
    return f"; did you mean {near[0]!r}?" if near else ""


def suggest_table(model: type[BaseModel], path: Sequence[object], key: str) -> str:
    """Where a key belongs that stands in the wrong table; empty when that is not plain."""
    tables = [name for name in known_keys(model, ()) if key in known_keys(model, (name,))]
    is_elsewhere = len(tables) == 1 and tuple(path) != (tables[0],)
    return f"; it belongs to [{tables[0]}]" if is_elsewhere else ""


def known_keys(model: type[BaseModel], path: Iterable[object]) -> list[str]:
    """The keys of the table at a path below a model's; empty when there is no such table."""
    table = table_at(model, path)
    if table is None:
        return []
    fields = table.model_fields.items()
    return [field.alias or name for name, field in fields if not field.exclude]


def table_at(model: type[BaseModel], path: Iterable[object]) -> type[BaseModel] | None:
    """The model of the table at a path below another's; None when there is no such table."""
    table: Any = model
    for part in path:
        table = _below(table, str(part))
    return table if _is_table(table) else None


def _below(table: Any, key: str) -> Any:
    """The type of what a table, or a table of tables, has under a key; None: nothing known."""
    if _is_table(table):
        for name, field in table.model_fields.items():
            if key == (field.alias or name):
                return _unwrapped(field.annotation)
        return None
    if typing.get_origin(table) in (dict, Mapping):
        return _unwrapped(typing.get_args(table)[1])
    return None


def _unwrapped(annotation: Any) -> Any:
    """A type without what was said about it (`Annotated`), and without `| None`."""
    while typing.get_origin(annotation) is typing.Annotated:
        annotation = typing.get_args(annotation)[0]
    tables = [part for part in typing.get_args(annotation) if _is_table(part)]
    is_choice = typing.get_origin(annotation) not in (dict, Mapping, tuple)
    return tables[0] if tables and is_choice else annotation


def _is_table(annotation: Any) -> bool:
    return isinstance(annotation, type) and issubclass(annotation, BaseModel)


_HIDDEN = re.compile(r"(?<=//)[^/@\s]+(?=@)|(?<=\?)\S+")
"""Parts of an address in which people put secrets: before the host, and the query."""


def _show(value: object) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    text = repr(_HIDDEN.sub("…", value) if isinstance(value, str) else value)
    return text if len(text) <= MAX_FOUND_CHARS else f"{text[:MAX_FOUND_CHARS]}…"
