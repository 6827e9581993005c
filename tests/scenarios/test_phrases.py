"""Whole calls: the greeting comes at once, a late reply is bridged, what was said is not remade."""

import asyncio

import pytest

from tests.fakes.call import GREETING, Running, Stage, live_call, make_config
from tests.fakes.language_model import STALL, FakeLanguageModel, said
from tests.fakes.text_to_speech import FakeTextToSpeech
from voxd.commands import EndTurn, PhraseKind, Say, StartReply
from voxd.events import (
    CallStarted,
    ClauseStarted,
    ClauseVoiced,
    ClauseWritten,
    EndReason,
    PlaybackFinished,
    PlaybackUnderran,
    SpeechStarted,
)
from voxd.telemetry.latency import compute_turns
from voxd.warmup import warm_up

ANSWER = "We are open until five."
FILLERS = ("Let me check that for you.", "One moment, please.")
LIMIT_S = 2.0


async def warmed(**parts: object) -> Stage:
    """A stage after the start of the daemon."""
    config = make_config(tier={"filler_after_s": LIMIT_S}, cache={"reply_characters": 100})
    stage = Stage(**{"config": config, **parts})  # type: ignore[arg-type]
    await warm_up(stage.config, stage.engines, stage.cache, lambda _: None)
    stage.llm.prepared.clear()
    return stage


def fillers_of(call: Running) -> list[ClauseStarted]:
    """The fillers that were heard."""
    asked = {say.reply_id for say in call.all(Say) if say.phrase is PhraseKind.FILLER}
    return [clause for clause in call.all(ClauseStarted) if clause.reply_id in asked]


def replies_of(call: Running) -> list[ClauseStarted]:
    return [clause for clause in call.all(ClauseStarted) if clause.is_reply]


# --- the first turn -----------------------------------------------------------------------------


async def test_the_greeting_is_heard_at_once_and_nothing_is_made_for_it() -> None:
    stage = await warmed()
    made = len(stage.tts.last)
    async with live_call(stage) as call:
        greeting = await call.wait_for(ClauseStarted)
        assert len(stage.tts.last) == made
        await call.wait_for(PlaybackFinished)
    (started,) = call.all(CallStarted)
    assert greeting.text == GREETING
    assert greeting.heard_at - started.at <= 0.3
    (written,) = call.all(ClauseWritten)
    assert written.engine == "cache"
    names = [type(item) for _, item in call.call.journal.entries]
    order = [names.index(kind) for kind in (CallStarted, Say, ClauseWritten, ClauseVoiced)]
    assert order == sorted(order)
    assert StartReply not in names
    assert len(stage.tts.last) == made


async def test_the_first_turn_is_as_fast_as_the_next() -> None:
    stage = await warmed(llm=FakeLanguageModel(said(ANSWER), said("Do come by today.")))
    async with live_call(stage) as call:
        await call.wait_for(PlaybackFinished)
        for count in (2, 3):
            await stage.line.say("When are you open?")
            await call.wait_for(PlaybackFinished, count)
    first, second = compute_turns(call.call.journal.entries)
    assert first.voice_to_voice_ms == pytest.approx(second.voice_to_voice_ms, abs=40.0)


# --- fillers ------------------------------------------------------------------------------------


async def test_a_late_reply_is_bridged_and_follows_at_once() -> None:
    """It becomes ready in the middle of the filler: no gap, nothing lost, the filler no answer."""
    stage = await warmed(llm=FakeLanguageModel(said(ANSWER, first_s=LIMIT_S + 0.3)))
    async with live_call(stage) as call:
        await call.wait_for(PlaybackFinished)
        await stage.line.say("When are you open?")
        await call.wait_for(PlaybackFinished, 3)
    (filler,) = fillers_of(call)
    (reply,) = replies_of(call)
    (end,) = [at for at, item in call.call.journal.entries if isinstance(item, EndTurn)]
    assert filler.heard_at - end == pytest.approx(LIMIT_S, abs=0.15)
    assert reply.heard_at - filler.heard_at == pytest.approx(len(filler.text) * 0.05, abs=0.04)
    heard = [byte for byte, _ in stage.line.heard()]
    assert heard == [stage.tts.byte_of(text) for text in (GREETING, filler.text, ANSWER)]
    assert not call.all(PlaybackUnderran)
    (turn,) = compute_turns(call.call.journal.entries)
    assert turn.voice_to_voice_ms == pytest.approx((reply.heard_at - turn.speech_end) * 1000)
    assert not turn.is_premature
    assert turn.reply == ANSWER


