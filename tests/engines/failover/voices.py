"""Scripted voices whose audio tells which words it is, and a reply that is spoken on a chain."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from itertools import groupby

from tests.engines.failover.models import DEADLINES
from tests.engines.failover.recorder import Recorder, now
from tests.engines.failover.test_continuation import At
from voxd.contracts import (
    LINE_RATE_HZ,
    PLAIN,
    Capabilities,
    Delivery,
    EngineState,
    EngineStatus,
    SpeechRequest,
    SpeechStream,
)
from voxd.engines.failover.tts import FailoverTextToSpeech
from voxd.errors import Category, EngineError, Phase
from voxd.events import Kind

STALL = 1e9
REQUEST = SpeechRequest("CA1", 1, "en", "")


@dataclass(frozen=True)
class Fault:
    """What goes wrong in a clause, after so many seconds of its audio."""

    after_s: float = 0.0
    pause_s: float = STALL
    """Silence, and then it goes on; or the error."""
    category: Category | None = None
    """Raise this."""
    stays: bool = False
    """Every further clause, too."""


class WordVoice:
    """Speaks each word as a byte of its own, for `character_s` per character and space."""

    capabilities = Capabilities(Kind.TTS, True, (), 0.1)

    def __init__(
        self,
        name: str,
        *faults: Fault | None,
        first_s: float = 0.1,
        character_s: float = 1 / 15,
        speed: float = 4.0,
        has_times: bool = False,
        refuses: Category | None = None,
        connect_s: float = 0.0,
    ) -> None:
        """
        Args:
            faults: of the n-th clause.
            first_s: seconds from a clause to its first audio.
            speed: seconds of audio made in a second.
            has_times: tells when its words are spoken.
            refuses: cannot be opened.
            connect_s: seconds until it is open.
        """
        self.name = name
        self.faults = list(faults)
        self.first_s = first_s
        self.character_s = character_s
        self.speed = speed
        self.has_times = has_times
        self.refuses = refuses
        self.connect_s = connect_s
        self.texts: list[str] = []
        """Everything it was asked to speak."""
        self.last: list[bool] = []
        self.deliveries: list[Delivery] = []
        """One for each text."""
        self.opened = 0
        self.active = 0
        """Streams that are open."""
        self.speaking = 0
        """Clauses that are being spoken."""

    def status(self) -> EngineStatus:
        return EngineStatus(self.name, Kind.TTS, EngineState.HEALTHY)

    async def warm(self) -> None:
        return

    async def probe(self) -> float:
        return 0.1

    @asynccontextmanager
    async def open_speech(self, request: SpeechRequest) -> AsyncIterator[SpeechStream]:
        self.opened += 1
        self.active += 1
        try:
            await asyncio.sleep(self.connect_s)
            if self.refuses is not None:
                raise EngineError(self.name, self.refuses, Phase.CONNECT, "scripted")
            yield WordStream(self)
        finally:
            self.active -= 1

    def fault(self) -> Fault | None:
        """What goes wrong with the clause that was asked for last."""
        number = len(self.texts) - 1
        if number < len(self.faults):
            return self.faults[number]
        last = self.faults[-1] if self.faults else None
        return last if last is not None and last.stays else None

    def samples(self, word: str) -> int:
        return round((len(word) + 1) * self.character_s * LINE_RATE_HZ)


class WordStream:
    """One reply's stream."""

    def __init__(self, voice: WordVoice) -> None:
        self._voice = voice
        self._spoken_s = 0.0
        if voice.has_times:
            self.word_times: list[At] = []

    async def speak(
        self, text: str, *, is_last: bool, delivery: Delivery = PLAIN
    ) -> AsyncIterator[bytes]:
        voice = self._voice
        voice.texts.append(text)
        voice.last.append(is_last)
        voice.deliveries.append(delivery)
        fault = voice.fault()
        voice.speaking += 1
        try:
            await asyncio.sleep(voice.first_s)
            mulaw = words_of(voice, text)
            self._tell_times(text)
            delivered = 0
            while delivered < len(mulaw):
                if fault is not None and delivered >= round(fault.after_s * LINE_RATE_HZ):
                    if fault.category is not None:
                        raise EngineError(voice.name, fault.category, Phase.STREAM, "scripted")
                    await asyncio.sleep(fault.pause_s)
                    fault = None
                piece = mulaw[delivered : delivered + 400]
                delivered += len(piece)
                yield piece
                await asyncio.sleep(len(piece) / LINE_RATE_HZ / voice.speed)
        finally:
            voice.speaking -= 1

    def _tell_times(self, text: str) -> None:
        for word in text.split():
            begin_s = self._spoken_s
            self._spoken_s += self._voice.samples(word) / LINE_RATE_HZ
            if self._voice.has_times:
                self.word_times.append(At(word, begin_s, self._spoken_s))


