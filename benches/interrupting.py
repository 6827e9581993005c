"""One trial of `barge` as a whole call in virtual time, and what the caller heard of it."""

import asyncio
import os
from collections.abc import AsyncIterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from functools import partial
from multiprocessing import get_context

import numpy as np
from numpy.typing import NDArray

from benches.heard import Cut, count_words
from benches.prompts import RATE_HZ
from benches.trials import Trial, build_trials
from benches.voices import PIPER, Speaker, Voices
from tests.fakes.call import Running, Stage, live_call, make_config
from tests.fakes.clock import VirtualLoop
from tests.fakes.language_model import FakeLanguageModel, said
from tests.fakes.line import FakeLine
from tests.fakes.speech_to_text import Said
from tests.fakes.text_to_speech import FakeTextToSpeech
from voxd.audio.g711 import decode_mulaw, encode_mulaw
from voxd.commands import ResumePlayback
from voxd.config import Config
from voxd.contracts import (
    FRAME_BYTES,
    FRAME_S,
    LINE_RATE_HZ,
    PLAIN,
    Delivery,
    SpeechRequest,
    SpeechStream,
)
from voxd.events import ClauseStarted, PlaybackFinished
from voxd.twilio.media import InboundMessage

NETWORK_S = 0.02
"""One way, in either direction."""
REPLIES = (
    "Our hotel has many rooms, and most of them look out over the valley, so you will wake up"
    " to a very fine view every morning. Breakfast is served from seven until half past ten in the"
    " garden room, and the restaurant opens again at six in the evening.",
    "Thank you for asking about the delivery. Your order left our warehouse on Tuesday and it"
    " should arrive between nine in the morning and one in the afternoon. The driver is going to"
    " call you about half an hour before he reaches your street, and you can change the address"
    " until then.",
)
WATCHED_S = 2.0
"""After a sound has ended, or all the time of an echo, holes are looked for."""
ECHO_WATCHED_S = 6.0
_SILENT_S = 0.001


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of one trial."""

    name: str
    category: str
    stop_ms: float | None
    """From the sound's onset (an echo: the reply's) to the first hole in the agent's audio, both
    at the caller's end; None: there was no hole."""
    is_resumed: bool
    """The agent went on with the same reply."""
    words_off: int | None
    """Words of the reply in the history less those that the caller heard; None: not interrupted,
    or not known."""


def play_trials(half: int, draws: int, processes: int | None = None) -> list[Outcome]:
    """Play all trials of a half on this machine's cores."""
    count = processes or os.cpu_count() or 1
    shares = [partial(_play_share, half, draws, share, count) for share in range(count)]
    with ProcessPoolExecutor(count, mp_context=get_context("spawn")) as pool:
        outcomes = [outcome for done in pool.map(_call, shares) for outcome in done]
    return [outcome for _, outcome in sorted(outcomes, key=lambda it: it[0])]


def _call(share: "partial[list[tuple[int, Outcome]]]") -> list[tuple[int, Outcome]]:
    return share()


def _play_share(half: int, draws: int, share: int, shares: int) -> list[tuple[int, Outcome]]:
    voices = Voices()
    trials = build_trials(half, voices, draws=draws)
    return [
        (number, play(trial, REPLIES[number % len(REPLIES)], voices))
        for number, trial in enumerate(trials)
        if number % shares == share
    ]


def play(trial: Trial, reply: str, voices: Voices) -> Outcome:
    """Hold the call of one trial."""
    with asyncio.Runner(loop_factory=VirtualLoop) as runner:
        return runner.run(_play(trial, reply, voices))


async def _play(trial: Trial, reply: str, voices: Voices) -> Outcome:
    line = TrialLine(trial=trial)
    tts = RenderedSpeech(voices)
    stage = Stage(line=line, tts=tts, llm=FakeLanguageModel(said(reply)), config=_config())
    async with live_call(stage) as call:
        await call.wait_for(PlaybackFinished)
        await line.make(trial.question, "What can you tell me?")
        sound_at = await _reply_started(call) + (trial.at_s if len(trial.sound) else 0.0)
        await asyncio.sleep(sound_at - _now())
        watched_s = WATCHED_S if len(trial.sound) else ECHO_WATCHED_S
        await line.make(trial.sound, trial.words)
        await asyncio.sleep(watched_s)
        until = _now()
        hole_at = line.first_hole(sound_at, until)
        is_resumed = bool(call.all(ResumePlayback))
        words_off = None
        if hole_at is not None and trial.is_interruption and not is_resumed:
            words_off = _words_off(call, Cut(line.replies(tts), hole_at + NETWORK_S), voices)
        line.hang_up()
    stop_ms = None if hole_at is None else (hole_at + NETWORK_S - sound_at) * 1000
    return Outcome(trial.name, trial.category, stop_ms, is_resumed, words_off)


def _config() -> Config:
    return make_config(interruptions=True, call={"idle_s": 60.0})


async def _reply_started(call: Running) -> float:
    while True:
        started = [event for event in call.all(ClauseStarted) if event.is_reply]
        if started:
            return started[0].heard_at
        await asyncio.sleep(0.005)