async def test_a_reply_in_time_is_not_bridged() -> None:
    stage = await warmed(llm=FakeLanguageModel(said(ANSWER, first_s=LIMIT_S - 1.0)))
    async with live_call(stage) as call:
        await call.wait_for(PlaybackFinished)
        await stage.line.say("When are you open?")
        await call.wait_for(PlaybackFinished, 2)
        await asyncio.sleep(2 * LIMIT_S)
    assert not fillers_of(call)


async def test_fillers_leave_no_trace_in_the_conversation() -> None:
    late = said(ANSWER, first_s=LIMIT_S + 2.5)
    stage = await warmed(llm=FakeLanguageModel(late, late, late))
    async with live_call(stage) as call:
        await call.wait_for(PlaybackFinished)
        for count in (3, 5, 7):
            await stage.line.say("When are you open?")
            await call.wait_for(PlaybackFinished, count)
    assert [filler.text for filler in fillers_of(call)] == [FILLERS[0], FILLERS[1], FILLERS[0]]
    prompt = stage.llm.requests[-1].messages
    assert [message.content for message in prompt[1:]] == [
        *("When are you open?", ANSWER) * 2,
        "When are you open?",
    ]


async def test_a_caller_may_go_on_while_the_filler_sounds() -> None:
    scripts = (said("Too late.", first_s=LIMIT_S + 5), said(ANSWER, first_s=LIMIT_S + 2))
    stage = await warmed(llm=FakeLanguageModel(*scripts))
    async with live_call(stage) as call:
        await call.wait_for(PlaybackFinished)
        await stage.line.say("When are you open?")
        await call.wait_for(ClauseStarted, 2)
        await stage.line.say("On Sundays, I mean.")
        await call.wait_for(ClauseStarted, 3)
        await call.wait_for(PlaybackFinished, 3)
    assert len(fillers_of(call)) == 1  # for one turn, though it was late twice
    assert stage.llm.requests[-1].messages[-1].content == "When are you open? On Sundays, I mean."
    (reply,) = replies_of(call)
    assert reply.text == ANSWER
    assert [turn.reply for turn in compute_turns(call.call.journal.entries)] == [ANSWER]


async def test_an_okay_to_a_filler_keeps_the_reply_that_is_being_made() -> None:
    stage = await warmed(llm=FakeLanguageModel(said(ANSWER, first_s=LIMIT_S + 4), (STALL,)))
    async with live_call(stage) as call:
        await call.wait_for(PlaybackFinished)
        await stage.line.say("When are you open?")
        await call.wait_for(PlaybackFinished, 2)
        await stage.line.say("Okay.", 0.5)
        await call.wait_for(PlaybackFinished, 3)
        await asyncio.sleep(2)
        assert stage.llm.active == 0
    assert len(call.all(SpeechStarted)) == 2
    (request,) = stage.llm.requests
    (reply,) = replies_of(call)
    assert reply.text == ANSWER
    (turn,) = compute_turns(call.call.journal.entries)
    assert turn.transcript == "When are you open?"
    assert not turn.is_premature


async def test_a_reply_that_never_comes_ends_in_the_apology_after_the_filler() -> None:
    stage = await warmed(llm=FakeLanguageModel((STALL,)))
    async with live_call(stage) as call:
        await call.wait_for(PlaybackFinished)
        await stage.line.say("When are you open?")
        await call.wait_for(PlaybackFinished, 3)
    kinds = [say.phrase for say in call.all(Say)]
    assert kinds == [PhraseKind.GREETING, PhraseKind.FILLER, PhraseKind.TOO_SLOW]
    assert len(fillers_of(call)) == 1


