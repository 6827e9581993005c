"""Whole calls in which an engine fails and another takes over: design.md, "failure is part".

Every single failure is set against the same turn undisturbed: the caller waits at most 1.5 s
longer, the question reaches a model whole, and no word of the answer is heard twice.
"""

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

import pytest

from tests.fakes.call import Running, live_call, make_config
from tests.fakes.language_model import STALL, said
from tests.fakes.line import FakeLine
from tests.scenarios.duet import (
    ANSWER,
    CLAUSES,
    MAX_EXTRA_S,
    QUESTION,
    Duet,
    ask,
    judge_turn,
    undisturbed,
)
from voxd.errors import Category, EngineError, Phase
from voxd.events import (
    ClauseStarted,
    EndReason,
    EngineFailed,
    EngineSwitched,
    HedgeEnded,
    HedgeStarted,
    Kind,
    PlaybackFinished,
    SpeechPaused,
    TranscriptReceived,
)

Fault = Callable[[Duet], Coroutine[Any, Any, None]]
"""Brings a failure about while the caller asks; begins with the question."""


def llm_error(stage: Duet, phase: Phase = Phase.FIRST_RESULT) -> EngineError:
    return EngineError(stage.llm.name, Category.SERVER, phase, "scripted")


# --- every single failure ----------------------------------------------------------------------


async def stt_dies_in_mid_utterance(stage: Duet) -> None:
    await asyncio.sleep(0.7)
    stage.stt.break_streams()


async def stt_dies_at_the_pause(stage: Duet) -> None:
    await asyncio.sleep(1.5 + 0.2)
    stage.stt.break_streams()


async def stt_dies_and_refuses(stage: Duet) -> None:
    stage.stt.refusals = 1000
    await stt_dies_in_mid_utterance(stage)


async def stt_never_answers(stage: Duet) -> None:
    stage.stt.is_stalled = True


async def stt_hears_no_words(stage: Duet) -> None:
    stage.stt.is_deaf = True


async def stt_answers_five_times_slower(stage: Duet) -> None:
    stage.stt.slow_s = 0.4


async def llm_refuses(stage: Duet) -> None:
    stage.llm_plays((llm_error(stage),))


async def llm_fails_before_a_token(stage: Duet) -> None:
    stage.llm_plays((0.3, llm_error(stage)))


async def llm_never_begins(stage: Duet) -> None:
    stage.llm_plays((STALL,))


async def llm_stops_before_a_clause(stage: Duet) -> None:
    stage.llm_plays((0.1, "We ", "are ", STALL))


async def llm_dies_before_a_clause(stage: Duet) -> None:
    stage.llm_plays((0.1, "We ", "are ", 0.1, llm_error(stage, Phase.STREAM)))


async def llm_answers_nothing(stage: Duet) -> None:
    stage.llm_plays((0.1,))


async def llm_dies_before_its_clause_sounds(stage: Duet) -> None:
    stage.llm_plays((0.1, CLAUSES[0], " On ", llm_error(stage, Phase.STREAM)))


async def llm_writes_at_a_crawl(stage: Duet) -> None:
    stage.llm_plays(said(ANSWER, first_s=0.4, token_s=0.3))


async def tts_refuses(stage: Duet) -> None:
    stage.tts.refusals = 1000


async def tts_never_begins(stage: Duet) -> None:
    stage.tts.first_s = STALL


async def tts_dies_in_mid_sentence(stage: Duet) -> None:
    stage.tts.breaks[CLAUSES[0]] = 0.6


async def tts_in_real_time_stops_in_mid_sentence(stage: Duet) -> None:
    stage.tts.speed = stage.spare_tts.speed = 1.1
    stage.tts.stalls[CLAUSES[0]] = 0.6


async def tts_stops_in_mid_sentence(stage: Duet) -> None:
    stage.tts.stalls[CLAUSES[0]] = 0.6


async def tts_dies_in_the_second_sentence(stage: Duet) -> None:
    stage.tts.breaks[CLAUSES[1]] = 0.5


async def tts_speaks_at_a_crawl(stage: Duet) -> None:
    stage.tts.first_s, stage.tts.speed = 0.5, 0.2


