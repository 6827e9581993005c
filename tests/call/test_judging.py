"""The end of an utterance is kept, judged in time or not at all, and always answered."""

import asyncio

import pytest

from tests.engines.failover.recorder import Recorder
from tests.fakes.turn_judge import FakeTurnJudge
from voxd.call.judging import IDLE_S, KEPT_S, LIMIT_S, PRE_ROLL_S, PauseJudging, find_limit_s
from voxd.contracts import FRAME_BYTES, FRAME_S, LINE_RATE_HZ, TurnJudge
from voxd.errors import Category
from voxd.events import TurnJudged


class Setup:
    """A judging with a scripted judge; audio is told by frames whose byte is their number."""

    def __init__(self, judge: FakeTurnJudge | None = None) -> None:
        self.judge = judge or FakeTurnJudge()
        self.present: TurnJudge | None = self.judge
        self.recorder = Recorder()
        loop = asyncio.get_running_loop()
        self.it = PauseJudging(
            lambda: self.present, self.recorder, "CA1", self.recorder.post, loop.time
        )
        self.frames = 0

    def hear(self, seconds: float) -> None:
        for _ in range(round(seconds / FRAME_S)):
            self.it.push(bytes([self.frames % 256]) * FRAME_BYTES, self.now + FRAME_S)
            self.frames += 1

    @property
    def now(self) -> float:
        return self.frames * FRAME_S

    async def heard(self) -> bytes:
        """What the judge would hear now."""
        await self.it.judge(self.now - 0.1)
        return self.judge.heard[-1]

    @property
    def posted(self) -> list[TurnJudged]:
        return [event for event in self.recorder.posted if isinstance(event, TurnJudged)]


def seconds(mulaw: bytes) -> float:
    return len(mulaw) / LINE_RATE_HZ


async def test_the_judgement_is_told_with_its_pause() -> None:
    setup = Setup(FakeTurnJudge(0.8))
    setup.hear(1.0)
    await setup.it.judge(0.9)
    (judged,) = setup.posted
    assert (judged.speech_end, judged.probability) == (0.9, 0.8)
    assert setup.recorder.results == [("fake-turn", 0.05)]


async def test_the_judge_hears_the_utterance_its_pre_roll_and_its_pause() -> None:
    setup = Setup()
    setup.hear(5.0)
    setup.it.speech_started(4.5)
    setup.hear(1.0)
    heard = await setup.heard()
    assert seconds(heard) == pytest.approx(1.5 + PRE_ROLL_S, abs=FRAME_S)
    assert heard[-1] == (setup.frames - 1) % 256


async def test_no_more_is_kept_than_a_judge_looks_at() -> None:
    setup = Setup()
    setup.hear(60.0)
    assert seconds(await setup.heard()) <= IDLE_S
    setup.it.speech_started(59.9)
    setup.hear(60.0)
    assert seconds(await setup.heard()) == pytest.approx(KEPT_S, abs=FRAME_S)


async def test_a_pause_in_the_utterance_keeps_what_came_before_it() -> None:
    setup = Setup()
    setup.hear(1.0)
    setup.it.speech_started(0.5)
    setup.hear(2.0)
    setup.it.speech_started(2.5)
    setup.hear(1.0)
    assert seconds(await setup.heard()) == pytest.approx(3.5 + PRE_ROLL_S, abs=FRAME_S)


async def test_what_is_dealt_with_is_not_heard_again() -> None:
    setup = Setup()
    setup.hear(1.0)
    setup.it.speech_started(0.2)
    setup.hear(1.0)
    setup.it.forget(1.5)
    assert seconds(await setup.heard()) == pytest.approx(0.5)
    setup.hear(10.0)
    assert seconds(await setup.heard()) <= IDLE_S


async def test_speech_that_began_after_what_is_dealt_with_stays() -> None:
    setup = Setup()
    setup.hear(1.0)
    setup.it.speech_started(0.5)
    setup.hear(2.0)
    setup.it.speech_started(2.5)
    setup.it.forget(2.0)
    setup.hear(3.0)
    assert seconds(await setup.heard()) == pytest.approx(4.0, abs=FRAME_S)


async def test_a_judge_that_hangs_is_given_up_after_its_limit() -> None:
    setup = Setup()
    setup.judge.is_hung = True
    begun_at = asyncio.get_running_loop().time()
    await setup.it.judge(0.9)
    (judged,) = setup.posted
    assert judged.probability is None
    assert judged.at - begun_at == pytest.approx(LIMIT_S)
    assert setup.judge.active == 0
    assert setup.recorder.late == [("fake-turn", LIMIT_S)]


async def test_a_judge_that_fails_costs_no_time() -> None:
    setup = Setup()
    setup.judge.failure = setup.judge.error()
    begun_at = asyncio.get_running_loop().time()
    await setup.it.judge(0.9)
    assert [event.probability for event in setup.posted] == [None]
    assert setup.posted[0].at == begun_at
    assert setup.recorder.errors == [("fake-turn", Category.CONNECTIVITY)]


async def test_without_a_judge_the_answer_comes_at_once() -> None:
    setup = Setup()
    setup.present = None
    await setup.it.judge(0.9)
    assert [event.probability for event in setup.posted] == [None]
    assert setup.judge.heard == []


@pytest.mark.parametrize(
    ("wait_s", "limit_s"), [(0.32, 0.2), (0.36, 0.24), (2.0, LIMIT_S), (0, 0.1)]
)
def test_a_judgement_is_waited_for_no_longer_than_the_shortest_wait(
    wait_s: float, limit_s: float
) -> None:
    assert find_limit_s(wait_s, pause_s=0.1) == pytest.approx(limit_s)
