"""Whole calls in which something fails: the caller never meets silence, the call goes on."""

import asyncio

from tests.fakes.call import Stage, live_call, make_config
from tests.fakes.language_model import STALL, FakeLanguageModel, said
from tests.fakes.line import FakeLine
from voxd.commands import EndTurn, Say
from voxd.events import (
    ClauseHeard,
    ClauseStarted,
    EndReason,
    EngineFailed,
    Kind,
    PlaybackFinished,
    PlaybackUnderran,
    SpeechPaused,
    TranscriptReceived,
)


async def test_a_dead_transcript_stream_is_replaced_and_no_word_is_lost() -> None:
    stage = Stage()
    async with live_call(stage) as call:
        await call.wait_for(PlaybackFinished)
        stage.line.speak("When are you open?", 1.5)
        await asyncio.sleep(0.8)
        stage.stt.break_streams()
        await call.wait_for(PlaybackFinished, 2)
    assert stage.stt.opened == 2
    assert [event.text for event in call.all(TranscriptReceived)] == ["When are you open?"]
    assert stage.llm.requests[0].messages[-1].content == "When are you open?"


async def test_a_transcript_that_was_due_when_the_stream_died_comes_from_the_next() -> None:
    stage = Stage()
    async with live_call(stage) as call:
        await call.wait_for(PlaybackFinished)
        stage.line.speak("When are you open?", 1.0, late_s=0.5)
        await call.wait_for(SpeechPaused)
        await asyncio.sleep(0.2)
        stage.stt.break_streams()
        await call.wait_for(PlaybackFinished, 2)
    assert stage.llm.requests[0].messages[-1].content == "When are you open?"
    assert not call.all(EngineFailed)


async def test_dead_speech_to_text_ends_in_a_spoken_apology() -> None:
    stage = Stage()
    stage.stt.refusals = 100
    async with live_call(stage) as call:
        assert await call.ended() is EndReason.ENGINES_FAILED
    assert [failed.kind for failed in call.all(EngineFailed)] == [Kind.STT]
    failure = stage.config.phrases.failure
    assert stage.line.heard()[-1][0] == stage.tts.byte_of(failure)


async def test_a_model_that_never_answers_is_caught_by_the_last_net() -> None:
    stage = Stage(llm=FakeLanguageModel((STALL,), said("Better now.")))
    async with live_call(stage) as call:
        await call.wait_for(PlaybackFinished)
        await stage.line.say("When are you open?")
        turn_end = (await call.wait_for(EndTurn)).speech_end
        apology = await call.wait_for(ClauseStarted, 2)
        assert apology.text == stage.config.phrases.too_slow
        assert 10.0 < apology.heard_at - turn_end < 11.5
        assert stage.llm.active == 0
        await call.wait_for(PlaybackFinished, 2)
        await stage.line.say("When are you open?")
        await call.wait_for(PlaybackFinished, 3)
    assert [clause.text for clause in call.all(ClauseStarted)][2:] == ["Better now."]


async def test_a_model_that_breaks_off_before_its_first_clause_is_asked_again() -> None:
    llm = FakeLanguageModel()
    stage = Stage(llm=FakeLanguageModel((0.2, "We", llm.error()), said("Better now.")))
    async with live_call(stage) as call:
        await call.wait_for(PlaybackFinished)
        await stage.line.say("When are you open?")
        await call.wait_for(PlaybackFinished, 2)
    assert call.all(ClauseStarted)[-1].text == "Better now."
    assert not call.all(EngineFailed)


async def test_a_failing_model_is_apologised_for_at_once() -> None:
    llm = FakeLanguageModel()
    broken = (0.2, "We", llm.error())
    stage = Stage(llm=FakeLanguageModel(broken, broken, said("Better now.")))
    async with live_call(stage) as call:
        await call.wait_for(PlaybackFinished)
        await stage.line.say("When are you open?")
        failed = await call.wait_for(EngineFailed)
        apology = await call.wait_for(ClauseStarted, 2)
        assert apology.heard_at - failed.at < 1.0
        await call.wait_for(PlaybackFinished, 2)
        await stage.line.say("When are you open?")
        await call.wait_for(PlaybackFinished, 3)
    assert failed.kind is Kind.LLM
    assert call.all(ClauseStarted)[-1].text == "Better now."


