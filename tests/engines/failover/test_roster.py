"""Which engine is asked first, before and after failures."""

import asyncio

from tests.engines.failover.recorder import Recorder, now
from tests.fakes.language_model import FakeLanguageModel
from voxd.contracts import LanguageModel
from voxd.engines.failover.roster import RETURN_S, Roster
from voxd.errors import Category, EngineError, Phase
from voxd.events import EngineSwitched, HedgeEnded, HedgeStarted, Kind


class Three:
    """A chain `a`, `b`, `c`."""

    def __init__(self, *, may_return: bool) -> None:
        self.board = Recorder()
        engines: list[LanguageModel] = []
        for name in "abc":
            engine = FakeLanguageModel()
            engine.name = name
            engines.append(engine)
        self.a, self.b, self.c = engines
        self.roster = Roster(
            Kind.LLM, engines, self.board, self.board.post, now, may_return=may_return
        )

    @property
    def order(self) -> str:
        return "".join(engine.name for engine in self.roster.order())


async def test_the_chain_is_asked_in_its_order() -> None:
    three = Three(may_return=True)
    assert three.order == "abc"
    assert three.roster.current is three.a


async def test_what_was_left_comes_last() -> None:
    for may_return in (True, False):
        three = Three(may_return=may_return)
        three.roster.leave(three.a)
        assert three.order == "bca"


async def test_a_failure_is_told_and_leaves() -> None:
    three = Three(may_return=False)
    error = EngineError("a", Category.SERVER, Phase.CONNECT, "scripted")
    three.roster.note_failure(three.a, error)
    assert three.board.errors == [("a", Category.SERVER)]
    assert three.order == "bca"


async def test_being_late_and_results_are_told() -> None:
    three = Three(may_return=False)
    three.roster.note_late(three.a, 0.5)
    three.roster.note_result(three.b, 0.2)
    three.roster.note_hedge(three.b, won=True)
    assert three.board.late == [("a", 0.5)]
    assert three.board.results == [("b", 0.2)]
    assert three.board.hedges == [("b", True)]
    assert three.order == "abc"


async def test_the_call_returns_to_an_engine_that_is_healthy_again() -> None:
    three = Three(may_return=True)
    three.roster.leave(three.a)
    three.board.ill.add("a")
    await asyncio.sleep(RETURN_S + 1)
    assert three.order == "bca"
    three.board.ill.clear()
    assert three.order == "abc"


async def test_the_call_does_not_return_at_once() -> None:
    three = Three(may_return=True)
    three.roster.leave(three.a)
    await asyncio.sleep(RETURN_S / 2)
    assert three.order == "bca"


async def test_a_voice_that_was_left_is_left_for_the_call() -> None:
    three = Three(may_return=False)
    three.roster.leave(three.a)
    await asyncio.sleep(600)
    assert three.order == "bca"


async def test_what_another_call_found_out_counts_before_the_next_reply() -> None:
    three = Three(may_return=True)
    three.board.ill.add("a")
    assert three.order == "bca"
    three.board.ill |= {"b", "c"}
    assert three.order == "abc"  # all look ill: the tier's wish


async def test_a_voice_does_not_change_for_health_alone() -> None:
    three = Three(may_return=False)
    three.board.ill.add("a")
    assert three.order == "abc"


async def test_of_engines_that_were_left_the_first_left_is_tried_first() -> None:
    three = Three(may_return=False)
    for engine in (three.b, three.a, three.c):
        await asyncio.sleep(1)
        three.roster.leave(engine)
    assert three.order == "bac"


async def test_a_switch_is_posted_and_counted() -> None:
    three = Three(may_return=False)
    three.roster.note_switch(three.a, three.b, Category.TIMEOUT)
    assert three.board.switches == [("a", "b")]
    assert three.board.posted == [EngineSwitched(now(), Kind.LLM, "a", "b", Category.TIMEOUT)]


async def test_hedges_are_posted_and_counted() -> None:
    three = Three(may_return=False)
    three.roster.note_hedge_started(three.b)
    three.roster.note_hedge(three.b, won=True)
    assert three.board.hedges == [("b", True)]
    assert three.board.posted == [
        HedgeStarted(now(), Kind.LLM, "b"),
        HedgeEnded(now(), Kind.LLM, "b", True),
    ]


def test_one_engine_is_the_only_one() -> None:
    three = Three(may_return=False)
    assert not three.roster.is_only
    chain = (three.a,)
    alone = Roster(Kind.LLM, chain, three.board, three.board.post, now, may_return=True)
    assert alone.is_only