SINGLE: tuple[Fault, ...] = (
    stt_dies_in_mid_utterance,
    stt_dies_at_the_pause,
    stt_dies_and_refuses,
    stt_never_answers,
    stt_hears_no_words,
    stt_answers_five_times_slower,
    llm_refuses,
    llm_fails_before_a_token,
    llm_never_begins,
    llm_stops_before_a_clause,
    llm_dies_before_a_clause,
    llm_answers_nothing,
    llm_dies_before_its_clause_sounds,
    llm_writes_at_a_crawl,
    tts_refuses,
    tts_never_begins,
    tts_dies_in_mid_sentence,
    tts_stops_in_mid_sentence,
    tts_in_real_time_stops_in_mid_sentence,
    tts_dies_in_the_second_sentence,
    tts_speaks_at_a_crawl,
)
PAIRS = [
    (one, other)
    for one in (stt_dies_and_refuses, stt_never_answers)
    for other in (llm_refuses, llm_never_begins, tts_refuses, tts_stops_in_mid_sentence)
] + [
    (one, other)
    for one in (llm_refuses, llm_never_begins)
    for other in (tts_never_begins, tts_dies_in_mid_sentence)
]


async def play(stage: Duet, call: Running, *faults: Fault) -> None:
    """One turn with these faults; the table's line is printed, the promises are asserted."""
    normal = await undisturbed()
    await call.wait_for(PlaybackFinished)
    async with asyncio.TaskGroup() as tasks:
        for fault in faults:
            tasks.create_task(fault(stage))
        asking = tasks.create_task(ask(stage, call))
    turn = asking.result()
    extra_s = turn.silence_s - normal.silence_s
    names = " + ".join(fault.__name__ for fault in faults)
    print(f"{names:60} silence {turn.silence_s:.2f} s (+{extra_s:.2f}), hole {turn.hole_s:.2f} s")
    assert extra_s <= MAX_EXTRA_S * max(1, len(faults))
    assert turn.hole_s <= MAX_EXTRA_S * max(1, len(faults))
    assert stage.prompts == [QUESTION]
    missing = [word for word in ANSWER.split() if word not in turn.words]
    assert len(missing) <= 1, missing
    assert turn.words == [word for word in ANSWER.split() if word not in missing]
    assert not call.all(EngineFailed)


@pytest.mark.parametrize("fault", SINGLE, ids=lambda fault: fault.__name__)
async def test_a_single_failure_costs_at_most_a_second_and_a_half_and_no_word(
    fault: Fault,
) -> None:
    stage = Duet()
    async with live_call(stage) as call:
        await play(stage, call, fault)
        # The next turn is served as if nothing had happened.
        turn = await ask(stage, call, "And what do you sell?")
        assert turn.words == ANSWER.split()
    assert stage.prompts == [QUESTION, "And what do you sell?"]


@pytest.mark.parametrize(
    "faults", PAIRS, ids=lambda faults: " + ".join(fault.__name__ for fault in faults)
)
async def test_two_failures_in_one_turn_are_survived(faults: tuple[Fault, Fault]) -> None:
    stage = Duet()
    async with live_call(stage) as call:
        await play(stage, call, *faults)


async def test_all_three_first_engines_failing_in_one_turn_are_survived() -> None:
    stage = Duet()
    async with live_call(stage) as call:
        await play(stage, call, stt_dies_and_refuses, llm_refuses, tts_dies_in_mid_sentence)
    assert {switch.kind for switch in call.all(EngineSwitched)} == {Kind.STT, Kind.LLM, Kind.TTS}


# --- the beginning of a call -------------------------------------------------------------------


async def test_speech_to_text_that_never_connects_costs_nothing() -> None:
    normal = await undisturbed()
    stage = Duet()
    stage.stt.open_s = STALL
    async with live_call(stage) as call:
        await call.wait_for(PlaybackFinished)
        turn = await ask(stage, call)
    assert turn.silence_s == pytest.approx(normal.silence_s, abs=0.02)
    assert turn.words == ANSWER.split()
    assert [switch.taken for switch in call.all(EngineSwitched)] == ["spare-stt"]


async def test_a_caller_who_speaks_before_anything_is_connected_is_heard() -> None:
    stage = Duet()
    stage.stt.open_s = STALL
    async with live_call(stage) as call:
        question = stage.line.speak(QUESTION, 1.0)
        await call.wait_for(TranscriptReceived)
        await call.wait_for(PlaybackFinished)
        await call.wait_for(ClauseStarted, 2)
    assert judge_turn(stage, question).silence_s < 0.9 + MAX_EXTRA_S
    assert stage.prompts == [QUESTION]


async def test_a_greeting_that_the_first_voice_does_not_speak_is_spoken_by_the_next() -> None:
    stage = Duet()
    stage.tts.first_s = STALL
    async with live_call(stage) as call:
        started = await call.wait_for(ClauseStarted)
        assert started.heard_at - 1000.0 < MAX_EXTRA_S
        await call.wait_for(PlaybackFinished)
    assert stage.heard_words() == started.text.split()


