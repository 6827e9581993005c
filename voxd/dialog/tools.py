"""What an agent may do beside talking: the tools that its model is offered. Pure.

Built in are those that only the call itself can do; what is said of them is here. The others are
the operator's (`[tools]`). What the model writes is judged before anything is done by it.
"""

import json
from collections.abc import Iterable, Mapping
from typing import Any

import orjson

from voxd.commands import Message, ToolSpec
from voxd.config import Config
from voxd.events import ToolCall
from voxd.schema import find_fault
from voxd.settings.examples import Example
from voxd.settings.tools import (
    BUILT_IN,
    BUILT_IN_PARAMETERS,
    END_CALL,
    SEND_DIGITS,
    TAKE_MESSAGE,
    TRANSFER_CALL,
)

MAX_ARGUMENTS_CHARS = 4000
"""Of one call; what can be said on the telephone is shorter."""
MAX_NAME_CHARS = 64
"""Of a tool's name; the config takes no longer one."""

_DESCRIPTIONS: Mapping[str, str] = {
    END_CALL: (
        "Hangs up. For when the caller has said goodbye or wants nothing more. Say your goodbye in"
        " the same reply, before it."
    ),
    TRANSFER_CALL: (
        "Puts the caller through to a person, which ends your part of the call. Say so in the same"
        " reply, before it."
    ),
    TAKE_MESSAGE: ("Lets the caller leave a recorded message, which ends your part of the call."),
    SEND_DIGITS: "Presses keys on the telephone, for the menu of another machine.",
}
"""What the built-in tools do."""


def offered_tools(config: Config) -> tuple[ToolSpec, ...]:
    """The tools of the call's agent, in the order of its config."""
    return tuple(ToolSpec(name, *_described(config, name)) for name in config.agent.tools)


def example_turns(examples: Iterable[Example]) -> tuple[Message, ...]:
    """Examples as turns of a conversation."""
    turns: list[Message] = []
    for example in examples:
        turns.append(Message("user", example.said))
        if example.tool is not None:
            call = ToolCall("", example.tool, json.dumps(example.arguments))
            turns.append(Message("assistant", "", tool_calls=(call,)))
        if example.answer:
            turns.append(Message("tool", example.answer))
        if example.reply:
            turns.append(Message("assistant", example.reply))
    return tuple(turns)


def judge_call(config: Config, call: ToolCall) -> str:
    """What is wrong with a call, for the model; empty: it may be done."""
    if call.name not in config.agent.tools:
        known = ", ".join(config.agent.tools)
        return f"there is no tool of that name; there are: {known}"
    if len(call.arguments) > MAX_ARGUMENTS_CHARS:
        return "the arguments are too long"
    try:
        arguments = orjson.loads(call.arguments)
    except orjson.JSONDecodeError:
        return "the arguments are no JSON"
    return find_fault(arguments, _parameters(config, call.name))


def filed_call(call: ToolCall, call_id: str) -> ToolCall:
    """A call as the history keeps it: bounded, under an id of ours, its arguments JSON.

    A model's ids may be empty or the same twice, and providers refuse a conversation whose
    arguments are no JSON.
    """
    arguments = call.arguments
    try:
        orjson.loads(arguments)
    except orjson.JSONDecodeError:
        arguments = "{}"
    if len(arguments) > MAX_ARGUMENTS_CHARS:
        arguments = "{}"
    return ToolCall(call_id, call.name[:MAX_NAME_CHARS], arguments)


def _described(config: Config, name: str) -> tuple[str, str]:
    description = _DESCRIPTIONS[name] if name in BUILT_IN else config.tools[name].description
    return description, json.dumps(_parameters(config, name))


def _parameters(config: Config, name: str) -> Mapping[str, Any]:
    return BUILT_IN_PARAMETERS[name] if name in BUILT_IN else config.tools[name].parameters
