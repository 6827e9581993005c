"""`[tools]`: what agents may do beside talking, and who offers it. Pure.

The built-in tools need no table; what they do is in `voxd.dialog`. An agent uses what its `tools`
names and nothing else.
"""

import json
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from voxd.errors import Problem
from voxd.schema import check_schema

if TYPE_CHECKING:  # it imports this module
    from voxd.config import Agent, Config

END_CALL = "end_call"
TRANSFER_CALL = "transfer_call"
SEND_DIGITS = "send_digits"
TAKE_MESSAGE = "take_message"
BUILT_IN = (END_CALL, TRANSFER_CALL, SEND_DIGITS, TAKE_MESSAGE)

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
    return found


def _agents(config: "Config") -> "Iterator[tuple[str, Agent]]":
    yield "agent", config.agent
    for name, own in config.agents.items():
        yield f"agents.{name}", config.agent.changed_by(own)
