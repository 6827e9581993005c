"""Sounds of the caller's while the agent speaks, in whole calls: what stops it, what does not."""

import asyncio

import numpy as np
import pytest

from tests.fakes.call import Running, Stage, live_call
from tests.fakes.language_model import FakeLanguageModel, said
from tests.fakes.line import FakeLine
from tests.fakes.text_to_speech import FakeTextToSpeech
from voxd.audio.g711 import decode_mulaw, encode_mulaw
from voxd.commands import HoldPlayback, ResumePlayback, StartReply
from voxd.contracts import FRAME_BYTES, FRAME_S
from voxd.events import ClauseStarted, PlaybackFinished, SoundJudged, Verdict

QUESTION = "Which rooms do you have?"
REPLY = "We have many rooms. Each of them has a wide view of the green hills and of the old lake."
CHARACTER_S = 0.05
LOUD, SOFT = 1.5, 0.4
AGENT_BYTE = 0x30
"""The agent sounds like this at first, about -24 dBFS: as loud as real agents are."""


class NoisyLine(FakeLine):
    """A line on which the caller can do other things than speak."""

    def __post_init__(self) -> None:
        super().__post_init__()
        self._rng = np.random.default_rng(7)
        self._cough_until = 0.0
        self.echo_db: float | None = None
        self.gain = 1.0
        """Of the caller's voice. Real syllables begin louder than speech is on average, this one
        does not: `LOUD` makes up for it, `SOFT` is what people say to keep others going."""

    def cough(self, seconds: float = 0.3) -> None:
        """A burst of noise now, as loud as the voice."""
        self._cough_until = asyncio.get_running_loop().time() + seconds

    def _frame(self, at: float) -> bytes:
        pcm = decode_mulaw(super()._frame(at)).astype(np.float64)
        if any(item.start < at <= item.end + 1e-6 for item in self.said):
            pcm *= self.gain
        if at <= self._cough_until:
            pcm += self._rng.normal(0, 4000, FRAME_BYTES)
        if self.echo_db is not None:
            pcm += self._echo_of(at - 0.06) * 10 ** (self.echo_db / 20)
        return encode_mulaw(np.clip(np.rint(pcm), -32768, 32767).astype(np.int16))

    def _echo_of(self, at: float) -> np.ndarray:
        for frame in reversed(self.played):
            if frame.start <= at < frame.start + FRAME_S:
                return decode_mulaw(frame.mulaw).astype(np.float64)
        return np.zeros(FRAME_BYTES)


def stage_of(reply: str = REPLY, second: str = "Certainly.", **llm: float) -> Stage:
    return Stage(
        line=NoisyLine(),
        llm=FakeLanguageModel(said(reply, **llm), said(second)),
        tts=FakeTextToSpeech(first_byte=AGENT_BYTE),
    )


async def answering(stage: Stage, call: Running, *, into_s: float) -> None:
    """The caller has asked, and has heard this much of the answer's second clause."""
    await call.wait_for(PlaybackFinished)
    await stage.line.say(QUESTION)
    started = await call.wait_for(ClauseStarted, 3)
    assert isinstance(stage.line, NoisyLine)
    stage.line.gain = LOUD
    await asyncio.sleep(started.heard_at + into_s - asyncio.get_running_loop().time())


def holes(stage: Stage) -> list[float]:
    """Stops inside what was played, seconds; what is between greeting and answer is longer."""
    frames = stage.line.played
    gaps = [b.start - a.start - FRAME_S for a, b in zip(frames, frames[1:], strict=False)]
    return [round(gap, 3) for gap in gaps if 0.001 < gap < 1.2]


def words_of(stage: Stage, number: int) -> list[str]:
    """The words of the reply's clause as far as they were played, with what sounded twice."""
    texts = [text for text in stage.tts.texts if text in REPLY]
    characters = round(heard_s(stage, texts[number]) / CHARACTER_S)
    return texts[number][:characters].split()


def heard_s(stage: Stage, text: str) -> float:
    """How long a text sounded, all in all."""
    byte = stage.tts.byte_of(text)
    return sum(FRAME_S for frame in stage.line.played if frame.mulaw[0] == byte)


async def test_an_interruption_silences_the_agent_and_history_has_the_words_heard() -> None:
    stage = stage_of()
    async with live_call(stage) as call:
        await answering(stage, call, into_s=1.0)
        began = asyncio.get_running_loop().time()
        await stage.line.say("And with a balcony?", 1.5)
        silent_at = stage.line.played[-1].start + FRAME_S
        await call.wait_for(PlaybackFinished, 2)
    assert silent_at - began < 0.25  # in virtual time: what the rule needs to hear, and the network
    assert stage.line.sent.count("clear") == 1
    assert not call.all(ResumePlayback)
    history = [message.content for message in stage.llm.requests[-1].messages]
    assert history[-1] == "And with a balcony?"
    words = history[-2].split()
    heard = "We have many rooms.".split() + words_of(stage, 1)
    assert abs(len(words) - len(heard)) <= 1
    assert REPLY.startswith(" ".join(words))