_CODES: dict[str, int] = {}


def code(word: str) -> int:
    """The byte that a word sounds like."""
    return _CODES.setdefault(word, len(_CODES) % 255)


@dataclass
class Heard:
    """What came of one clause."""

    mulaw: bytes = b""
    first_at: float | None = None
    """Seconds from the clause to its first audio."""
    silence_s: float = 0.0
    """Seconds in which somebody who listens from the first audio on hears nothing."""
    error: EngineError | None = None

    def words(self, *voices: WordVoice) -> list[str]:
        """The words of which at least half was spoken, by any of the voices, as often as that.

        One voice's beginning and another one's whole word sound as one, because they are alike.
        """
        names = {number: word for word, number in _CODES.items()}
        words: list[str] = []
        for byte, run in groupby(self.mulaw):
            word, size = names[byte], len(list(run))
            shortest = min(voice.samples(word) for voice in voices)
            longest = max(voice.samples(word) for voice in voices)
            if size >= shortest / 2:
                words += [word] * (1 if size < shortest + longest / 2 else 2)
        return words


@dataclass
class Unsent:
    """A `contracts.Outlet` of which nothing is at the line yet: all can be taken back."""

    sent_s: float = 0.0
    heard: bytes = b""
    """What would sound, up to the last cut."""
    taken: int = 0
    """Bytes of the clause that were given to it until then."""
    held: bytes = b""

    def bind(self, heard: "Heard") -> None:
        """What it is given from now on."""
        self._given = heard

    def hold_back(self, keep_s: float) -> float:
        is_replaced = len(self._given.mulaw) > self.taken
        whole = self._sounding() + (b"" if is_replaced else self.held)
        keep = round(keep_s * LINE_RATE_HZ)
        self.heard, self.held = whole[:keep], whole[keep:]
        self.taken = len(self._given.mulaw)
        return len(self.heard) / LINE_RATE_HZ

    def release(self) -> None:
        self.heard += self.held
        self.held = b""

    def mulaw(self, heard: "Heard") -> bytes:
        """What sounds of a clause in the end."""
        assert heard is self._given
        return self._sounding()

    def _sounding(self) -> bytes:
        return self.heard + self._given.mulaw[self.taken :]


def words_of(voice: WordVoice, text: str) -> bytes:
    """What a voice makes of a text."""
    return b"".join(bytes([code(word)]) * voice.samples(word) for word in text.split())


@dataclass
class Saying:
    """A failover over voices, and one open stream of it."""

    voices: tuple[WordVoice, ...]
    board: Recorder
    tts: FailoverTextToSpeech
    stream: SpeechStream
    heard: list[Heard] = field(default_factory=list)
    outlet: Unsent | None = None

    async def say(self, text: str, *, is_last: bool = True, delivery: Delivery = PLAIN) -> Heard:
        """Have a clause spoken to its end."""
        heard = Heard()
        self.heard.append(heard)
        if self.outlet is not None:
            self.outlet.bind(heard)
        begun_at = now()
        runs_dry_at = 0.0
        try:
            async for piece in self.stream.speak(text, is_last=is_last, delivery=delivery):
                if heard.first_at is None:
                    heard.first_at = round(now() - begun_at, 3)
                    runs_dry_at = now()
                heard.silence_s += max(0.0, now() - runs_dry_at)
                runs_dry_at = max(runs_dry_at, now()) + len(piece) / LINE_RATE_HZ
                heard.mulaw += piece
        except EngineError as error:
            heard.error = error
        return heard


@asynccontextmanager
async def saying(*voices: WordVoice, outlet: Unsent | None = None) -> AsyncIterator[Saying]:
    """A reply on a chain of voices, all of which must be closed at the end."""
    board = Recorder()
    tts = FailoverTextToSpeech(voices, DEADLINES, board, board.post, now)
    async with tts.open_speech(replace(REQUEST, outlet=outlet)) as stream:
        it = Saying(voices, board, tts, stream, outlet=outlet)
        yield it
        assert all(voice.speaking == 0 for voice in voices)
    assert [voice.active for voice in voices] == [0] * len(voices)
    assert len(asyncio.all_tasks()) == 1
