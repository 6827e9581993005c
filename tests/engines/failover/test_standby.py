"""What the local model reads of a call that another one answers."""

import asyncio

from tests.engines.failover.models import model
from tests.engines.failover.test_llm import LONG
from voxd.commands import Message, ToolSpec
from voxd.contracts import Priority
from voxd.engines.failover.compact import LIMIT_TOKENS, compact, estimate_tokens
from voxd.engines.failover.standby import ShadowSlots, Standby
from voxd.engines.llm.plain import plain_messages
from voxd.errors import Category, EngineError, Phase
from voxd.events import ToolCall

ANSWER = Message("assistant", "Yes.")
NEXT = (*LONG, ANSWER, Message("user", "Thank you."))
TOOL = ToolSpec("book", "Books a table.", '{"type": "object", "properties": {}}')


def calling(call_id: str) -> Message:
    """A reply that calls a tool, and takes its time to do so."""
    words = "One moment, I look whether there is a table for you. " * 5
    return Message("assistant", words, tool_calls=(ToolCall(call_id, "book", "{}"),))


def test_slots_are_bounded_and_come_back() -> None:
    slots = ShadowSlots(2)
    assert [slots.take(call_id) for call_id in ("a", "b", "c", "a")] == [True, True, False, True]
    slots.give_back("a")
    slots.give_back("never had one")
    assert slots.take("c")
    assert slots.in_use == 2


async def test_without_a_slot_it_reads_nothing() -> None:
    standby = Standby(engine := model("b"), ShadowSlots(0))
    standby.read_along("CA1", LONG)
    await asyncio.sleep(1)
    assert engine.prepared == []
    assert standby.begin_reply(LONG) == compact(LONG)


async def test_only_the_newest_conversation_is_read() -> None:
    engine = model("b")
    engine.prepare_s = 1.0
    standby = Standby(engine, ShadowSlots(1))
    standby.read_along("CA1", LONG)
    await asyncio.sleep(0.5)
    standby.read_along("CA1", NEXT)
    await asyncio.sleep(5)
    assert engine.prepared == [NEXT]


async def test_a_conversation_that_is_not_read_yet_is_shown_compact() -> None:
    engine = model("b")
    engine.prepare_s = 1.0
    standby = Standby(engine, ShadowSlots(1))
    standby.read_along("CA1", LONG)
    await asyncio.sleep(0.5)
    assert standby.begin_reply(NEXT) == compact(NEXT)
    await asyncio.sleep(5)
    assert engine.prepared == []  # it was stopped: the reply comes first


async def test_a_conversation_that_was_read_is_shown_whole() -> None:
    standby = Standby(model("b"), ShadowSlots(1))
    standby.read_along("CA1", (*LONG, ANSWER))
    await asyncio.sleep(1)
    assert standby.begin_reply(NEXT) == NEXT


async def test_after_a_compact_reply_it_holds_no_more_than_that() -> None:
    standby = Standby(model("b"), ShadowSlots(1))
    standby.begin_reply(LONG)
    assert standby.begin_reply(NEXT) == compact(NEXT)


async def test_reading_that_fails_leaves_it_cold() -> None:
    engine = model("b")

    async def refuse(call_id: str, messages: object, priority: Priority) -> None:
        raise EngineError("b", Category.OVERLOADED, Phase.FIRST_RESULT, "scripted")

    engine.prepare = refuse  # type: ignore[method-assign]
    standby = Standby(engine, ShadowSlots(1))
    standby.read_along("CA1", (*LONG, ANSWER))
    await asyncio.sleep(1)
    assert standby.begin_reply(NEXT) == compact(NEXT)


async def test_after_its_own_compact_reply_it_reads_the_rest() -> None:
    engine = model("b")
    standby = Standby(engine, ShadowSlots(0))
    prompt = standby.begin_reply(LONG)
    standby.note_reply("CA1", LONG, prompt, ANSWER)
    await asyncio.sleep(1)
    assert engine.prepared == [(*LONG, ANSWER)]
    assert standby.begin_reply(NEXT) == NEXT


async def test_after_a_call_of_a_tool_it_is_shown_the_whole_conversation_and_the_tools() -> None:
    """The id of the call is the model's when it is read, and ours when it comes back."""
    system = Message("system", "Be kind. " * 40, tools=(TOOL,))
    asked = (system, *LONG[1:])
    standby = Standby(model("b"), ShadowSlots(1))
    standby.read_along("CA1", (*asked, calling("")))
    await asyncio.sleep(1)
    answered = (*asked, calling("ours"), Message("tool", "Yes. " * 50, tool_call_id="ours"))
    assert estimate_tokens(plain_messages(answered[-2:])) > LIMIT_TOKENS
    assert estimate_tokens(plain_messages(answered[-1:])) <= LIMIT_TOKENS
    assert standby.begin_reply(answered) == answered
    standby.note_reply("CA1", answered, answered, ANSWER)
    assert standby.begin_reply((*answered, ANSWER, NEXT[-1])) == (*answered, ANSWER, NEXT[-1])


async def test_release_stops_reading_and_frees_the_slot() -> None:
    engine = model("b")
    engine.prepare_s = 1e9
    slots = ShadowSlots(1)
    standby = Standby(engine, slots)
    standby.read_along("CA1", LONG)
    await asyncio.sleep(1)
    await standby.release("CA1")
    assert slots.in_use == 0
    assert len(asyncio.all_tasks()) == 1