@pytest.mark.parametrize("seconds", [0.15, 0.3, 0.6])
async def test_a_cough_makes_no_hole_and_is_no_turn(seconds: float) -> None:
    stage = stage_of()
    async with live_call(stage) as call:
        await answering(stage, call, into_s=1.0)
        assert isinstance(stage.line, NoisyLine)
        stage.line.cough(seconds)
        await call.wait_for(PlaybackFinished, 2)
    assert not call.all(HoldPlayback)
    assert holes(stage) == []
    assert len({start.turn for start in call.all(StartReply)}) == 1


@pytest.mark.parametrize("echo_db", [-20.0, -30.0])
async def test_the_agents_own_echo_makes_no_hole(echo_db: float) -> None:
    stage = stage_of()
    assert isinstance(stage.line, NoisyLine)
    stage.line.echo_db = echo_db
    async with live_call(stage) as call:
        await answering(stage, call, into_s=0.5)
        await call.wait_for(PlaybackFinished, 2)
    assert not call.all(HoldPlayback)
    assert holes(stage) == []


async def test_a_short_okay_pauses_the_agent_and_every_word_is_heard() -> None:
    stage = stage_of()
    async with live_call(stage) as call:
        await answering(stage, call, into_s=1.0)
        await stage.line.say("Okay.", 0.35)
        await call.wait_for(ResumePlayback)
        await call.wait_for(PlaybackFinished, 2)
        await stage.line.say("Thank you.")
        await call.wait_for(PlaybackFinished, 3)
    assert len(call.all(HoldPlayback)) == 1
    assert len(call.all(StartReply)) == 2
    for text in (text for text in stage.tts.texts if text in REPLY):
        whole_s = len(text) * CHARACTER_S
        word_s = max(len(word) for word in text.split()) * CHARACTER_S
        # Nothing is lost, and of what is heard twice there is one word at most.
        assert whole_s - FRAME_S <= heard_s(stage, text) <= whole_s + word_s
    history = [message.content for message in stage.llm.requests[-1].messages]
    assert history[-2] == REPLY


async def test_a_soft_okay_does_not_even_pause_it() -> None:
    stage = stage_of()
    assert isinstance(stage.line, NoisyLine)
    async with live_call(stage) as call:
        await answering(stage, call, into_s=1.0)
        stage.line.gain = SOFT
        await stage.line.say("Okay.", 0.35)
        await call.wait_for(PlaybackFinished, 2)
    assert not call.all(HoldPlayback)
    assert call.all(SoundJudged)[-1].verdict is Verdict.UNSURE
    assert holes(stage) == []


async def test_soft_speech_that_goes_on_stops_the_agent_before_it_is_over() -> None:
    stage = stage_of()
    assert isinstance(stage.line, NoisyLine)
    async with live_call(stage) as call:
        await answering(stage, call, into_s=0.3)
        stage.line.gain = SOFT
        speaking = asyncio.get_running_loop().time()
        await stage.line.say("I would like to know about the houses.", 2.0)
        held_at = [at for at, item in call.call.journal.entries if isinstance(item, HoldPlayback)]
        await call.wait_for(PlaybackFinished, 2)
    assert len(held_at) == 1
    assert 0.5 < held_at[0] - speaking < 1.2
    assert stage.llm.requests[-1].messages[-1].content == "I would like to know about the houses."


async def test_a_short_stop_ends_the_reply_even_when_it_was_soft() -> None:
    stage = stage_of()
    assert isinstance(stage.line, NoisyLine)
    async with live_call(stage) as call:
        await answering(stage, call, into_s=0.5)
        stage.line.gain = SOFT
        await stage.line.say("Stop.", 0.35)
        await call.wait_for(PlaybackFinished, 2)
    assert stage.llm.requests[-1].messages[-1].content == "Stop."
    assert len(words_of(stage, 1)) < len(REPLY.split()) - 4


async def test_an_interruption_while_the_reply_is_still_being_made_stops_making_it() -> None:
    stage = stage_of(REPLY, token_s=0.4)
    async with live_call(stage) as call:
        await call.wait_for(PlaybackFinished)
        await stage.line.say(QUESTION)
        await call.wait_for(ClauseStarted, 2)
        await asyncio.sleep(0.3)
        await stage.line.say("Wait, I mean houses.", 1.5)
        await call.wait_for(PlaybackFinished, 2)
    assert stage.llm.active == 0
    history = [message.content for message in stage.llm.requests[-1].messages]
    assert history[-1] == "Wait, I mean houses."
    assert "We have many rooms.".startswith(history[-2])


async def test_an_interruption_in_the_last_moment_is_the_next_turn() -> None:
    stage = stage_of("We have many rooms. Fine.")
    async with live_call(stage) as call:
        await answering(stage, call, into_s=0.1)
        await stage.line.say("And with a balcony?", 1.5)
        await call.wait_for(PlaybackFinished, 2)
        await call.wait_for(StartReply, 2)
    assert stage.llm.requests[-1].messages[-1].content == "And with a balcony?"
