"""What observers are told of whole calls, in virtual time, from the journals that calls keep."""

import asyncio

import pytest

from tests.fakes.call import Running, Stage, live_call
from tests.scenarios import test_failover as faults
from tests.scenarios.duet import Duet, ask
from tests.scenarios.test_failover import Fault
from tests.scenarios.test_interruptions import NoisyLine, answering, stage_of
from tests.telemetry.outcomes import make_facts
from voxd.commands import DropReply
from voxd.events import EndReason, Kind, PlaybackFinished
from voxd.telemetry.follower import Follower
from voxd.telemetry.latency import TurnTimings
from voxd.telemetry.outcome import CallFacts, CallOutcome, Switch, conclude


def outcome_of(call: Running) -> CallOutcome:
    """Of a call that is over."""
    entries = call.call.journal.entries
    return conclude(
        make_facts(),
        call.call.journal,
        EndReason.CALLER_HUNG_UP,
        entries[0][0],
        entries[-1][0],
    )


async def test_a_reply_that_the_caller_talks_over_was_interrupted() -> None:
    stage = stage_of()
    async with live_call(stage) as call:
        await answering(stage, call, into_s=1.0)
        await stage.line.say("And with a balcony?", 1.5)
        await call.wait_for(PlaybackFinished, 2)
    outcome = outcome_of(call)
    assert [turn.turn for turn in outcome.turns] == [1, 2]
    assert outcome.interrupted == {1}


async def test_one_that_is_heard_to_its_end_was_not() -> None:
    stage = stage_of()
    async with live_call(stage) as call:
        await answering(stage, call, into_s=1.0)
        assert isinstance(stage.line, NoisyLine)
        stage.line.cough(0.3)
        await call.wait_for(PlaybackFinished, 2)
    assert outcome_of(call).interrupted == frozenset()


async def test_one_that_pauses_for_an_okay_was_not() -> None:
    stage = stage_of()
    async with live_call(stage) as call:
        await answering(stage, call, into_s=1.0)
        await stage.line.say("Okay.", 0.35)
        await call.wait_for(PlaybackFinished, 2)
    assert outcome_of(call).interrupted == frozenset()


async def test_an_attempt_that_is_dropped_unheard_is_wasted_and_no_interruption() -> None:
    """The caller goes on after a pause in which a reply was begun."""
    stage = Stage()
    async with live_call(stage) as call:
        await call.wait_for(PlaybackFinished)
        await stage.line.say("I would like to know", 1.0)
        await asyncio.sleep(0.4)
        await stage.line.say("when you are open.", 1.0)
        await call.wait_for(PlaybackFinished, 2)
    outcome = outcome_of(call)
    assert len(outcome.turns) == 1
    assert outcome.interrupted == frozenset()
    assert outcome.wasted_attempts == len(call.all(DropReply)) > 0


@pytest.mark.parametrize(
    ("fault", "stage_kind"),
    [
        (faults.stt_dies_in_mid_utterance, Kind.STT),
        (faults.stt_never_answers, Kind.STT),
        (faults.llm_refuses, Kind.LLM),
        (faults.llm_dies_before_its_clause_sounds, Kind.LLM),
        (faults.tts_refuses, Kind.TTS),
        (faults.tts_dies_in_mid_sentence, Kind.TTS),
    ],
)
async def test_a_switch_belongs_to_the_turn_in_which_the_engine_failed(
    fault: Fault, stage_kind: Kind
) -> None:
    stage = Duet()
    async with live_call(stage) as call:
        await call.wait_for(PlaybackFinished)
        await ask(stage, call, "Hello there.")
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(fault(stage))
            tasks.create_task(ask(stage, call))
    outcome = outcome_of(call)
    assert [turn.turn for turn in outcome.turns] == [1, 2]
    switches = [switch for switch in outcome.switches if switch.stage is stage_kind]
    assert switches, outcome.switches
    assert {switch.turn for switch in switches} == {2}
    assert all(0 < switch.at_s < outcome.duration_s for switch in switches)


class Notes:
    """What an observer was told, with the turns heard by then."""

    def __init__(self) -> None:
        self.turns: list[TurnTimings] = []
        self.switches: list[Switch] = []

    def turn_heard(self, facts: CallFacts, turn: TurnTimings) -> None:
        self.turns.append(turn)

    def engine_switched(self, facts: CallFacts, switch: Switch) -> None:
        self.switches.append(switch)


async def test_what_is_told_while_a_call_runs_is_what_it_is_found_to_be_afterwards() -> None:
    stage, notes, facts = Duet(), Notes(), make_facts()
    follower, loop = Follower([notes]), asyncio.get_running_loop()
    async with live_call(stage) as call:
        await call.wait_for(PlaybackFinished)
        for _ in range(3):
            await ask(stage, call)
            follower.look(facts, call.call.journal, loop.time())
        assert [turn.turn for turn in notes.turns] == [1, 2, 3]
        await faults.llm_refuses(stage)
        await ask(stage, call)
    follower.finish(facts, call.call.journal)
    outcome = outcome_of(call)
    heard = [(turn.turn, turn.voice_to_voice_ms, turn.llm_engine) for turn in notes.turns]
    assert heard == [(it.turn, it.voice_to_voice_ms, it.llm_engine) for it in outcome.turns]
    assert [it.turn for it in notes.switches] == [it.turn for it in outcome.switches] == [4]
