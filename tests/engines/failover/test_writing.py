"""Every way in which a language model can fail, and what becomes of the reply."""

import asyncio
from contextlib import aclosing

import pytest

from tests.engines.failover.models import (
    DEADLINES,
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
from tests.engines.failover.recorder import now
from tests.fakes.language_model import STALL, Script
from voxd.contracts import ReplyRequest
from voxd.engines.failover.hedge import LAST
from voxd.errors import Category, Phase
from voxd.events import ToolCall

EXTRA_S = 1.5
"""Most silence that a single failure may add."""


async def test_a_healthy_engine_is_the_only_one_asked() -> None:
    async with chain(model("a", GOOD), model("b", STANDBY)) as it:
        told = await it.ask()
    assert told.text == TEXT
    assert (told.token_at, told.clause_at) == (NORMAL_S, NORMAL_S)
    assert len(told.usages) == 1
    assert it.asked == [1, 0]
    assert it.board.results == [("a", NORMAL_S)]
    assert (it.board.errors, it.board.hedges, it.board.posted) == ([], [], [])


@pytest.mark.parametrize(
    ("category", "phase"),
    [
        (Category.CONNECTIVITY, Phase.CONNECT),
        (Category.AUTH, Phase.FIRST_RESULT),
        (Category.QUOTA, Phase.FIRST_RESULT),
        (Category.RATE_LIMIT, Phase.FIRST_RESULT),
        (Category.SERVER, Phase.FIRST_RESULT),
        (Category.TIMEOUT, Phase.CONNECT),
        (Category.OVERLOADED, Phase.FIRST_RESULT),
        (Category.BAD_REQUEST, Phase.FIRST_RESULT),
    ],
)
async def test_a_refusal_moves_the_request_at_once(category: Category, phase: Phase) -> None:
    a = model("a", (0.05, error("a", category, phase)))
    async with chain(a, model("b", STANDBY)) as it:
        told = await it.ask()
    assert told.text == STANDBY_TEXT
    assert told.clause_at == 0.35
    assert it.board.errors == [("a", category)]
    assert it.board.switched == [("a", "b", category)]
    assert it.board.switches == [("a", "b")]
    assert it.board.hedges == []  # it was not started beside anybody


UNUSABLE: dict[str, Script] = {
    "stall before the first token": (STALL,),
    "stall after the first token": (0.1, "Yes", STALL),
    "tokens too slow for a clause": (0.3, "a", 0.3, "b", 0.3, "c", 0.3, "d", 0.3, "e. "),
    "lost after the first token": (0.2, "Yes", error("a", Category.CONNECTIVITY, Phase.STREAM)),
    "lost late": (0.9, error("a", Category.CONNECTIVITY)),
    "an empty reply": (0.3,),
    "nothing that can be spoken": (0.3, "*** "),
}


@pytest.mark.parametrize("name", UNUSABLE)
async def test_whatever_happens_before_a_clause_the_reply_is_whole_and_soon(name: str) -> None:
    async with chain(model("a", UNUSABLE[name]), model("b", STANDBY)) as it:
        told = await it.ask()
    assert told.error is None
    assert told.text == STANDBY_TEXT
    assert told.clause_at is not None and told.clause_at - NORMAL_S <= EXTRA_S
    assert len(told.usages) == 1
    assert it.asked == [1, 1]
    assert [(left, taken) for left, taken, _ in it.board.switched] == [("a", "b")]


async def test_a_late_engine_is_hedged_and_loses() -> None:
    a = model("a", (0.95, "Yes, we are. ", "Come by."))
    async with chain(a, model("b", STANDBY)) as it:
        told = await it.ask()
        assert a.active == 0
    assert told.text == STANDBY_TEXT
    assert told.clause_at == 0.8  # soft deadline and what the second one takes
    assert it.board.hedges == [("b", True)]
    assert it.board.switched == [("a", "b", Category.TIMEOUT)]
    assert it.board.errors == []
    assert it.board.late == [("a", 0.8)]
    assert it.board.results == [("b", 0.3)]


async def test_a_late_engine_that_delivers_first_wins() -> None:
    b = model("b", STANDBY)
    async with chain(model("a", (0.7, *GOOD[1:])), b) as it:
        told = await it.ask()
        assert b.active == 0
    assert told.text == TEXT
    assert told.clause_at == 0.7
    assert it.asked == [1, 1]
    assert it.board.hedges == [("b", False)]
    assert (it.board.switched, it.board.errors) == ([], [])


async def test_the_first_token_of_any_engine_is_told_and_no_text_before_a_clause() -> None:
    a = model("a", (0.2, "Yes", 0.5, " we", STALL))
    async with chain(a, model("b", STANDBY)) as it:
        told = await it.ask()
    assert told.token_at == 0.2
    assert told.clause_at == 1.1  # first clause late at 0.8
    assert told.text == STANDBY_TEXT


async def test_the_loser_is_closed_before_the_winner_is_done() -> None:
    a, b = model("a", (STALL,)), model("b", (0.1, "We are open. ", 5.0, "Do come by."))
    async with chain(a, b) as it:
        request = ReplyRequest("CA1", 1, PROMPT, 150, 0.7)
        async with aclosing(it.llm.stream_reply(request)) as pieces:  # type: ignore[type-var]
            async for piece in pieces:
                if piece:
                    break
            await asyncio.sleep(0.1)
            assert (a.active, b.active) == (0, 1)


async def test_a_hedge_that_fails_costs_nothing() -> None:
    b = model("b", (0.1, error("b", Category.SERVER)))
    async with chain(model("a", (0.9, *GOOD[1:])), b) as it:
        told = await it.ask()
    assert told.text == TEXT
    assert told.clause_at == 0.9
    assert it.board.errors == [("b", Category.SERVER)]
    assert it.board.hedges == [("b", False)]
    assert it.board.switched == []


async def test_the_walk_goes_on_to_the_third() -> None:
    a = model("a", (0.1, error("a", Category.SERVER)))
    b = model("b", (0.1, error("b", Category.OVERLOADED)))
    async with chain(a, b, model("c", STANDBY)) as it:
        told = await it.ask()
    assert told.text == STANDBY_TEXT
    assert it.board.switched == [("a", "b", Category.SERVER), ("b", "c", Category.OVERLOADED)]


async def test_both_dead_is_the_last_ones_error() -> None:
    a = model("a", (0.1, error("a", Category.SERVER)))
    b = model("b", (0.1, error("b", Category.OVERLOADED)))
    async with chain(a, b) as it:
        told = await it.ask()
    assert told.error is not None
    assert (told.error.engine, told.error.category) == ("b", Category.OVERLOADED)
    assert it.board.switched == [("a", "b", Category.SERVER)]
    assert told.text == ""


async def test_the_last_engine_is_given_longer_than_the_others() -> None:
    async with chain(model("a", (STALL,)), model("b", (1.8, "We are open. ", 1.7, "Yes."))) as it:
        told = await it.ask()
    assert told.text == "We are open. Yes."
    assert it.board.errors == [("a", Category.TIMEOUT)]


async def test_two_engines_that_stall_are_left_at_their_deadlines() -> None:
    async with chain(model("a", (STALL,)), model("b", (STALL,))) as it:
        begun_at = now()
        told = await it.ask()
        first_token = DEADLINES.first_token_s
        waited_s = now() - begun_at
    assert told.error is not None and told.error.category is Category.TIMEOUT
    assert waited_s == pytest.approx(first_token.soft_s + LAST * first_token.hard_s)
    assert it.board.errors == [("a", Category.TIMEOUT), ("b", Category.TIMEOUT)]


async def test_the_last_engine_that_stops_after_its_first_clause_is_left_as_well() -> None:
    refusing = model("a", (error("a", Category.SERVER),))
    async with chain(refusing, model("b", (0.1, "We are open. ", "On ", STALL))) as it:
        told = await it.ask()
    assert told.error is not None and told.error.phase is Phase.STREAM
    assert it.board.errors == [("a", Category.SERVER), ("b", Category.TIMEOUT)]


async def test_a_single_engine_has_all_the_time_it_wants() -> None:
    async with chain(model("a", (9.0, *GOOD[1:]))) as it:
        assert (await it.ask()).text == TEXT


@pytest.mark.parametrize("before", [0, 1])
async def test_the_last_engine_is_asked_again_when_it_broke_off_before_its_first_clause(
    before: int,
) -> None:
    refusing = [model("a", (0.1, error("a", Category.SERVER)))] * before
    broken: Script = (0.1, "Yes, we", error("b", Category.CONNECTIVITY, Phase.STREAM))
    b = model("b", broken, STANDBY, is_local=True)
    async with chain(*refusing, b) as it:
        told = await it.ask()
    assert (told.text, told.error) == (STANDBY_TEXT, None)
    assert len(b.requests) == 2


async def test_an_engine_that_breaks_off_twice_is_not_asked_a_third_time() -> None:
    broken: Script = (0.1, "Yes, we", error("a", Category.CONNECTIVITY, Phase.STREAM))
    async with chain(model("a", broken, broken, GOOD)) as it:
        told = await it.ask()
        assert told.error is not None and told.error.phase is Phase.STREAM
        assert it.asked == [2]


async def test_an_only_engine_that_broke_off_after_its_first_clause_is_asked_again() -> None:
    broken: Script = (0.1, "Yes, we are. ", 0.1, error("a", Category.SERVER, Phase.STREAM))
    async with chain(model("a", broken, GOOD)) as it:
        assert (await it.ask()).error is not None
        assert (await it.ask()).text == TEXT


async def test_an_empty_reply_of_the_last_engine_is_a_reply() -> None:
    async with chain(model("a", (0.1,))) as it:
        told = await it.ask()
    assert (told.text, told.error, len(told.usages)) == ("", None, 1)


@pytest.mark.parametrize("ending", ["error", "stall"])
async def test_after_a_clause_a_failure_is_raised_and_the_next_request_goes_on(ending: str) -> None:
    last = error("a", Category.CONNECTIVITY, Phase.STREAM) if ending == "error" else STALL
    a = model("a", (0.2, "Yes, we are. ", 0.1, "Come", last))
    async with chain(a, model("b", STANDBY)) as it:
        told = await it.ask()
        assert told.text == "Yes, we are. Come"
        assert told.error is not None
        assert (told.error.engine, told.error.phase) == ("a", Phase.STREAM)
        category = Category.CONNECTIVITY if ending == "error" else Category.TIMEOUT
        assert it.board.errors == [("a", category)]
        assert it.board.switched == [("a", "b", category)]
        again = await it.ask()
    assert again.text == STANDBY_TEXT
    assert it.asked == [1, 1]


async def test_a_stall_after_a_clause_is_noticed_by_its_deadline() -> None:
    async with chain(model("a", (0.2, "Yes, we are. ", STALL)), model("b", STANDBY)) as it:
        begun_at = asyncio.get_running_loop().time()
        await it.ask()
        waited_s = asyncio.get_running_loop().time() - begun_at
    assert waited_s == pytest.approx(0.2 + DEADLINES.next_audio_s.hard_s)


async def test_a_reply_that_every_engine_broke_is_not_asked_for_again() -> None:
    def broken(name: str) -> Script:
        return (0.2, "Yes, we are. ", 0.1, error(name, Category.SERVER, Phase.STREAM))

    async with chain(model("a", broken("a")), model("b", broken("b"))) as it:
        phases = [told.error.phase for _ in range(3) if (told := await it.ask()).error]
        assert phases == [Phase.STREAM, Phase.STREAM, Phase.FIRST_RESULT]
        assert it.asked == [1, 1]
        await it.ask(reply_id=2)
        assert sum(it.asked) == 3  # the next reply is asked for


async def test_an_engine_that_only_lost_a_race_is_asked_when_the_winner_breaks() -> None:
    a = model("a", (2.0,), GOOD)
    b = model("b", (0.1, "We are open. ", 0.1, error("b", Category.SERVER, Phase.STREAM)))
    async with chain(a, b) as it:
        assert (await it.ask()).error is not None
        assert (await it.ask()).text == TEXT


async def test_cancelling_closes_every_stream() -> None:
    a, b = model("a", (STALL,)), model("b", (STALL,))
    async with chain(a, b) as it:
        async with asyncio.TaskGroup() as tasks:
            asking = tasks.create_task(it.ask())
            await asyncio.sleep(0.7)
            assert (a.active, b.active) == (1, 1)
            asking.cancel()


async def test_a_bug_in_an_engine_is_not_hidden() -> None:
    class Buggy(RuntimeError):
        pass

    a = model("a", (0.1, Buggy()))  # type: ignore[arg-type]
    a.stream_reply = lambda request: _raising(Buggy())  # type: ignore[method-assign]
    async with chain(a, model("b", STANDBY)) as it:
        with pytest.raises(Buggy):
            await it.ask()


async def _raising(bug: Exception):  # type: ignore[no-untyped-def]
    raise bug
    yield ""


# --- tools --------------------------------------------------------------------------------------

CALL = ToolCall("", "book", "{}")


async def test_a_call_of_a_tool_is_something_to_go_on_with() -> None:
    a = model("a", (0.2, CALL, 5.0))
    async with chain(a, model("b", STANDBY)) as it:
        request, asked_at = ReplyRequest("CA1", 1, PROMPT, 150, 0.7), now()
        async with aclosing(it.llm.stream_reply(request)) as pieces:  # type: ignore[type-var]
            assert [await anext(pieces) for _ in range(3)] == ["", "", CALL]
        assert now() - asked_at == pytest.approx(0.2)
    assert it.asked == [1, 0] and it.board.hedges == []


async def test_words_before_a_call_come_before_it() -> None:
    async with chain(model("a", (0.1, "Let me ", "see. ", CALL)), model("b", STANDBY)) as it:
        request = ReplyRequest("CA1", 1, PROMPT, 150, 0.7)
        pieces = [piece async for piece in it.llm.stream_reply(request)]
    *words, call, _usage = pieces
    assert "".join(str(word) for word in words) == "Let me see. " and call == CALL


async def test_a_call_that_is_late_is_hedged_and_the_first_of_two_is_the_only_one() -> None:
    late, spare = model("a", (0.9, CALL)), model("b", (0.1, CALL))
    async with chain(late, spare) as it:
        request = ReplyRequest("CA1", 1, PROMPT, 150, 0.7)
        pieces = [piece async for piece in it.llm.stream_reply(request)]
    assert pieces.count(CALL) == 1
    assert it.asked == [1, 1] and it.board.switches == [("a", "b")]


async def test_an_engine_that_fails_before_its_call_leaves_it_to_the_next() -> None:
    failing = model("a", (0.1, "", error("a", Category.SERVER, Phase.FIRST_RESULT)))
    async with chain(failing, model("b", (0.1, CALL))) as it:
        request = ReplyRequest("CA1", 1, PROMPT, 150, 0.7)
        assert CALL in [piece async for piece in it.llm.stream_reply(request)]