# --- long speech -------------------------------------------------------------------------------


async def test_a_long_question_with_pauses_survives_a_failure_between_them() -> None:
    stage = Duet()
    async with live_call(stage) as call:
        await call.wait_for(PlaybackFinished)
        await stage.line.say("I have a question about", 1.0)
        await asyncio.sleep(0.5)
        stage.line.speak("your opening hours", 1.5)
        await asyncio.sleep(0.6)
        stage.stt.break_streams()
        await asyncio.sleep(0.9 + 0.4)
        await stage.line.say("on Sundays.", 1.0)
        await call.wait_for(PlaybackFinished, 2)
    assert call.all(TranscriptReceived)[-1].text == (
        "I have a question about your opening hours on Sundays."
    )
    assert stage.prompts[-1] == "I have a question about your opening hours on Sundays."


# --- nobody is left ----------------------------------------------------------------------------


async def test_all_speech_to_text_dead_ends_in_an_apology() -> None:
    stage = Duet()
    async with live_call(stage) as call:
        await call.wait_for(PlaybackFinished)
        stage.line.speak(QUESTION, 1.5)
        await asyncio.sleep(0.5)
        stage.stt.refusals = stage.spare_stt.refusals = 1000
        stage.stt.break_streams()
        assert await call.ended() is EndReason.ENGINES_FAILED
    assert [failed.kind for failed in call.all(EngineFailed)] == [Kind.STT]
    assert stage.heard_words()[-3:] == stage.config.phrases.failure.split()[-3:]


async def test_all_models_dead_is_apologised_for_until_the_call_is_given_up() -> None:
    stage = Duet()
    stage.llm_plays((llm_error(stage),))
    stage.spare_llm.scripts = ((EngineError("spare-llm", Category.SERVER, Phase.CONNECT, "x"),),)
    async with live_call(stage) as call:
        await call.wait_for(PlaybackFinished)
        for count in (2, 3):
            question = await stage.line.say(QUESTION, 1.5)
            await call.wait_for(PlaybackFinished, count)
            assert judge_turn(stage, question).silence_s < 1.0 + MAX_EXTRA_S
        stage.line.speak(QUESTION, 1.5)
        assert await call.ended() is EndReason.ENGINES_FAILED
    assert stage.heard_words()[-3:] == stage.config.phrases.failure.split()[-3:]


async def test_all_voices_dead_fall_back_on_the_stored_apology() -> None:
    stage = Duet()
    async with live_call(stage) as call:  # a call that goes well renders its phrases
        await call.wait_for(PlaybackFinished)
        stage.llm_plays((llm_error(stage),))
        stage.spare_llm.scripts = ((llm_error(stage),),)
        await stage.line.say(QUESTION, 1.5)
        await call.wait_for(PlaybackFinished, 2)
        stage.llm_plays(said(ANSWER))
        stage.tts.refusals = stage.spare_tts.refusals = 1000
        question = await stage.line.say(QUESTION, 1.5)
        await call.wait_for(PlaybackFinished, 3)
    assert judge_turn(stage, question).words == stage.config.phrases.too_slow.split()


async def test_two_models_that_stall_are_apologised_for_long_before_the_last_net() -> None:
    stage = Duet()
    stage.llm_plays((STALL,))
    stage.spare_llm.scripts = ((STALL,),)
    async with live_call(stage) as call:
        await call.wait_for(PlaybackFinished)
        turn = await ask(stage, call)
    assert turn.words == stage.config.phrases.too_slow.split()
    assert turn.silence_s < 4.5 < stage.config.call.last_net_s
    assert [failed.kind for failed in call.all(EngineFailed)] == [Kind.LLM]


async def test_two_ears_that_stall_are_apologised_for_long_before_the_last_net() -> None:
    stage = Duet()
    async with live_call(stage) as call:
        await call.wait_for(PlaybackFinished)
        stage.stt.is_stalled = stage.spare_stt.is_stalled = True
        turn = await ask(stage, call)
    assert turn.words == stage.config.phrases.did_not_catch.split()
    assert turn.silence_s < stage.config.call.transcript_s + 1.5