async def test_a_voice_that_breaks_in_the_middle_of_a_clause_is_not_counted_as_heard() -> None:
    first, second = "Weekdays we open nine until five.", "On Sundays we are closed."
    stage = Stage(llm=FakeLanguageModel(said(f"{first} {second}"), said("Better now.")))
    stage.tts.breaks[second] = 0.5
    async with live_call(stage) as call:
        await call.wait_for(PlaybackFinished)
        await stage.line.say("When are you open?")
        failed = await call.wait_for(EngineFailed)
        await call.wait_for(PlaybackFinished, 2)
        await stage.line.say("Again?")
        await call.wait_for(PlaybackFinished, 3)
    assert failed.kind is Kind.TTS
    heard = [(event.reply_id, event.clause) for event in call.all(ClauseHeard)]
    assert (failed.reply_id, 1) not in heard
    assert call.all(Say)[-1].text == stage.config.phrases.too_slow
    assert call.all(ClauseStarted)[-1].text == "Better now."


async def test_media_that_stops_for_five_seconds_does_not_freeze_the_call() -> None:
    stage = Stage()
    async with live_call(stage) as call:
        await call.wait_for(PlaybackFinished)
        stage.line.speak("When are you open?", 1.0)
        await asyncio.sleep(1.0)
        stage.line.is_stalled = True
        # The pause ends in silence that the audio clock makes: the turn is answered meanwhile.
        await call.wait_for(PlaybackFinished, 2, limit_s=5.0)
        await asyncio.sleep(2.5)
        stage.line.is_stalled = False
        await asyncio.sleep(0.5)
        await stage.line.say("And on Sundays?")
        await call.wait_for(PlaybackFinished, 3)
    prompts = [request.messages[-1].content for request in stage.llm.requests]
    assert prompts == ["When are you open?", "And on Sundays?"]


async def test_words_that_arrive_late_and_all_at_once_are_still_answered() -> None:
    stage = Stage()
    async with live_call(stage) as call:
        await call.wait_for(PlaybackFinished)
        stage.line.is_held = True
        await asyncio.sleep(2.0)
        await stage.line.say("When are you open?", 1.5)
        await asyncio.sleep(1.5)
        stage.line.is_held = False
        await call.wait_for(PlaybackFinished, 2, limit_s=6.0)
        await stage.line.say("And on Sundays?")
        await call.wait_for(PlaybackFinished, 3, limit_s=12.0)
    prompts = [request.messages[-1].content for request in stage.llm.requests]
    assert prompts == ["When are you open?", "And on Sundays?"]


async def test_marks_that_never_come_back_are_estimated() -> None:
    stage = Stage(
        line=FakeLine(echoes_marks=False),
        llm=FakeLanguageModel(said("We are open. Do come by.")),
    )
    async with live_call(stage) as call:
        await call.wait_for(PlaybackFinished)
        await stage.line.say("When are you open?")
        await call.wait_for(PlaybackFinished, 2)
        await stage.line.say("Thank you.")
        finished = await call.wait_for(PlaybackFinished, 3)
    heard = call.all(ClauseHeard)
    assert len(heard) == 5
    assert all(event.is_estimated for event in heard)
    last = stage.line.played[-1].start + 0.02
    # Marks have been waited for in vain often enough: nobody waits for further ones.
    assert last - 1e-6 <= finished.at < last + 0.1


async def test_a_voice_slower_than_real_time_is_seen_as_underruns() -> None:
    stage = Stage(llm=FakeLanguageModel(said("We are open until five.")))
    async with live_call(stage) as call:
        await call.wait_for(PlaybackFinished)
        stage.tts.speed = 0.5
        await stage.line.say("When are you open?")
        await call.wait_for(PlaybackFinished, 2)
    holes = call.all(PlaybackUnderran)
    assert holes
    gaps = [
        later.start - earlier.start - 0.02
        for earlier, later in zip(stage.line.played, stage.line.played[1:], strict=False)
        if later.mulaw[0] == earlier.mulaw[0] and later.start - earlier.start > 0.021
    ]
    assert len(gaps) == len(holes)
    assert abs(sum(gaps) - sum(hole.gap_s for hole in holes)) < 0.001


async def test_an_unexpected_exception_ends_this_call_only_and_leaves_nothing() -> None:
    stage = Stage(config=make_config())

    def broken_push(mulaw: bytes, at: float) -> None:
        raise RuntimeError("scripted bug")

    async with live_call(stage) as call:
        await call.wait_for(PlaybackFinished)
        stage.stt.open_streams[0].push = broken_push  # type: ignore[method-assign]
        assert await call.ended() is EndReason.BUG
    assert stage.line.is_closed
    assert not stage.stt.open_streams
    assert not stage.llm.sequences
