"""What every language model must do, beside what all engines must."""

import asyncio
import contextlib
from collections.abc import Sequence

from tests.engines.setups import Subject, leaving_nothing
from tests.engines.using import SURROGATE, asking, use
from voxd.commands import Message, ToolSpec
from voxd.contracts import Priority, ReplyRequest, Usage
from voxd.errors import EngineError
from voxd.events import ToolCall


async def pieces_come_first_and_one_usage_last(subject: Subject) -> None:
    items = [item async for item in subject.engine.stream_reply(asking())]
    await subject.engine.release("call")
    assert [isinstance(item, Usage) for item in items] == [False] * (len(items) - 1) + [True]
    assert len(items) > 5 and all(items[:-1])
    usage = items[-1]
    assert usage.prompt_tokens > 0 and 0 <= usage.cached_tokens <= usage.prompt_tokens
    assert 0 < usage.completion_tokens <= 20
    assert usage.finish_reason in ("stop", "length")


async def a_reply_is_no_longer_than_was_asked_for(subject: Subject) -> None:
    items = [item async for item in subject.engine.stream_reply(asking(max_tokens=3))]
    await subject.engine.release("call")
    assert 1 < len(items) <= 4 and all(isinstance(item, str) for item in items[:-1])
    assert items[-1].completion_tokens <= 3 and items[-1].finish_reason == "length"


async def two_replies_are_written_at_the_same_time(subject: Subject) -> None:
    order = ""

    async def listen(call_id: str) -> None:
        nonlocal order
        async for _ in subject.engine.stream_reply(asking(call_id)):
            order += call_id
        await subject.engine.release(call_id)

    await asyncio.gather(listen("a"), listen("b"))
    assert order.index("a") < order.rindex("b") and order.index("b") < order.rindex("a")


async def a_reply_can_be_left_early(subject: Subject) -> None:
    await use(subject)
    async with leaving_nothing(subject):
        reply = subject.engine.stream_reply(asking())
        assert await anext(reply)
        await reply.aclose()
        await reply.aclose()
        await subject.engine.release("call")
    await use(subject)


async def what_cannot_be_asked_is_an_engine_error_at_most(subject: Subject) -> None:
    odd: list[Sequence[Message]] = [
        [],
        [Message("user", "")],
        [Message("user", SURROGATE)],
        [Message("user", "word " * 3000)],
        [Message("assistant", "Hello!")],
        [Message("narrator", "Once upon a time.")],  # type: ignore[arg-type]
    ]
    for messages in odd:
        request = ReplyRequest("odd", 1, tuple(messages), 8, 0.7)
        with contextlib.suppress(EngineError):
            async for _ in subject.engine.stream_reply(request):
                pass
        with contextlib.suppress(EngineError):
            await subject.engine.prepare("odd", messages, Priority.SPECULATION)
        await subject.engine.release("odd")
    await use(subject)


async def reading_ahead_is_optional_and_letting_go_harmless(subject: Subject) -> None:
    request = asking("ahead")
    await subject.engine.release("ahead")
    await subject.engine.prepare("ahead", request.messages[:1], Priority.GREETING)
    await subject.engine.prepare("ahead", request.messages, Priority.SPECULATION)
    assert [item async for item in subject.engine.stream_reply(request)]
    for _ in range(2):
        await subject.engine.release("ahead")


async def a_conversation_with_tools_is_understood(subject: Subject) -> None:
    call = ToolCall("call_1", "book", '{"people": 2}')
    schema = '{"type": "object", "properties": {"people": {"type": "integer"}}}'
    messages = (
        Message("system", "Be kind.", tools=(ToolSpec("book", "Books a table.", schema),)),
        Message("user", "A table for two."),
        Message("assistant", "", tool_calls=(call,)),
        Message("tool", "Booked.", tool_call_id="call_1"),
        Message("assistant", "It is booked."),
        Message("user", "Thank you."),
    )
    await subject.engine.prepare("call", messages[:1], Priority.GREETING)
    request = ReplyRequest("call", 1, messages, 60, 0.0)
    *pieces, usage = [item async for item in subject.engine.stream_reply(request)]
    await subject.engine.release("call")
    assert pieces and all(isinstance(piece, str | ToolCall) for piece in pieces)
    assert isinstance(usage, Usage)


CLAIMS = (
    pieces_come_first_and_one_usage_last,
    a_reply_is_no_longer_than_was_asked_for,
    two_replies_are_written_at_the_same_time,
    a_reply_can_be_left_early,
    what_cannot_be_asked_is_an_engine_error_at_most,
    reading_ahead_is_optional_and_letting_go_harmless,
    a_conversation_with_tools_is_understood,
)
