"""The speculation ladder in whole calls: answers that are ready before the turn is over.

The rung of a tool that is pending is in `test_tools`.
"""

import asyncio
from typing import Any

import pytest

from tests.fakes.call import GREETING, Running, Stage, live_call, make_config
from tests.fakes.language_model import FakeLanguageModel, said
from tests.fakes.speech_to_text import Said
from tests.scenarios.duet import Duet, duet_config
from tests.scenarios.test_hang_up import assert_nothing_left
from voxd.commands import CommitReply, DropReply, EndTurn, StartReply
from voxd.contracts import Priority
from voxd.events import (
    ClauseStarted,
    ClauseVoiced,
    EndReason,
    PlaybackFinished,
    PlaybackUnderran,
    ReplyWasted,
    TranscriptReceived,
)
from voxd.telemetry.latency import TurnTimings, compute_turns

QUESTION = "When are you open?"
ANSWER = "From nine to five."
WAIT_S = 0.8
"""The longest thing in a turn here: a reply is ready 0.4 s after the caller's last word."""
WAITS = {"wait_complete_s": WAIT_S, "wait_unknown_s": WAIT_S, "wait_incomplete_s": 1.5}


def stage_of(*replies: str, **tier: Any) -> Stage:
    scripts = [said(reply) for reply in replies or (ANSWER,)]
    return Stage(llm=FakeLanguageModel(*scripts), config=make_config(tier={**WAITS, **tier}))


def replies(call: Running) -> list[tuple[int, bool]]:
    """The id of each reply that was begun, and whether its turn was over by then."""
    return [(start.reply_id, start.committed) for start in call.all(StartReply)]


def heard(stage: Stage) -> list[str]:
    """The texts that sounded, in order, the greeting left out."""
    texts = [stage.tts.texts[byte - stage.tts.first_byte] for byte, _ in stage.line.heard()]
    return [text for text in texts if text != GREETING]


def prompt(stage: Stage, number: int) -> list[tuple[str, str]]:
    """What the model was asked the n-th time, without the system prompt."""
    messages = stage.llm.requests[number].messages[1:]
    return [(message.role, message.content) for message in messages]


def only_turn(call: Running) -> TurnTimings:
    (turn,) = compute_turns(call.call.journal.entries)
    return turn


def silence_s(call: Running, question: Said) -> float:
    """From the caller's last word to the model's first."""
    first = next(event for event in call.all(ClauseStarted) if event.is_reply)
    return first.heard_at - question.end


def at_of(call: Running, kind: type) -> float:
    """When the first of these was recorded."""
    return next(at for at, item in call.call.journal.entries if isinstance(item, kind))


async def test_with_the_same_words_the_answer_sounds_the_moment_the_turn_is_over() -> None:
    stage = stage_of()
    async with live_call(stage) as call:
        await call.wait_for(PlaybackFinished)
        question = await stage.line.say(QUESTION)
        await call.wait_for(PlaybackFinished, 2)
    assert replies(call) == [(2, False)]
    assert [commit.reply_id for commit in call.all(CommitReply)] == [2]
    assert call.all(ClauseVoiced)[-1].at < at_of(call, EndTurn)
    first = next(event for event in call.all(ClauseStarted) if event.is_reply)
    assert first.at == pytest.approx(at_of(call, EndTurn), abs=1e-6)
    assert silence_s(call, question) < WAIT_S + 0.1  # the line: 30 ms, and frames
    assert stage.llm.requests[0].priority is stage.tts.requests[-1].priority is Priority.COMMITTED
    turn = only_turn(call)
    assert (turn.attempts, turn.wasted_tokens, turn.wasted_characters) == (1, 0, 0)


async def test_of_a_long_answer_only_the_beginning_is_spoken_ahead_and_no_hole_follows() -> None:
    clauses = ["Weekdays we open nine until five.", "On Sundays we are closed.", "Do come by."]
    stage = stage_of(" ".join(clauses))
    async with live_call(stage) as call:
        await call.wait_for(PlaybackFinished)
        await stage.line.say(QUESTION)
        await call.wait_for(PlaybackFinished, 2)
    assert heard(stage) == clauses
    voiced = [event.at for event in call.all(ClauseVoiced) if event.reply_id == 2]
    assert [at < at_of(call, EndTurn) for at in voiced] == [True, False, False]
    assert not call.all(PlaybackUnderran)


async def test_a_tier_can_do_without() -> None:
    stage = stage_of(speculation=0)
    async with live_call(stage) as call:
        await call.wait_for(PlaybackFinished)
        question = await stage.line.say(QUESTION)
        await call.wait_for(PlaybackFinished, 2)
    assert replies(call) == [(2, True)]
    assert silence_s(call, question) > WAIT_S + 0.2  # model and voice, after the wait


