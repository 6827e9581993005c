"""Whole calls in which a pause is or is not the end of the turn, by words, melody and provider."""

import asyncio
from dataclasses import dataclass, field, replace

import pytest

from tests.fakes.call import Running, Stage, live_call, make_config
from tests.fakes.turn_judge import FakeTurnJudge
from voxd.commands import EndTurn, JudgeTurn
from voxd.config import Config
from voxd.contracts import EngineState
from voxd.events import EndReason, PlaybackFinished, TurnJudged

UNFINISHED = 0.01
QUESTION = "When are you open?"


def judged_config() -> Config:
    """Waits of 0.3, 0.6 and 1.0 s, and a judge."""
    return make_config(tier={"turn": ["fake-turn"]})


@dataclass
class Judged(Stage):
    """A stage with a judge of turns."""

    config: Config = field(default_factory=judged_config)
    judge: FakeTurnJudge = field(default_factory=FakeTurnJudge)

    def __post_init__(self) -> None:
        super().__post_init__()
        self.more = [self.judge]

    @property
    def prompts(self) -> list[str]:
        """The caller's words as the model was asked, in order."""
        return [request.messages[-1].content for request in self.llm.requests]


def endpoint_s(call: Running, number: int = 0) -> float:
    """From the caller's last word to the end of the turn."""
    ends = [(at, item) for at, item in call.call.journal.entries if isinstance(item, EndTurn)]
    at, end = ends[number]
    return at - end.speech_end


async def test_a_caller_who_sounds_finished_is_answered_after_the_short_wait() -> None:
    stage = Judged()
    async with live_call(stage) as call:
        await call.wait_for(PlaybackFinished)
        await stage.line.say(QUESTION)
        await call.wait_for(PlaybackFinished, 2)
    assert endpoint_s(call) == pytest.approx(0.3, abs=0.06)
    assert [judged.probability for judged in call.all(TurnJudged)] == [0.97]


async def test_a_hesitating_caller_is_not_cut_off() -> None:
    """Words that look complete, a melody that is not, and a pause of 0.8 s."""
    stage = Judged(judge=FakeTurnJudge(UNFINISHED, 0.97))
    async with live_call(stage) as call:
        await call.wait_for(PlaybackFinished)
        await stage.line.say("When are you open?")
        await asyncio.sleep(0.8)
        await stage.line.say("On Sundays?")
        await call.wait_for(PlaybackFinished, 2)
    (end,) = call.all(EndTurn)
    assert end.reason == "complete"
    assert stage.prompts[-1] == "When are you open? On Sundays?"
    assert "clear" not in stage.line.sent


async def test_the_same_pause_without_a_judge_is_taken_for_the_end() -> None:
    stage = Stage()
    async with live_call(stage) as call:
        await call.wait_for(PlaybackFinished)
        await stage.line.say("When are you open?")
        await asyncio.sleep(0.8)
        await stage.line.say("On Sundays?")
        await call.wait_for(EndTurn, 2)


async def test_a_judge_that_hangs_is_waited_for_once_and_no_longer_than_the_shortest_wait() -> None:
    """The turn ends by its words when the judgement is given up, and the next ones do not wait."""
    stage = Judged()
    stage.judge.is_hung = True
    async with live_call(stage) as call:
        await call.wait_for(PlaybackFinished)
        await stage.line.say(QUESTION)
        await call.wait_for(PlaybackFinished, 2)
        await stage.line.say("Thank you.")
        await call.wait_for(PlaybackFinished, 3)
        assert stage.runtime.board.verdict("fake-turn").state is EngineState.PROBING
    assert endpoint_s(call) == pytest.approx(stage.config.tier().wait_complete_s, abs=0.04)
    assert endpoint_s(call, 1) == pytest.approx(0.6, abs=0.06)
    assert [judged.probability for judged in call.all(TurnJudged)] == [None, None]
    assert len(stage.judge.heard) == 1


async def test_a_judge_that_is_dead_costs_nothing() -> None:
    stage = Judged()
    stage.judge.failure = stage.judge.error()
    async with live_call(stage) as call:
        await call.wait_for(PlaybackFinished)
        await stage.line.say(QUESTION)
        await call.wait_for(PlaybackFinished, 2)
    assert endpoint_s(call) == pytest.approx(0.3, abs=0.06)
    assert await call.ended() is EndReason.CALLER_HUNG_UP


async def test_a_judge_that_does_not_know_the_language_is_not_asked() -> None:
    stage = Judged()
    stage.judge.capabilities = replace(stage.judge.capabilities, languages=("es",))
    async with live_call(stage) as call:
        await call.wait_for(PlaybackFinished)
        await stage.line.say(QUESTION)
        await call.wait_for(PlaybackFinished, 2)
    assert stage.judge.heard == []
    assert endpoint_s(call) == pytest.approx(0.3, abs=0.06)


async def test_a_judgement_that_is_due_when_the_caller_hangs_up_is_stopped() -> None:
    stage = Judged()
    stage.judge.is_hung = True
    async with live_call(stage) as call:
        await call.wait_for(PlaybackFinished)
        await stage.line.say(QUESTION)
        await call.wait_for(JudgeTurn)
        await asyncio.sleep(0.01)
        assert stage.judge.active == 1
        stage.line.hang_up()
        await call.ended()
        assert stage.judge.active == 0