async def test_a_voice_without_a_stored_filler_says_none() -> None:
    """It is late itself; making the filler first would make the reply later still."""
    config = make_config(tier={"filler_after_s": LIMIT_S})
    stage = Stage(config=config, llm=FakeLanguageModel(said(ANSWER, first_s=LIMIT_S + 1)))
    async with live_call(stage) as call:
        await call.wait_for(PlaybackFinished)
        await stage.line.say("When are you open?")
        await call.wait_for(PlaybackFinished, 2)
    assert [say.phrase for say in call.all(Say)][-1] is PhraseKind.FILLER
    assert not fillers_of(call)
    assert not set(FILLERS) & set(stage.tts.texts)
    assert await call.ended() is EndReason.CALLER_HUNG_UP


# --- replies ------------------------------------------------------------------------------------


async def test_a_short_sentence_is_made_once_and_heard_again() -> None:
    stage = await warmed(llm=FakeLanguageModel(said(f"{ANSWER} Do come by.")))
    async with live_call(stage) as call:
        await call.wait_for(PlaybackFinished)
        made = len(stage.tts.last)
        for count in (2, 3):
            await stage.line.say("When are you open?")
            await call.wait_for(PlaybackFinished, count)
    assert len(stage.tts.last) == made + 2
    heard = [byte for byte, _ in stage.line.heard()]
    assert heard[1:3] == heard[3:5] == [stage.tts.byte_of(text) for text in (ANSWER, "Do come by.")]


async def test_a_common_sentence_was_made_before_any_call() -> None:
    text = "Is there anything else I can help you with?"
    stage = await warmed(llm=FakeLanguageModel(said(f"{ANSWER} {text}")))
    stage.tts.breaks[text] = 0.0  # it cannot be made now
    async with live_call(stage) as call:
        await call.wait_for(PlaybackFinished)
        await stage.line.say("When are you open?")
        await call.wait_for(PlaybackFinished, 2)
    assert [clause.text for clause in replies_of(call)] == [ANSWER, text]


# --- languages ----------------------------------------------------------------------------------


async def test_a_spanish_number_is_answered_in_spanish() -> None:
    voice = FakeTextToSpeech()
    stage = await warmed(
        tts=voice,
        config=make_config(
            agents={"sol": {"language": "es", "prompt": "Sé breve."}},
            numbers={"+15550100": {"agent": "sol"}},
        ),
    )
    stage.line.parameters = {"to": "+15550100"}
    async with live_call(stage) as call:
        await call.wait_for(PlaybackFinished)
        await stage.line.say("¿Cuándo abren?")
        await call.wait_for(PlaybackFinished, 2)
    assert call.all(ClauseStarted)[0].text == "¡Hola! Gracias por llamar. ¿Cómo puedo ayudarle hoy?"
    assert voice.requests[-1].language == "es"
    assert stage.llm.requests[0].messages[0].content.startswith("Sé breve.")


async def test_in_a_language_without_a_local_voice_the_stored_apology_is_the_last_word() -> None:
    """The network is gone: neither is anything heard, nor can anything be spoken."""
    config = make_config(
        agents={"sol": {"language": "es", "greeting": "Clínica Sol."}},
        numbers={"+15550100": {"agent": "sol"}},
    )
    stage = await warmed(config=config)
    stage.line.parameters = {"to": "+15550100"}
    made = len(stage.tts.last)
    stage.stt.refusals = stage.tts.refusals = 1000
    async with live_call(stage) as call:
        assert await call.ended() is EndReason.ENGINES_FAILED
    phrases = config.dialled("+15550100").phrases
    assert call.all(Say)[-1].text == phrases.failure
    assert phrases.failure.startswith("Lo siento")
    assert stage.line.heard()[-1][0] == stage.tts.byte_of(phrases.failure)
    assert len(stage.tts.last) == made