def _words_off(call: Running, cut: Cut, voices: Voices) -> int | None:
    history = call.call._brain._floor.history.prompt()  # type: ignore[attr-defined]
    written = [message.content for message in history if message.role == "assistant"]
    heard = count_words(cut, voices)
    return len(written[-1].split()) - heard if written and heard is not None else None


@dataclass
class TrialLine(FakeLine):
    """A line with the trial's noise and echo, on which recordings are made."""

    trial: Trial | None = None
    _sounds: list[tuple[float, NDArray[np.int16]]] = field(default_factory=list)
    _cleared: list[float] = field(default_factory=list)

    def __post_init__(self) -> None:
        super().__post_init__()
        assert self.trial is not None
        self._rng = np.random.default_rng(self.trial.seed)

    async def make(self, sound: NDArray[np.int16], words: str) -> None:
        """The caller makes this sound from now on; returns when it is over."""
        seconds = len(sound) / RATE_HZ
        self._sounds.append((_now(), sound))
        if words:
            self.said.append(Said(_now(), _now() + seconds, words, late_s=0.2))
        await asyncio.sleep(seconds)

    def first_hole(self, begin: float, end: float) -> float | None:
        """When the agent's audio first stopped in this time, though more of it was to come."""
        holes = [at for at in self._cleared if begin <= at <= end]
        frames = [frame for frame in self.played if begin - FRAME_S <= frame.start <= end]
        for frame, after in zip(frames, frames[1:], strict=False):
            if after.start - frame.start > FRAME_S + _SILENT_S:
                holes.append(frame.start + FRAME_S)
        return min(holes, default=None)

    def replies(self, tts: "RenderedSpeech") -> list[tuple[str, float]]:
        """Texts with the time at which the first frame of each was heard."""
        found: list[tuple[str, float]] = []
        for text in tts.texts[1:]:  # the first was the greeting, which is no history
            first = tts.rendered(text)[:FRAME_BYTES]
            starts = [frame.start for frame in self.played if frame.mulaw == first]
            if starts:
                found.append((text, starts[0] + NETWORK_S))
        return found

    def _arrive(self, message: InboundMessage) -> None:
        if not self._is_gone:
            self._in_flight.append(message)
            asyncio.get_running_loop().call_later(NETWORK_S, self._deliver)

    async def send_clear(self) -> None:
        if self.buffered_s() > 0:
            self._cleared.append(_now())
        await super().send_clear()

    def _frame(self, at: float) -> bytes:
        """20 ms that end at `at`: what the caller does, the agent's echo, the noise."""
        trial = self.trial
        assert trial is not None
        mixed = self._rng.normal(0.0, 32768 * 10 ** (trial.noise_dbfs / 20), FRAME_BYTES)
        for start, sound in self._sounds:
            mixed += _part(sound, round((at - FRAME_S - start) * RATE_HZ), FRAME_BYTES)
        if trial.echo_db is not None:
            mixed += self._returned(at) * 10 ** (trial.echo_db / 20)
        return encode_mulaw(np.clip(np.rint(mixed), -32768, 32767).astype(np.int16))

    def _returned(self, at: float) -> NDArray[np.float64]:
        trial = self.trial
        assert trial is not None
        tail = len(trial.echo) - 1
        begin = at - FRAME_S - trial.echo_delay_s - NETWORK_S - tail / RATE_HZ
        heard = np.zeros(FRAME_BYTES + tail)
        for frame in reversed(self.played):
            offset = round((frame.start - begin) * RATE_HZ)
            if offset <= -FRAME_BYTES:
                break
            if offset < len(heard):
                heard += _part(decode_mulaw(frame.mulaw), -offset, len(heard))
        return np.convolve(heard, trial.echo, mode="valid")


class RenderedSpeech(FakeTextToSpeech):
    """Piper's voice at five times real time; each text is rendered once a process."""

    def __init__(self, voices: Voices) -> None:
        super().__init__()
        self._voices = voices

    def rendered(self, text: str) -> bytes:
        """Its mu-law."""
        return encode_mulaw(self._voices.say(Speaker(PIPER, 1.0), text))

    @asynccontextmanager
    async def open_speech(self, request: SpeechRequest) -> AsyncIterator[SpeechStream]:  # type: ignore[override]
        yield _RenderedStream(self)


class _RenderedStream:
    def __init__(self, engine: RenderedSpeech) -> None:
        self._engine = engine

    async def speak(
        self, text: str, *, is_last: bool, delivery: Delivery = PLAIN
    ) -> AsyncIterator[bytes]:
        engine = self._engine
        if text not in engine.texts:
            engine.texts.append(text)
        mulaw = engine.rendered(text)
        await asyncio.sleep(engine.first_s)
        for start in range(0, len(mulaw), 8 * FRAME_BYTES):
            piece = mulaw[start : start + 8 * FRAME_BYTES]
            yield piece
            await asyncio.sleep(len(piece) / LINE_RATE_HZ / engine.speed)


def _part(signal: NDArray[np.int16], first: int, count: int) -> NDArray[np.float64]:
    """`count` samples from `first` on, zeros outside of the signal."""
    part = np.zeros(count)
    begin, end = max(0, first), min(len(signal), first + count)
    if begin < end:
        part[begin - first : end - first] = signal[begin:end]
    return part


def _now() -> float:
    return asyncio.get_running_loop().time()
