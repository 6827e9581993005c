"""Tools in plain words, for models that know only what their chat template knows. Pure.

Chat templates for tools differ from model to model, and small models have none. So the tools are
described in the system prompt, a call is a JSON object at the end of a reply, or all of it, and
what a tool answered comes as a message of the user's. Examples are turns that come first.
`PlainReply` reads what is written; `call_schema` is what the worker makes its grammar of, so that
a reply which begins as a call can only end as a whole one.
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from voxd.commands import Message, ToolSpec
from voxd.events import ToolCall

TOOL, ARGUMENTS = "tool", "arguments"
"""The keys of a call."""
CALL_BEGINS = "{"
"""How a call begins."""


def plain_messages(messages: Iterable[Message]) -> tuple[Message, ...]:
    """The same conversation in system, user and assistant messages alone."""
    plain: list[Message] = []
    for message in messages:
        if message.role == "tool":
            told = f"(The answer: {message.content})"
            if plain and plain[-1].role == "user":  # of two calls in one reply
                told = f"{plain.pop().content} {told}"
            plain.append(Message("user", told))
        elif message.tool_calls:
            calls = [_write_call(call) for call in message.tool_calls]
            plain.append(Message("assistant", "\n".join(filter(None, [message.content, *calls]))))
        elif message.tools or message.examples:
            parts = filter(None, [message.content, describe_tools(message.tools)])
            plain.append(Message(message.role, "\n\n".join(parts)))
            plain += plain_messages(message.examples)
        else:
            plain.append(message)
    return tuple(plain)


def head_length(messages: Sequence[Message]) -> int:
    """How many of the plain messages begin every prompt of an agent: what it is told and shown."""
    if not messages or messages[0].role != "system":
        return 0
    return 1 + len(plain_messages(messages[0].examples))


def describe_tools(tools: Sequence[ToolSpec]) -> str:
    """What a system prompt says of the tools: a line for each, as short as can be."""
    if not tools:
        return ""
    lines = [f"- {_signature(tool)}: {tool.description}" for tool in tools]
    example = json.dumps({TOOL: tools[0].name, ARGUMENTS: {}})
    return "\n".join(
        [
            "You can use tools. To use one, answer with a line of JSON and nothing else, like"
            f" {example}. The tools:",
            *lines,
        ]
    )


def call_schema(tools: Sequence[ToolSpec]) -> str:
    """The JSON schema, as text, of a reply that is a call of one of the tools."""
    calls = [
        {
            "type": "object",
            "properties": {TOOL: {"const": tool.name}, ARGUMENTS: json.loads(tool.parameters)},
            "required": [TOOL, ARGUMENTS],
            "additionalProperties": False,
        }
        for tool in tools
    ]
    return json.dumps({"oneOf": calls} if len(calls) > 1 else calls[0])


class PlainReply:
    """A reply as it is written: shows its words and keeps the call that it may end in.

    A brace begins a call: nothing that is to be spoken has one.
    """

    def __init__(self) -> None:
        self._call = ""
        self._has_words = False

    def feed(self, text: str) -> str:
        """Add text; return what of it may be spoken."""
        if self._call:
            self._call += text
            return ""
        words, brace, rest = text.partition(CALL_BEGINS)
        self._call = brace + rest
        self._has_words = self._has_words or bool(words.strip())
        return words

    def finish(self) -> ToolCall | None:
        """The call, if there is one; half a call after words is left out.

        Raises:
            ValueError: half a call is all there is.
        """
        if not self._call:
            return None
        try:
            return decode_call(self._call)
        except ValueError:
            if self._has_words:
                return None
            raise


def decode_call(text: str) -> ToolCall:
    """The call that a reply is; what follows it is not looked at.

    Raises:
        ValueError: it is none.
    """
    call, _ = json.JSONDecoder().raw_decode(text)
    if not isinstance(call, Mapping) or not isinstance(call.get(TOOL), str):
        raise ValueError("this is no call of a tool")
    return ToolCall("", call[TOOL], json.dumps(call.get(ARGUMENTS, {})))


def _write_call(call: ToolCall) -> str:
    try:
        arguments: Any = json.loads(call.arguments)
    except ValueError:
        arguments = {}
    return json.dumps({TOOL: call.name, ARGUMENTS: arguments}, ensure_ascii=False)


def _signature(tool: ToolSpec) -> str:
    schema = json.loads(tool.parameters)
    properties = schema.get("properties", {})
    names = [
        name if name in schema.get("required", ()) else f"{name} (optional)" for name in properties
    ]
    return f"{tool.name}({', '.join(names)})"
