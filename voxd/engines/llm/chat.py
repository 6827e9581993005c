"""The chat-completions wire: messages out, chunks of a streamed reply in. Pure.

Groq and every OpenAI-compatible server speak it; what only one of them says is in its own module.
Nothing here trusts the other side: a chunk of the wrong shape is a `ValueError`, never another
exception.
"""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from voxd.commands import Message, ToolSpec
from voxd.contracts import Usage
from voxd.engines.llm.tool_calls import ToolCallAccumulator, ToolDelta
from voxd.events import ToolCall


@dataclass(frozen=True, slots=True)
class TokenCounts:
    """What the server says a reply cost, in tokens."""

    prompt: int
    cached: int
    """Of the prompt, how many it had computed before."""
    completion: int
    """Reasoning included."""


@dataclass(frozen=True, slots=True)
class ChatDelta:
    """What one chunk adds to the reply."""

    text: str = ""
    tools: tuple[ToolDelta, ...] = ()
    finish_reason: str = ""
    counts: TokenCounts | None = None


def encode_messages(messages: Iterable[Message]) -> list[dict[str, Any]]:
    """Messages for the request's body.

    Raises:
        UnicodeEncodeError: one holds half a character, which no JSON in UTF-8 can carry.
    """
    encoded = []
    for message in messages:
        message.content.encode()
        fields: dict[str, Any] = {"role": message.role, "content": message.content}
        if message.tool_calls:
            fields["tool_calls"] = [_encode_call(call) for call in message.tool_calls]
        if message.role == "tool":
            fields["tool_call_id"] = message.tool_call_id
        encoded.append(fields)
    return encoded


def encode_tools(tools: Iterable[ToolSpec]) -> dict[str, Any]:
    """The fields of a request that offer tools; none without tools."""
    functions = [
        {
            "name": tool.name,
            "description": tool.description,
            "parameters": json.loads(tool.parameters),
        }
        for tool in tools
    ]
    if not functions:
        return {}
    return {"tools": [{"type": "function", "function": function} for function in functions]}


def decode_chunk(chunk: object) -> ChatDelta:
    """Read one chunk. Reasoning is left out: nobody hears it.

    Raises:
        ValueError: it is no chunk of a chat completion, or it says that the server gave up.
    """
    data = _mapping(chunk)
    groq = _mapping(data.get("x_groq"))
    if groq.get("error"):
        raise ValueError("the server stopped the reply")
    counts = _decode_counts(data.get("usage") or groq.get("usage"))
    choices = _sequence(data.get("choices"))
    if not choices:  # the chunk that only tells the usage
        return ChatDelta(counts=counts)
    choice = _mapping(choices[0])
    delta = _mapping(choice.get("delta"))
    tools = tuple(_decode_tool(tool) for tool in _sequence(delta.get("tool_calls")))
    return ChatDelta(_text(delta, "content"), tools, _text(choice, "finish_reason"), counts)


def decode_models(body: object) -> tuple[str, ...]:
    """The model ids out of the answer to `GET …/models`, in its order.

    Raises:
        ValueError: it is no such list.
    """
    models = _sequence(_mapping(body).get("data"))
    return tuple(_text(_mapping(model), "id") for model in models)


@dataclass(slots=True)
class Reply:
    """One streamed reply, put together chunk by chunk and cut at its limit.

    The limit is on what is *spoken*. A server's own limit counts reasoning as well, so it is set
    higher, and the text is counted here: one delta is taken for one token, which is what servers
    send.
    """

    max_tokens: int
    tokens: int = 0
    """Deltas with text so far."""
    finish_reason: str = ""
    counts: TokenCounts | None = None
    has_calls: bool = False
    """A call of a tool has at least begun."""
    _tools: ToolCallAccumulator = field(default_factory=ToolCallAccumulator)

    @property
    def has_begun(self) -> bool:
        """Something came that is not thinking."""
        return self.has_calls or self.tokens > 0

    @property
    def is_full(self) -> bool:
        """The limit is reached: whatever follows is not wanted."""
        return self.tokens >= self.max_tokens

    def feed(self, delta: ChatDelta) -> str:
        """Take one chunk; return what it adds to the spoken text.

        White space before the first word is swallowed: it is nothing to say, and must not pass
        for a first token.
        """
        self.finish_reason = delta.finish_reason or self.finish_reason
        self.counts = delta.counts or self.counts
        for tool in delta.tools:
            self._tools.feed(tool)
            self.has_calls = True
        text = delta.text if self.tokens else delta.text.lstrip()
        if not text or self.is_full:
            return ""
        self.tokens += 1
        return text

    def tool_calls(self) -> tuple[ToolCall, ...]:
        """The whole calls of a reply that has ended; ValueError if one is not whole."""
        return self._tools.finish()

    def usage(self) -> Usage:
        """What it cost; prompt tokens are 0 when the reply was cut before the server told."""
        is_cut = self.is_full or self.finish_reason == "length"
        counts = self.counts or TokenCounts(0, 0, self.tokens)
        return Usage(
            counts.prompt, counts.cached, counts.completion, "length" if is_cut else "stop"
        )


def _encode_call(call: ToolCall) -> dict[str, Any]:
    function = {"name": call.name, "arguments": call.arguments}
    return {"id": call.id, "type": "function", "function": function}


def _decode_counts(value: object) -> TokenCounts | None:
    usage = _mapping(value)
    if not usage:
        return None
    details = _mapping(usage.get("prompt_tokens_details"))
    return TokenCounts(
        _count(usage, "prompt_tokens"),
        _count(details, "cached_tokens"),
        _count(usage, "completion_tokens"),
    )


def _decode_tool(value: object) -> ToolDelta:
    tool = _mapping(value)
    function = _mapping(tool.get("function"))
    return ToolDelta(
        _count(tool, "index"),
        _text(tool, "id"),
        _text(function, "name"),
        _text(function, "arguments"),
    )


def _mapping(value: object) -> Mapping[str, Any]:
    """An object; null and missing are an empty one."""
    if value is None:
        return {}
    if not isinstance(value, Mapping):
        raise ValueError("an object was expected")
    return value


def _sequence(value: object) -> list[Any]:
    if value is None:
        return []
    if not isinstance(value, list):
        raise ValueError("an array was expected")
    return value


def _text(data: Mapping[str, Any], key: str) -> str:
    value = data.get(key)
    if value is None:
        return ""
    if not isinstance(value, str):
        raise ValueError("a string was expected")
    # Half a character (a lone surrogate) would break whoever writes the text on.
    return value if value.isascii() else value.encode("utf-8", "ignore").decode()


def _count(data: Mapping[str, Any], key: str) -> int:
    value = data.get(key)
    if value is None:
        return 0
    if not isinstance(value, int) or value < 0:
        raise ValueError("a count was expected")
    return value
