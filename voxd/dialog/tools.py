"""What an agent may do beside talking: the tools that its model is offered. Pure.

Built in are those that only the call itself can do; their tables are here. The others are the
operator's (`[tools]`). What the model writes is judged before anything is done by it.
"""

import json
from collections.abc import Mapping
from typing import Any

import orjson

from voxd.commands import ToolSpec
from voxd.config import Config
from voxd.events import ToolCall
from voxd.schema import find_fault
from voxd.settings.tools import END_CALL, SEND_DIGITS, TAKE_MESSAGE, TRANSFER_CALL

MAX_ARGUMENTS_CHARS = 4000
"""Of one call; what can be said on the telephone is shorter."""
MAX_NAME_CHARS = 64
"""Of a tool's name; the config takes no longer one."""

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
_BUILT_IN: Mapping[str, tuple[str, Mapping[str, Any]]] = {
    END_CALL: (
        "Hangs up. For when the caller has said goodbye or wants nothing more. Say your goodbye in"
        " the same reply, before it.",
        _NOTHING,
    ),
    TRANSFER_CALL: (
        "Puts the caller through to a person, which ends your part of the call. Say so in the same"
        " reply, before it.",
        _NOTHING,
    ),
    TAKE_MESSAGE: (
        "Lets the caller leave a recorded message, which ends your part of the call.",
        _NOTHING,
    ),
    SEND_DIGITS: ("Presses keys on the telephone, for the menu of another machine.", _DIGITS),
}


def offered_tools(config: Config) -> tuple[ToolSpec, ...]:
    """The tools of the call's agent, in the order of its config."""
    return tuple(ToolSpec(name, *_described(config, name)) for name in config.agent.tools)


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
    if name in _BUILT_IN:
        description, parameters = _BUILT_IN[name]
    else:
        description, parameters = config.tools[name].description, config.tools[name].parameters
    return description, json.dumps(parameters)


def _parameters(config: Config, name: str) -> Mapping[str, Any]:
    return _BUILT_IN[name][1] if name in _BUILT_IN else config.tools[name].parameters
