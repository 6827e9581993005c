"""The part of JSON Schema that arguments of tools need: judge a schema, judge a value. Pure.

Written here because the part is small, and because what a schema says and nobody checks would be
worse than a schema that is refused: a keyword that is not known is a fault of the schema.
"""

import re
from collections.abc import Mapping
from typing import Any

MAX_DEPTH = 8
"""Schemas within schemas; arguments that are said on the telephone are flat."""
MAX_MATCHED_CHARS = 200
"""Of a text that a pattern is matched with: it runs between the frames of all calls."""

_TYPES: dict[str, tuple[type, ...]] = {
    "string": (str,),
    "integer": (int,),
    "number": (int, float),
    "boolean": (bool,),
    "array": (list,),
    "object": (dict,),
    "null": (type(None),),
}
_NOTES = frozenset({"title", "description", "default", "examples", "format"})
"""Keywords that are for readers."""
_COUNTS = frozenset({"minLength", "maxLength", "minItems", "maxItems"})
_LIMITS = frozenset({"minimum", "maximum"})
_KNOWN = (
    _NOTES
    | _COUNTS
    | _LIMITS
    | {"type", "enum", "const", "pattern", "items"}
    | {"properties", "required", "additionalProperties"}
)


def check_schema(schema: Any, path: str = "", depth: int = MAX_DEPTH) -> str:
    """What is wrong with a schema, with the place in it; empty: nothing."""
    where = path or "the schema"
    if not isinstance(schema, Mapping):
        return f"{where}: must be an object"
    if depth == 0:
        return f"{where}: is too deep"
    unknown = sorted(set(schema) - _KNOWN)
    if unknown:
        return f"{where}: {unknown[0]!r} is not supported"
    wanted = schema.get("type", "" if {"enum", "const"} & set(schema) else None)
    if not isinstance(wanted, str) or wanted not in {"", *_TYPES}:
        return f"{where}: 'type' must be one of {', '.join(_TYPES)}"
    return _check_keywords(schema, where) or _check_parts(schema, path, where, depth)


def find_fault(value: Any, schema: Mapping[str, Any], path: str = "") -> str:
    """What is wrong with a value, with the place in it; empty: it is as the schema wants it.

    Args:
        schema: one that `check_schema` has nothing against.
    """
    where = path or "the arguments"
    wanted = schema.get("type")
    if wanted is not None and not _is_of(value, wanted):
        return f"{where}: must be of type {wanted}"
    if "enum" in schema and value not in schema["enum"]:
        return f"{where}: must be one of {', '.join(map(str, schema['enum']))}"
    if "const" in schema and value != schema["const"]:
        return f"{where}: must be {schema['const']}"
    if isinstance(value, str):
        return _judge_text(value, schema, where)
    if isinstance(value, list):
        return _judge_list(value, schema, path, where)
    if isinstance(value, dict):
        return _judge_object(value, schema, path, where)
    if isinstance(value, int | float) and not isinstance(value, bool):
        if not schema.get("minimum", value) <= value <= schema.get("maximum", value):
            return f"{where}: is out of range"
    return ""


def _is_of(value: Any, name: str) -> bool:
    if isinstance(value, bool):
        return name == "boolean"
    if name == "integer" and isinstance(value, float):  # 3.0 is an integer in JSON
        return value.is_integer()
    return isinstance(value, _TYPES[name])


def _judge_text(value: str, schema: Mapping[str, Any], where: str) -> str:
    if not schema.get("minLength", 0) <= len(value) <= schema.get("maxLength", len(value)):
        return f"{where}: is too short or too long"
    if "pattern" in schema and not re.search(schema["pattern"], value[:MAX_MATCHED_CHARS]):
        return f"{where}: must match {schema['pattern']}"
    return ""


def _judge_list(value: list[Any], schema: Mapping[str, Any], path: str, where: str) -> str:
    if not schema.get("minItems", 0) <= len(value) <= schema.get("maxItems", len(value)):
        return f"{where}: has too few or too many items"
    items = schema.get("items")
    faults = (
        find_fault(item, items, f"{path}[{number}]")
        for number, item in enumerate(value)
        if items is not None
    )
    return next(filter(None, faults), "")


def _judge_object(value: dict[str, Any], schema: Mapping[str, Any], path: str, where: str) -> str:
    properties = schema.get("properties", {})
    for name in schema.get("required", ()):
        if name not in value:
            return f"{where}: {name!r} is missing"
    for name, item in value.items():
        inner = f"{path}.{name}" if path else name
        if name in properties:
            if fault := find_fault(item, properties[name], inner):
                return fault
        elif not schema.get("additionalProperties", True):
            return f"{where}: {name!r} is not wanted"
    return ""


def _check_keywords(schema: Mapping[str, Any], where: str) -> str:
    for name in _COUNTS & set(schema):
        if not _is_of(schema[name], "integer") or schema[name] < 0:
            return f"{where}: {name!r} must be a count"
    for name in _LIMITS & set(schema):
        if not _is_of(schema[name], "number"):
            return f"{where}: {name!r} must be a number"
    if not isinstance(schema.get("enum", []), list) or schema.get("enum") == []:
        return f"{where}: 'enum' must be a list of values"
    if not isinstance(schema.get("additionalProperties", True), bool):
        return f"{where}: 'additionalProperties' must be true or false"
    try:
        re.compile(schema.get("pattern", ""))
    except (re.error, TypeError):
        return f"{where}: 'pattern' is no regular expression"
    if _repeats_a_repetition(schema.get("pattern", "")):
        return f"{where}: 'pattern' may not repeat a repetition: it could take for ever"
    return ""


def _repeats_a_repetition(pattern: str) -> bool:
    """Whether a group that is repeated has something in it that is: `(a+)+`.

    By its text, so that an escaped or listed parenthesis may be taken for one: rather refused.
    """
    depths: list[bool] = []
    """Of each open group: whether something in it is repeated."""
    text = re.sub(r"\\.|\[\^?\]?[^\]]*\]", "x", pattern)
    for at, character in enumerate(text):
        is_repeated = text[at + 1 : at + 2] in ("*", "+", "{")
        if character == "(":
            depths.append(False)
        elif character == ")" and depths:
            has_repetition = depths.pop()
            if has_repetition and is_repeated:
                return True
            if depths and (has_repetition or is_repeated):
                depths[-1] = True
        elif is_repeated and depths:
            depths[-1] = True
    return False


def _check_parts(schema: Mapping[str, Any], path: str, where: str, depth: int) -> str:
    properties = schema.get("properties", {})
    if not isinstance(properties, Mapping):
        return f"{where}: 'properties' must be an object"
    required = schema.get("required", [])
    if not isinstance(required, list) or not all(name in properties for name in required):
        return f"{where}: 'required' must be a list of properties"
    parts = {f"{path}.{name}" if path else name: part for name, part in properties.items()}
    if "items" in schema:
        parts[f"{path}[]"] = schema["items"]
    faults = (check_schema(part, inner, depth - 1) for inner, part in parts.items())
    return next(filter(None, faults), "")
