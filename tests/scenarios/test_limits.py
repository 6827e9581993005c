"""The end of the allowed time, keys pressed, and machines that answer, as a caller hears them."""

import asyncio

import pytest

from tests.fakes.call import Stage, live_call, make_config
from tests.fakes.language_model import FakeLanguageModel, said
from tests.fakes.text_to_speech import CHARACTER_S
from voxd.commands import PhraseKind, Say, StartReply
from voxd.events import (
    AnsweredBy,
    AnswererJudged,
    CallClosing,
    ClauseStarted,
    EndReason,
    PlaybackFinished,
)

LONG = "We are open from nine to five, and on Saturdays from ten to two. " * 3


def phrases_of(says: list[Say]) -> list[PhraseKind]:
    return [say.phrase for say in says]


async def test_a_call_is_told_of_its_end_and_ends_with_a_goodbye() -> None:
    stage = Stage(config=make_config(call={"max_call_s": 30, "warn_s": 12, "idle_s": 60}))
    loop = asyncio.get_running_loop()
    async with live_call(stage) as call:
        began = loop.time()
        await call.wait_for(Say, 2)
        assert loop.time() - began == pytest.approx(18, abs=0.1)
        assert await call.ended() is EndReason.AGENT_HUNG_UP
        assert 30 <= loop.time() - began < 34
    said_phrases = phrases_of(call.all(Say))
    assert said_phrases == [
        *(PhraseKind.GREETING, PhraseKind.TIME_WARNING, PhraseKind.GOODBYE),
    ]
    heard = [byte for byte, _ in stage.line.heard()]
    phrases = stage.config.phrases
    assert heard[-2:] == [
        stage.tts.byte_of(phrases.time_warning),
        stage.tts.byte_of(phrases.goodbye),
    ]


async def test_a_warning_that_comes_in_mid_answer_waits_for_its_end() -> None:
    config = make_config(call={"max_call_s": 60, "warn_s": 56, "idle_s": 60})
    stage = Stage(config=config, llm=FakeLanguageModel(said(LONG)))
    async with live_call(stage) as call:
        await call.wait_for(PlaybackFinished)
        await stage.line.say("When are you open?")
        await call.wait_for(ClauseStarted, 2)
        await call.wait_for(PlaybackFinished, 3)
    assert phrases_of(call.all(Say)) == [PhraseKind.GREETING, PhraseKind.TIME_WARNING]
    order = [
        item.reply_id for _, item in call.call.journal.entries if isinstance(item, PlaybackFinished)
    ]
    answer = call.all(StartReply)[0].reply_id
    assert order == [1, answer, call.all(Say)[1].reply_id]


async def test_one_key_is_a_turn_after_two_seconds_and_is_remembered_as_such() -> None:
    stage = Stage(llm=FakeLanguageModel(said("Sales it is."), said("You're welcome.")))
    loop = asyncio.get_running_loop()
    async with live_call(stage) as call:
        await call.wait_for(PlaybackFinished)
        pressed = loop.time()
        stage.line.press("1")
        await call.wait_for(StartReply)
        assert loop.time() - pressed == pytest.approx(2.0, abs=0.2)
        await call.wait_for(PlaybackFinished, 2)
        await stage.line.say("Thank you.")
        await call.wait_for(PlaybackFinished, 3)
    contents = [message.content for message in stage.llm.requests[-1].messages]
    assert contents[1:] == ["(I pressed 1 on the keypad.)", "Sales it is.", "Thank you."]


async def test_a_key_cuts_a_long_answer_short() -> None:
    stage = Stage(llm=FakeLanguageModel(said(LONG), said("Sales it is.")))
    async with live_call(stage) as call:
        await call.wait_for(PlaybackFinished)
        await stage.line.say("When are you open?")
        await call.wait_for(ClauseStarted, 2)
        await asyncio.sleep(1.5)
        stage.line.press("1#")
        await call.wait_for(PlaybackFinished, 2)
    assert "clear" in stage.line.sent
    answer = call.all(StartReply)[0].reply_id
    assert answer not in [event.reply_id for event in call.all(PlaybackFinished)]
    assert stage.llm.requests[-1].messages[-1].content == "(I pressed 1 on the keypad.)"


async def test_a_machine_hears_the_message_to_its_end() -> None:
    stage = Stage()
    async with live_call(stage) as call:
        await call.wait_for(PlaybackFinished)
        judged = AnswererJudged(asyncio.get_running_loop().time(), AnsweredBy.MACHINE_END_BEEP)
        call.call.deliver(judged)
        assert await call.ended() is EndReason.ANSWERED_BY_MACHINE
    byte, seconds = stage.line.heard()[-1]
    message = stage.config.phrases.machine_message
    assert byte == stage.tts.byte_of(message)
    assert seconds == pytest.approx(len(message) * CHARACTER_S, abs=0.1)


async def test_a_machine_in_its_greeting_is_hung_up_at_once() -> None:
    stage = Stage()
    loop = asyncio.get_running_loop()
    async with live_call(stage) as call:
        await call.wait_for(ClauseStarted)
        call.call.deliver(AnswererJudged(loop.time(), AnsweredBy.MACHINE_START))
        at = loop.time()
        assert await call.ended() is EndReason.ANSWERED_BY_MACHINE
        assert loop.time() - at < 0.5


async def test_a_call_that_the_daemon_cannot_wait_for_hears_so_to_its_end() -> None:
    stage = Stage(llm=FakeLanguageModel(said(LONG)))
    loop = asyncio.get_running_loop()
    async with live_call(stage) as call:
        await call.wait_for(PlaybackFinished)
        await stage.line.say("When are you open?")
        await call.wait_for(ClauseStarted, 2)
        call.call.deliver(CallClosing(loop.time()))
        assert await call.ended() is EndReason.SHUTDOWN
    closing = stage.config.closing_words
    byte, seconds = stage.line.heard()[-1]
    assert byte == stage.tts.byte_of(closing)
    assert seconds == pytest.approx(len(closing) * CHARACTER_S, abs=0.1)