async def test_hedges_are_in_the_journal() -> None:
    stage = Duet()
    await_stall = (llm_never_begins, stt_never_answers)
    async with live_call(stage) as call:
        await play(stage, call, *await_stall)
    started = [(hedge.kind, hedge.engine) for hedge in call.all(HedgeStarted)]
    assert started == [(Kind.STT, "spare-stt"), (Kind.LLM, "spare-llm")]
    assert [(hedge.kind, hedge.engine, hedge.won) for hedge in call.all(HedgeEnded)] == [
        (Kind.STT, "spare-stt", True),
        (Kind.LLM, "spare-llm", True),
    ]


# --- what one call found out -------------------------------------------------------------------


def next_call(stage: Duet) -> Duet:
    """The stage of the next call: the same engines, config and health board."""
    again = Duet(line=FakeLine(call_sid="CA0002"), llm=stage.llm, tts=stage.tts)
    again.stt, again.more = stage.stt, stage.more
    again.spare_stt, again.spare_llm = stage.spare_stt, stage.spare_llm
    again.spare_tts = stage.spare_tts
    stage.stt.script = stage.spare_stt.script = again.line.said
    again.runtime = stage.runtime
    return again


@pytest.mark.parametrize(
    "fault",
    [
        stt_dies_and_refuses,
        stt_never_answers,
        llm_refuses,
        llm_never_begins,
        tts_refuses,
        tts_never_begins,
        tts_stops_in_mid_sentence,
    ],
    ids=lambda fault: fault.__name__,
)
async def test_the_next_call_does_not_pay_for_what_this_one_found_out(fault: Fault) -> None:
    normal = await undisturbed()
    stage = Duet()
    async with live_call(stage) as call:
        await play(stage, call, fault)
    before = count_requests(stage)
    again = next_call(stage)
    async with live_call(again) as call:
        await call.wait_for(PlaybackFinished)
        turn = await ask(again, call)
    assert turn.silence_s == pytest.approx(normal.silence_s, abs=0.03)
    assert turn.words == ANSWER.split()
    kind = fault.__name__.partition("_")[0]
    assert count_requests(stage)[kind] == before[kind], "the engine that failed was asked again"
    assert not call.all(EngineSwitched)


def count_requests(stage: Duet) -> dict[str, int]:
    """How often the first engine of each kind was asked for anything."""
    return {
        "stt": stage.stt.opened,
        "llm": len(stage.llm.requests),
        "tts": len(stage.tts.requests),
    }


async def test_a_flapping_engine_is_left_once_and_not_tried_on_the_caller_again() -> None:
    stage = Duet()
    async with live_call(stage) as call:
        await call.wait_for(PlaybackFinished)
        for number in range(4):
            asking = asyncio.get_running_loop().create_task(ask(stage, call, f"Question {number}?"))
            await asyncio.sleep(0.6)
            stage.stt.break_streams()
            assert (await asking).words == ANSWER.split()
    assert stage.stt.opened == 1
    assert len(call.all(EngineSwitched)) == 1


# --- exactly at the commit -----------------------------------------------------------------------


@pytest.mark.parametrize("late_ms", range(0, 520, 40))
async def test_a_model_that_fails_around_the_commit_is_answered_for_once(late_ms: int) -> None:
    stage = Duet()
    stage.llm_plays((late_ms / 1000, llm_error(stage)))
    async with live_call(stage) as call:
        await play(stage, call)
    assert len([c for c in call.all(ClauseStarted) if c.is_reply]) == len(CLAUSES)


@pytest.mark.parametrize("late_ms", range(0, 520, 40))
async def test_a_voice_that_fails_around_the_commit_is_answered_for_once(late_ms: int) -> None:
    stage = Duet()
    async with live_call(stage) as call:
        await call.wait_for(PlaybackFinished)
        question = stage.line.speak(QUESTION, 1.5)
        await call.wait_for(SpeechPaused)
        await asyncio.sleep(late_ms / 1000)
        stage.tts.refusals, stage.tts.first_s = 1000, STALL
        await call.wait_for(PlaybackFinished, 2)
    turn = judge_turn(stage, question)
    assert turn.words == ANSWER.split()
    assert max(turn.silence_s - 0.7, turn.hole_s) < MAX_EXTRA_S


async def test_an_only_engine_is_waited_for_even_when_it_is_slow() -> None:
    stage = Duet(config=make_config())
    stage.stt.slow_s = 1.5
    stage.llm_plays(said(ANSWER, first_s=1.5))
    async with live_call(stage) as call:
        await call.wait_for(PlaybackFinished)
        turn = await ask(stage, call)
    assert turn.words == ANSWER.split()
    assert stage.spare_stt.opened == 0
    assert not call.all(EngineSwitched)
