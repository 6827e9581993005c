"""Which engine the next reply goes to, and what the local one reads."""

import asyncio

from tests.engines.failover.models import (
    GOOD,
    NORMAL_S,
    PROMPT,
    STANDBY,
    STANDBY_TEXT,
    TEXT,
    chain,
    error,
    model,
)
from tests.fakes.language_model import STALL
from voxd.commands import Message
from voxd.contracts import Priority
from voxd.engines.failover.compact import LIMIT_TOKENS, estimate_tokens
from voxd.engines.failover.roster import RETURN_S
from voxd.errors import Category

LONG = (
    PROMPT[0],
    *[
        message
        for turn in range(10)
        for message in (
            Message("user", f"Question {turn}, and some more words to make it longer."),
            Message("assistant", f"Answer {turn}, with a few words of its own as well."),
        )
    ],
    PROMPT[1],
)


async def test_a_switch_is_kept_for_the_next_reply() -> None:
    a = model("a", (0.1, error("a", Category.SERVER)), GOOD)
    async with chain(a, model("b", STANDBY)) as it:
        assert it.llm.name == "a"
        await it.ask(1)
        assert it.llm.name == "b"
        assert (await it.ask(2)).text == STANDBY_TEXT
    assert it.asked == [1, 2]


async def test_the_call_returns_between_replies_when_the_engine_is_well() -> None:
    a = model("a", (0.1, error("a", Category.SERVER)), GOOD)
    async with chain(a, model("b", STANDBY)) as it:
        await it.ask(1)
        it.board.ill.add("a")
        await asyncio.sleep(RETURN_S)
        assert (await it.ask(2)).text == STANDBY_TEXT
        it.board.ill.clear()
        assert (await it.ask(3)).text == TEXT
    assert it.llm.name == "a"


async def test_one_slow_reply_does_not_change_the_engine_for_good() -> None:
    a = model("a", (STALL,), GOOD)
    b = model("b", (0.1, *STANDBY[1:]))
    async with chain(a, b) as it:
        assert (await it.ask(1)).text == STANDBY_TEXT
        assert it.board.hedges == [("b", True)]
        assert (await it.ask(2)).text == TEXT


async def test_it_speaks_for_the_engine_that_is_asked_next() -> None:
    a, b = model("a", (0.1, error("a", Category.SERVER))), model("b", STANDBY, is_local=True)
    async with chain(a, b) as it:
        assert it.llm.status().name == "a"
        assert not it.llm.capabilities.is_local
        await it.llm.warm()
        assert await it.llm.probe() == await a.probe()
        await it.ask()
        assert it.llm.status().name == "b"
        assert it.llm.capabilities.is_local


async def test_a_prompt_is_read_by_the_engine_that_is_asked_next() -> None:
    a, b = model("a", GOOD), model("b", STANDBY, is_local=True)
    async with chain(a, b) as it:
        await it.llm.prepare("CA1", PROMPT, Priority.GREETING)
        assert (a.prepared, b.prepared) == ([PROMPT], [])


async def test_with_a_slot_the_local_engine_reads_along() -> None:
    a, b = model("a", GOOD), model("b", STANDBY, is_local=True)
    async with chain(a, b, slots=1) as it:
        await it.llm.prepare("CA1", PROMPT[:1], Priority.GREETING)
        await it.ask(1, LONG)
        await asyncio.sleep(0.1)
        assert b.prepared == [PROMPT[:1], (*LONG, Message("assistant", TEXT))]
        assert it.slots.in_use == 1
    assert it.slots.in_use == 0


async def test_what_is_read_along_ends_as_the_history_will_have_it() -> None:
    """A space between the words and a call of a tool is nobody's."""
    a, b = model("a", (NORMAL_S, "Let me look. ")), model("b", STANDBY, is_local=True)
    async with chain(a, b, slots=1) as it:
        await it.ask(1, LONG)
        await asyncio.sleep(0.1)
        assert b.prepared[-1][-1].content == "Let me look."


async def test_a_warm_local_engine_takes_over_with_the_whole_conversation() -> None:
    a = model("a", GOOD, (0.1, error("a", Category.SERVER)))
    b = model("b", STANDBY, is_local=True)
    async with chain(a, b, slots=1) as it:
        await it.ask(1, LONG)
        await asyncio.sleep(0.1)
        longer = (*LONG, Message("assistant", TEXT), Message("user", "Thank you."))
        await it.ask(2, longer)
        assert b.requests[0].messages == longer


async def test_a_cold_local_engine_gets_a_compact_prompt_and_reads_the_rest_after_it() -> None:
    a = model("a", (0.1, error("a", Category.SERVER)))
    b = model("b", STANDBY, is_local=True)
    async with chain(a, b) as it:
        told = await it.ask(1, LONG)
        shown = b.requests[0].messages
        assert estimate_tokens(shown) <= LIMIT_TOKENS
        assert (shown[0], shown[-1]) == (LONG[0], LONG[-1])
        await asyncio.sleep(0.1)
        assert b.prepared == [(*LONG, Message("assistant", told.text))]
        longer = (*LONG, Message("assistant", told.text), Message("user", "Thank you."))
        await it.ask(2, longer)
        assert b.requests[1].messages == longer


async def test_a_hedge_in_vain_makes_the_local_engine_read_again() -> None:
    a = model("a", GOOD, (0.7, *GOOD[1:]), GOOD)
    b = model("b", STANDBY, is_local=True)
    async with chain(a, b, slots=1) as it:
        await it.ask(1, LONG)
        await it.ask(2, LONG)  # hedged while it was reading: compact
        assert b.requests[0].messages != LONG or b.prepared
        await asyncio.sleep(0.1)
        assert b.prepared[-1] == (*LONG, Message("assistant", TEXT))


async def test_a_local_engine_in_front_is_always_shown_all() -> None:
    async with chain(model("b", STANDBY, is_local=True), slots=1) as it:
        await it.ask(1, LONG)
        assert it.models[0].requests[0].messages == LONG
        assert it.slots.in_use == 0


async def test_releasing_frees_every_engine_and_stops_the_reading() -> None:
    a, b = model("a", GOOD), model("b", STANDBY, is_local=True)
    b.prepare_s = STALL
    async with chain(a, b, slots=1) as it:
        await it.llm.prepare("CA1", PROMPT, Priority.GREETING)
        await asyncio.sleep(0.1)
        assert (a.sequences, b.sequences) == ({"CA1"}, {"CA1"})
        await it.llm.release("CA1")
        assert (a.sequences, b.sequences) == (set(), set())
        assert b.prepared == []
        assert len(asyncio.all_tasks()) == 1
