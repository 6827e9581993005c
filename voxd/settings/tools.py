"""`[tools]`: what agents may do beside talking, and who offers it. Pure.

The built-in tools need no table; what they do is in `voxd.dialog`. An agent uses what its `tools`
names and nothing else.
"""

import json
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from voxd.errors import Problem
from voxd.schema import check_schema, find_fault
from voxd.settings.examples import MAX_EXAMPLES_CHARS, count_characters

if TYPE_CHECKING:  # it imports this module
    from voxd.config import Agent, Config

END_CALL = "end_call"
TRANSFER_CALL = "transfer_call"
SEND_DIGITS = "send_digits"
TAKE_MESSAGE = "take_message"
BUILT_IN = (END_CALL, TRANSFER_CALL, SEND_DIGITS, TAKE_MESSAGE)

_NOTHING: Mapping[str, Any] = {"type": "object", "properties": {}, "additionalProperties": False}
_DIGITS: Mapping[str, Any] = {
    "type": "object",
    "properties": {
        "digits": {
            "type": "string",
            "description": "0-9, *, #; w waits for half a second",
            "pattern": "^[0-9*#ABCDw]{1,32}$",
        }
    },
    "required": ["digits"],
    "additionalProperties": False,
}
BUILT_IN_PARAMETERS: Mapping[str, Mapping[str, Any]] = {
    END_CALL: _NOTHING,
    TRANSFER_CALL: _NOTHING,
    SEND_DIGITS: _DIGITS,
    TAKE_MESSAGE: _NOTHING,
}
"""JSON schemas of their arguments."""

MAX_SCHEMA_CHARS = 8000
"""Of a tool's schema as JSON: the model reads all of it before each reply."""


def judge_parameters(schema: dict[str, Any]) -> dict[str, Any]:
    """A tool's schema, if voxd can check arguments by it.

    Raises:
        ValueError: it cannot; says why.
    """
    problem = check_schema(schema)
    if not problem and schema.get("type") != "object":
        problem = "the schema: 'type' must be object"
    if problem:
        raise ValueError(problem)
    try:
        text = json.dumps(schema, allow_nan=False)
    except (TypeError, ValueError):  # TOML has dates and infinity
        raise ValueError("the schema: holds what JSON has not") from None
    if len(text) > MAX_SCHEMA_CHARS:
        raise ValueError("the schema: is too long")
    return schema


def check_tools(config: "Config") -> list[Problem]:
    """Tools that take the name of a built-in one, and agents that lean on what is not there."""
    found = [
        Problem(f"tools.{name}", "this is the name of a tool that voxd has")
        for name in config.tools
        if name in BUILT_IN
    ]
    for table, agent in _agents(config):
        for name in agent.tools:
            if name not in BUILT_IN and name not in config.tools:
                known = ", ".join((*BUILT_IN, *sorted(config.tools)))
                found.append(Problem(f"{table}.tools", f"no tool {name!r}; known: {known}"))
        if TRANSFER_CALL in agent.tools and not agent.transfer.number:
            found.append(Problem(f"{table}.tools", f"{TRANSFER_CALL} needs transfer.number"))
        found += _check_examples(config, table, agent)
    return found


def _check_examples(config: "Config", table: str, agent: "Agent") -> "Iterator[Problem]":
    """What an agent's examples show and nobody may do."""
    if count_characters(agent.examples) > MAX_EXAMPLES_CHARS:
        message = f"all together: at most {MAX_EXAMPLES_CHARS} characters, the model reads them all"
        yield Problem(f"{table}.examples", message)
    for number, example in enumerate(agent.examples):
        key = f"{table}.examples.{number}"
        if example.tool is None:
            continue
        if example.tool not in agent.tools:
            known = ", ".join(agent.tools) or "none"
            yield Problem(f"{key}.tool", f"is no tool of this agent; those are: {known}")
        elif (schema := _parameters(config, example.tool)) is not None:
            if fault := find_fault(example.arguments, schema):
                yield Problem(f"{key}.arguments", fault)


def _parameters(config: "Config", name: str) -> Mapping[str, Any] | None:
    if name in BUILT_IN_PARAMETERS:
        return BUILT_IN_PARAMETERS[name]
    return config.tools[name].parameters if name in config.tools else None


def _agents(config: "Config") -> "Iterator[tuple[str, Agent]]":
    yield "agent", config.agent
    for name, own in config.agents.items():
        yield f"agents.{name}", config.agent.changed_by(own)
