"""Chunks are read as the protocol reference shows them, and nonsense is refused."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from voxd.commands import Message
from voxd.contracts import Usage
from voxd.engines.llm.chat import (
    ChatDelta,
    Reply,
    TokenCounts,
    decode_chunk,
    decode_models,
    encode_messages,
)
from voxd.engines.llm.tool_calls import ToolDelta
from voxd.events import ToolCall


def chunk(delta: Any, finish_reason: str | None = None, **more: Any) -> dict[str, Any]:
    choice = {"index": 0, "delta": delta, "logprobs": None, "finish_reason": finish_reason}
    return {"id": "c", "object": "chat.completion.chunk", "choices": [choice], **more}


USAGE = {"queue_time": 0.02, "prompt_tokens": 40, "completion_tokens": 9, "total_tokens": 49}


def test_the_first_chunk_has_only_a_role() -> None:
    first = chunk({"role": "assistant", "content": ""}, x_groq={"id": "req_1"})
    assert decode_chunk(first) == ChatDelta()


def test_content_is_text_and_reasoning_is_not() -> None:
    assert decode_chunk(chunk({"content": "Hello"})) == ChatDelta("Hello")
    assert decode_chunk(chunk({"reasoning": "Hm", "content": None})) == ChatDelta()


def test_groqs_usage_is_in_the_last_chunk() -> None:
    last = chunk({}, "stop", x_groq={"id": "req_1", "usage": USAGE})
    assert decode_chunk(last) == ChatDelta(finish_reason="stop", counts=TokenCounts(40, 0, 9))


def test_the_usage_chunk_has_no_choices() -> None:
    usage = {**USAGE, "prompt_tokens_details": {"cached_tokens": 32}}
    counts = TokenCounts(40, 32, 9)
    assert decode_chunk({"choices": [], "usage": usage}) == ChatDelta(counts=counts)


def test_tool_deltas_are_read_whole_and_in_pieces() -> None:
    whole = {
        "index": 0,
        "id": "t",
        "type": "function",
        "function": {"name": "f", "arguments": "{}"},
    }
    assert decode_chunk(chunk({"tool_calls": [whole]})).tools == (ToolDelta(0, "t", "f", "{}"),)
    piece = {"index": 0, "function": {"arguments": "{"}}
    assert decode_chunk(chunk({"tool_calls": [piece]})).tools == (ToolDelta(0, "", "", "{"),)


def test_half_a_character_is_left_out() -> None:
    assert decode_chunk(chunk({"content": "ok \ud83d"})).text == "ok "


@pytest.mark.parametrize(
    "nonsense",
    [
        5,
        "text",
        [],
        {"choices": 5},
        {"choices": [5]},
        chunk("text"),
        chunk({"content": 5}),
        chunk({"tool_calls": [{"index": -1}]}),
        chunk({"tool_calls": {"index": 0}}),
        {"choices": [], "usage": {"prompt_tokens": "many"}},
        chunk({}, x_groq={"id": "req_1", "error": "over capacity"}),
    ],
    ids=repr,
)
def test_nonsense_is_refused(nonsense: object) -> None:
    with pytest.raises(ValueError):
        decode_chunk(nonsense)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(
        st.sampled_from(["choices", "delta", "content", "usage", "x_groq", "tool_calls", "index"]),
        inner,
    ),
)  # fmt: skip


@given(JSON)
def test_whatever_comes_is_read_or_refused(value: object) -> None:
    try:
        decode_chunk(value)
        decode_models(value)
    except ValueError:
        pass


def test_models_keep_their_order() -> None:
    assert decode_models({"data": [{"id": "b"}, {"id": "a", "object": "model"}]}) == ("b", "a")


def test_messages_are_encoded_as_they_are() -> None:
    assert encode_messages([Message("user", "¿Qué?")]) == [{"role": "user", "content": "¿Qué?"}]
    with pytest.raises(UnicodeEncodeError):
        encode_messages([Message("user", "\ud83d")])


def test_providers_get_no_examples() -> None:
    shown = (Message("user", "Hi."), Message("assistant", "Hello!"))
    system = Message("system", "Be kind.", examples=shown)
    assert encode_messages([system]) == [{"role": "system", "content": "Be kind."}]


def test_text_is_cut_at_the_limit_and_told_as_such() -> None:
    reply = Reply(max_tokens=2)
    assert [reply.feed(ChatDelta(text)) for text in ("a", "b", "c")] == ["a", "b", ""]
    assert reply.is_full and reply.usage() == Usage(0, 0, 2, "length")


def test_space_before_the_first_word_is_no_token() -> None:
    reply = Reply(max_tokens=9)
    assert [reply.feed(ChatDelta(text)) for text in ("", "\n", "  Hi", " you")] == [
        *("", "", "Hi", " you")
    ]
    assert reply.tokens == 2


def test_usage_is_what_the_server_says() -> None:
    reply = Reply(max_tokens=9)
    reply.feed(ChatDelta("Hi"))
    reply.feed(ChatDelta(finish_reason="length", counts=TokenCounts(40, 8, 60)))
    assert reply.usage() == Usage(40, 8, 60, "length")


def test_tool_calls_come_out_whole() -> None:
    reply = Reply(max_tokens=9)
    reply.feed(ChatDelta(tools=(ToolDelta(0, "t", "f", "{"),)))
    reply.feed(ChatDelta(tools=(ToolDelta(0, arguments="}"),), finish_reason="tool_calls"))
    assert reply.tool_calls() == (ToolCall("t", "f", "{}"),)
