"""Whole calls that go well: who says what, in which order, how often."""

import asyncio

import pytest

from tests.fakes.call import GREETING, Stage, live_call, make_config
from tests.fakes.language_model import FakeLanguageModel, said
from tests.fakes.line import FakeLine
from voxd.commands import ClearPlayback, EndTurn, Say, StartReply
from voxd.events import (
    ClauseHeard,
    ClauseStarted,
    EndReason,
    PlaybackFinished,
    PlaybackUnderran,
    SpeechStarted,
)


async def test_two_turns_are_greeted_heard_and_answered_in_order() -> None:
    stage = Stage(
        llm=FakeLanguageModel(
            said("Weekdays we open nine until five."), said("You are welcome. Goodbye now.")
        )
    )
    async with live_call(stage) as call:
        await call.wait_for(PlaybackFinished)
        await stage.line.say("When are you open?")
        await call.wait_for(PlaybackFinished, 2)
        await stage.line.say("Thank you.")
        await call.wait_for(PlaybackFinished, 3)
    assert [clause.text for clause in call.all(ClauseStarted)] == [
        GREETING,
        "Weekdays we open nine until five.",
        "You are welcome.",
        "Goodbye now.",
    ]
    assert [turn.turn for turn in call.all(EndTurn)] == [1, 2]
    last = stage.llm.requests[-1].messages
    assert [(message.role, message.content) for message in last[1:]] == [
        ("user", "When are you open?"),
        ("assistant", "Weekdays we open nine until five."),
        ("user", "Thank you."),
    ]
    assert all(not heard.is_estimated for heard in call.all(ClauseHeard))
    assert not call.all(PlaybackUnderran)
    assert await call.ended() is EndReason.CALLER_HUNG_UP


async def test_audio_reaches_the_caller_whole_and_in_order() -> None:
    stage = Stage(llm=FakeLanguageModel(said("Number one is this. Number two is that.")))
    async with live_call(stage) as call:
        await call.wait_for(PlaybackFinished)
        await stage.line.say("Tell me both.")
        await call.wait_for(PlaybackFinished, 2)
    texts = [clause.text for clause in call.all(ClauseStarted)]
    heard = stage.line.heard()
    assert [byte for byte, _ in heard] == [stage.tts.byte_of(text) for text in texts]
    assert [seconds for _, seconds in heard] == pytest.approx(
        [len(text) * 0.05 for text in texts], abs=0.021
    )


async def test_no_more_than_the_lead_is_sent_ahead() -> None:
    stage = Stage()
    most = 0.0
    async with live_call(stage) as call:
        while not call.all(PlaybackFinished):
            await asyncio.sleep(0.003)
            most = max(most, stage.line.buffered_s())
    assert 0.1 < most <= stage.config.line.lead_s + 1e-6


async def test_barge_in_keeps_what_was_heard() -> None:
    long_reply = "We have many rooms. " + "Each of them has a wide view of the green hills. " * 3
    stage = Stage(llm=FakeLanguageModel(said(long_reply), said("Certainly.")))
    async with live_call(stage) as call:
        await call.wait_for(PlaybackFinished)
        await stage.line.say("Which rooms do you have?")
        await call.wait_for(ClauseStarted, 3)
        await asyncio.sleep(0.5)
        await stage.line.say("Stop please.")
        await call.wait_for(PlaybackFinished, 2)
    assert stage.line.sent.count("clear") == 1
    history = [message.content for message in stage.llm.requests[-1].messages]
    assert history[-1] == "Stop please."
    heard = history[-2]
    assert heard.startswith("We have many rooms.")
    assert len(heard) < len(long_reply) / 2
    assert long_reply.startswith(heard)
    second = [f for f in stage.line.played if f.mulaw[0] == stage.tts.byte_of("Certainly.")]
    assert second, "the next turn was not answered"


async def test_without_interruptions_the_agent_goes_on_and_early_words_are_context() -> None:
    reply = "We have many rooms with a wide view. All of them are free today."
    stage = Stage(
        config=make_config(interruptions=False),
        llm=FakeLanguageModel(said(reply), said("Certainly.")),
    )
    async with live_call(stage) as call:
        await call.wait_for(PlaybackFinished)
        await stage.line.say("Which rooms do you have?")
        await call.wait_for(ClauseStarted, 2)
        await stage.line.say("That sounds nice", 0.6)
        await call.wait_for(PlaybackFinished, 2)
        assert not call.all(ClearPlayback)
        assert len(call.all(EndTurn)) == 1
        await stage.line.say("Book one.")
        await call.wait_for(PlaybackFinished, 3)
    assert stage.line.sent.count("clear") == 0
    prompt = " ".join(message.content for message in stage.llm.requests[-1].messages)
    assert "That sounds nice" in prompt
    assert prompt.endswith("Book one.")


async def test_without_interruptions_words_at_the_end_of_a_reply_are_the_next_turn() -> None:
    stage = Stage(
        config=make_config(interruptions=False),
        llm=FakeLanguageModel(said("We have many rooms."), said("Certainly.")),
    )
    async with live_call(stage) as call:
        await call.wait_for(PlaybackFinished)
        await stage.line.say("Which rooms do you have?")
        started = await call.wait_for(ClauseStarted, 2)
        ends_at = started.heard_at + 19 * 0.05
        await asyncio.sleep(ends_at - 0.3 - asyncio.get_running_loop().time())
        await stage.line.say("Book one.", 1.0)
        await call.wait_for(StartReply, 2)
        await call.wait_for(PlaybackFinished, 3)
    assert stage.llm.requests[-1].messages[-1].content == "Book one."


async def test_digits_are_a_turn() -> None:
    stage = Stage()
    async with live_call(stage) as call:
        await call.wait_for(PlaybackFinished)
        stage.line.press("42#")
        await call.wait_for(PlaybackFinished, 2)
    assert "4 2" in stage.llm.requests[0].messages[-1].content


async def test_silence_is_asked_about_and_then_ends_the_call() -> None:
    stage = Stage(config=make_config(call={"idle_s": 3.0, "reprompts": 2}))
    async with live_call(stage) as call:
        assert await call.ended() is EndReason.AGENT_HUNG_UP
    assert [say.phrase for say in call.all(Say)] == ["greeting", "reprompt", "reprompt", "goodbye"]
    goodbye = stage.tts.byte_of(stage.config.phrases.goodbye)
    assert stage.line.heard()[-1][0] == goodbye
    assert stage.line.is_closed


async def test_a_phrase_is_spoken_once_and_then_comes_from_the_cache() -> None:
    stage = Stage()
    async with live_call(stage) as call:
        await call.wait_for(PlaybackFinished)
    stage.line = FakeLine(call_sid="CA0002")
    async with live_call(stage) as call:
        await call.wait_for(PlaybackFinished)
    assert stage.tts.texts == [GREETING]
    assert len(stage.tts.requests) == 1
    assert stage.line.heard() == [(1, 0.6)]


async def test_noise_of_the_line_is_no_speech() -> None:
    stage = Stage()
    async with live_call(stage) as call:
        await call.wait_for(PlaybackFinished)
        await asyncio.sleep(3)
    assert not call.all(SpeechStarted)