async def test_words_that_are_there_at_the_pause_are_answered_from_it() -> None:
    stage = stage_of()
    async with live_call(stage) as call:
        await call.wait_for(PlaybackFinished)
        await stage.line.say(QUESTION, late_s=0.5, interim="when are you open")
        await call.wait_for(PlaybackFinished, 2)
    assert replies(call) == [(2, False)]
    interim, final = call.all(TranscriptReceived)
    assert (interim.is_final, final.is_final) == (False, True)
    assert call.all(ClauseVoiced)[-1].at < final.at
    assert prompt(stage, 0) == [("user", "when are you open")]
    assert heard(stage) == [ANSWER]


async def test_changed_words_are_answered_and_the_others_leave_no_trace() -> None:
    stage = stage_of("We close at five.", ANSWER, "Goodbye.")
    async with live_call(stage) as call:
        await call.wait_for(PlaybackFinished)
        await stage.line.say(QUESTION, late_s=0.4, interim="When are you closed?")
        await call.wait_for(PlaybackFinished, 2)
        await stage.line.say("Thank you.")
        await call.wait_for(PlaybackFinished, 3)
    assert replies(call)[:2] == [(2, False), (3, False)]
    assert [drop.reply_id for drop in call.all(DropReply)] == [2]
    assert heard(stage) == [ANSWER, "Goodbye."]
    assert prompt(stage, 1) == [("user", QUESTION)]
    assert prompt(stage, 2) == [("user", QUESTION), ("assistant", ANSWER), ("user", "Thank you.")]
    first = compute_turns(call.call.journal.entries)[0]
    assert first.attempts == 2 and first.wasted_tokens > 0 and first.wasted_characters > 0
    assert first.transcript == QUESTION


async def test_a_caller_who_goes_on_is_answered_once_and_whole() -> None:
    stage = stage_of("What is it?", ANSWER, "Goodbye.")
    async with live_call(stage) as call:
        await call.wait_for(PlaybackFinished)
        await stage.line.say("I have a question.")
        await asyncio.sleep(0.6)  # the first answer is ready and waits at the gate
        assert call.all(ClauseVoiced)[-1].reply_id == 2
        await stage.line.say(QUESTION)
        await call.wait_for(PlaybackFinished, 2)
        await stage.line.say("Thank you.")
        await call.wait_for(PlaybackFinished, 3)
    whole = f"I have a question. {QUESTION}"
    assert replies(call)[:2] == [(2, False), (3, False)]
    assert [drop.reply_id for drop in call.all(DropReply)] == [2]
    assert heard(stage) == [ANSWER, "Goodbye."]
    assert prompt(stage, 1) == [("user", whole)]
    assert prompt(stage, 2) == [("user", whole), ("assistant", ANSWER), ("user", "Thank you.")]
    (wasted,) = call.all(ReplyWasted)
    assert (wasted.reply_id, wasted.characters) == (2, len("What is it?"))
    assert compute_turns(call.call.journal.entries)[0].attempts == 2


async def test_a_turn_has_as_many_tries_as_its_tier_allows_and_then_its_answer() -> None:
    stage = stage_of("One?", "Two?", ANSWER, speculation=2)
    async with live_call(stage) as call:
        await call.wait_for(PlaybackFinished)
        for text in ("I have a question.", "It is a short one.", QUESTION):
            await stage.line.say(text)
            await asyncio.sleep(0.5)
        await call.wait_for(PlaybackFinished, 2)
    assert replies(call) == [(2, False), (3, False), (4, True)]
    assert heard(stage) == [ANSWER]
    assert only_turn(call).attempts == 3


async def test_words_that_look_unfinished_are_answered_as_soon_as_their_wait_is_over() -> None:
    stage = stage_of("Yes?")
    async with live_call(stage) as call:
        await call.wait_for(PlaybackFinished)
        question = await stage.line.say("I would like to")
        await call.wait_for(PlaybackFinished, 2)
    assert replies(call) == [(2, False)]
    assert at_of(call, StartReply) > question.end + 0.7  # not at the pause: they mostly go on
    assert silence_s(call, question) < WAITS["wait_incomplete_s"] + 0.1


async def test_a_hang_up_while_the_answer_is_held_leaves_nothing_and_says_nothing() -> None:
    stage = stage_of()
    async with live_call(stage) as call:
        await call.wait_for(PlaybackFinished)
        await stage.line.say(QUESTION)
        await call.wait_for(ClauseVoiced, 2)
        assert not call.all(EndTurn)
        stage.line.hang_up()
        assert await call.ended() is EndReason.CALLER_HUNG_UP
    assert heard(stage) == []
    assert_nothing_left(stage)


async def test_an_answer_held_at_the_gate_may_come_from_the_next_engine() -> None:
    stage = Duet(config=duet_config())
    stage.llm_plays((0.05, stage.llm.error()))
    async with live_call(stage) as call:
        await call.wait_for(PlaybackFinished)
        await stage.line.say(QUESTION, 1.5)
        await call.wait_for(PlaybackFinished, 2)
    assert replies(call) == [(2, False)]
    (asked,) = stage.spare_llm.requests
    assert asked.priority is Priority.COMMITTED  # the commit reached whoever makes the reply
