"""One engine's voice of one reply, clause after clause, in a task of its own. I/O by its engine.

It is opened before there is anything to say, because a connection may have to be made meanwhile.
"""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from dataclasses import dataclass
from enum import Enum

from voxd.config import Deadlines
from voxd.contracts import (
    LINE_RATE_HZ,
    PLAIN,
    Delivery,
    SpeechRequest,
    SpeechStream,
    TextToSpeech,
)
from voxd.engines.failover.continuation import TimedWord
from voxd.engines.failover.hedge import Limits
from voxd.errors import Category, EngineError, Phase


class Said(Enum):
    """The clause has been spoken to its end."""

    WHOLE = "whole"


@dataclass(frozen=True, slots=True)
class _Timed:
    """A word with its time in the clause."""

    word: str
    start_s: float
    end_s: float


class Lane:
    """Made by `FailoverSpeechStream`, which enters `voice` in its race. `eq` is identity."""

    def __init__(self, engine: TextToSpeech, request: SpeechRequest) -> None:
        self.engine = engine
        self.text = ""
        """The clause, or the rest of one, that it is to speak."""
        self.is_hedge = False
        self.begun_at = 0.0
        """When it was asked for the clause."""
        self.voiced_at: float | None = None
        """When the first audio of the clause came."""
        self.heard_at = 0.0
        """When audio of the clause came last; before any, when it was asked for."""
        self.delivered_s = 0.0
        """Seconds of audio of the clause that came."""
        self._before_s = 0.0
        """Seconds of audio before the clause."""
        self._request = request
        self._speech: SpeechStream | None = None
        # One at a time: text, is_last, delivery.
        self._clauses: asyncio.Queue[tuple[str, bool, Delivery]] = asyncio.Queue(1)

    async def voice(self) -> AsyncIterator[bytes | Said]:
        """Everything that it says; ends only by an error."""
        async with self.engine.open_speech(self._request) as speech:
            self._speech = speech
            while True:
                text, is_last, delivery = await self._clauses.get()
                pieces = speech.speak(text, is_last=is_last, delivery=delivery)
                try:
                    async for mulaw in pieces:
                        yield mulaw
                finally:
                    if isinstance(pieces, AsyncGenerator):
                        await pieces.aclose()
                yield Said.WHOLE

    def speak(
        self,
        text: str,
        now: float,
        *,
        is_last: bool,
        is_hedge: bool,
        delivery: Delivery = PLAIN,
    ) -> None:
        """Begin a clause; the one before must be over."""
        self.text = text
        self.is_hedge = is_hedge
        self.begun_at = self.heard_at = now
        self.voiced_at = None
        self._before_s += self.delivered_s
        self.delivered_s = 0.0
        self._clauses.put_nowait((text, is_last, delivery))

    def note(self, mulaw: bytes, now: float) -> None:
        """This audio came."""
        if self.voiced_at is None:
            self.voiced_at = now
        self.heard_at = now
        self.delivered_s += len(mulaw) / LINE_RATE_HZ

    def limits(self, deadlines: Deadlines) -> Limits:
        """Until when its next audio must come.

        Audio that comes, but slower than it is heard, is late, too: a hole in the sentence counts
        from the moment when the caller has heard all there was.
        """
        if self.voiced_at is None:
            since, deadline = self.begun_at, deadlines.first_audio_s
        else:
            since = min(self.heard_at, self.voiced_at + self.delivered_s)
            deadline = deadlines.next_audio_s
        return Limits.after(since, deadline, last_since=self.heard_at)

    @property
    def timed(self) -> Sequence[TimedWord]:
        """When the words of the clause are spoken, as far as the engine tells."""
        # Not in the contract, because most engines cannot tell.
        words: Sequence[TimedWord] = getattr(self._speech, "word_times", ())
        return [
            _Timed(word.word, word.start_s - self._before_s, word.end_s - self._before_s)
            for word in words
            if word.start_s >= self._before_s - 0.001
        ]

    def timeout(self) -> EngineError:
        """It missed its hard deadline."""
        if self.voiced_at is None:
            return self.error(Category.TIMEOUT, Phase.FIRST_RESULT, "no first audio in time")
        return self.error(Category.TIMEOUT, Phase.STREAM, "no further audio in time")

    def error(self, category: Category, phase: Phase, message: str) -> EngineError:
        return EngineError(self.engine.name, category, phase, message)
