"""Tools on the real wire: offered, called whole or in pieces, answered, by Groq's SDK as well."""

import json
from typing import Any

import pytest

from tests.engines.llm.loopback import opened
from tests.servers.groq_script import Answering, Script, whole_call
from voxd.commands import Message, ToolSpec
from voxd.contracts import Piece, ReplyRequest, Usage
from voxd.errors import Category, EngineError, Phase
from voxd.events import ToolCall

Patch = pytest.MonkeyPatch
SCHEMA = {"type": "object", "properties": {"people": {"type": "integer"}}}
BOOK = ToolSpec("book", "Books a table.", json.dumps(SCHEMA))
CALLED = ToolCall("call_1", "book", '{"people": 2}')
ASKED = (Message("system", "You are kind.", tools=(BOOK,)), Message("user", "A table for two."))
ANSWERED = (
    *ASKED,
    Message("assistant", "", tool_calls=(CALLED,)),
    Message("tool", "Booked.", tool_call_id="call_1"),
)
each_provider = pytest.mark.parametrize("provider", ["groq", "openai"])


def answer(messages: list[dict[str, Any]]) -> Answering:
    """Call the tool, then say what it said."""
    last = messages[-1]
    if last["role"] == "tool":
        return Answering(("It", " says:", f" {last['content']}"))
    return Answering(tools=(whole_call("book", '{"people": 2}'),))


async def pieces_of(engine: Any, messages: tuple[Message, ...]) -> list[Piece]:
    request = ReplyRequest("call", 1, messages, 50, 0.7)
    return [piece async for piece in engine.stream_reply(request)]


@each_provider
async def test_a_tool_is_offered_called_and_answered(provider: str, monkeypatch: Patch) -> None:
    async with opened(monkeypatch, provider, Script(answer=answer)) as (engine, server):
        *before, call, usage = await pieces_of(engine, ASKED)
        assert before == [""]  # a sign of life
        assert call == ToolCall("fc_0", "book", '{"people": 2}')
        assert isinstance(usage, Usage)
        function = {"name": "book", "description": "Books a table.", "parameters": SCHEMA}
        assert server.replies[0].body["tools"] == [{"type": "function", "function": function}]
        told = await pieces_of(engine, ANSWERED)
        assert "".join(piece for piece in told if isinstance(piece, str)) == "It says: Booked."
        called, returned = server.replies[1].body["messages"][-2:]
        assert called["tool_calls"][0]["function"]["arguments"] == CALLED.arguments
        assert returned == {"role": "tool", "content": "Booked.", "tool_call_id": "call_1"}


@each_provider
async def test_words_before_a_call_come_first(provider: str, monkeypatch: Patch) -> None:
    pieces = (
        {"index": 0, "id": "t", "type": "function", "function": {"name": "book", "arguments": ""}},
        {"index": 0, "function": {"arguments": '{"people"'}},
        {"index": 0, "function": {"arguments": ": 2}"}},
    )
    script = Script(answer=lambda _: Answering(("Let", " me see."), pieces))
    async with opened(monkeypatch, provider, script) as (engine, _):
        told = await pieces_of(engine, ASKED)
    assert told[:5] == ["Let", " me see.", "", "", ""]
    assert told[5] == ToolCall("t", "book", '{"people": 2}')


@each_provider
async def test_a_request_without_tools_says_nothing_of_them_and_gets_no_calls(
    provider: str, monkeypatch: Patch
) -> None:
    async with opened(monkeypatch, provider, Script(answer=answer)) as (engine, server):
        with pytest.raises(EngineError) as caught:
            await pieces_of(engine, (Message("user", "A table for two."),))
        assert "tools" not in server.replies[0].body
    assert (caught.value.category, caught.value.phase) == (Category.SERVER, Phase.FIRST_RESULT)
