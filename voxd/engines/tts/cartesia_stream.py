"""One reply at Cartesia: clauses in, the line's own audio out. I/O: one context at a time.

Clauses go into the context one after the other, each with a flush behind it, so that its end is
known; the server keeps the prosody from clause to clause. A context lives for a second after its
last audio: a reply whose model is slower than that goes on in a new one. So does a clause with
another delivery, because all inputs of a context must agree in it. Rejected: the tags for the same
in the text, of which nobody says where they end.

Nothing is tried twice, with one exception: a clause that is refused before any audio by a context
which an earlier clause had used. That one, or its connection, had ended in the meantime, and the
clause is said once more in a new context.
"""

import asyncio
from collections.abc import AsyncIterator
from typing import TYPE_CHECKING

from voxd.contracts import LINE_RATE_HZ, PLAIN, Delivery, SpeechRequest
from voxd.engines.tts.cartesia_messages import (
    Audio,
    Done,
    Failed,
    Flushed,
    WordTime,
    WordTimes,
    encode_clause,
    encode_delivery,
    encode_fields,
)
from voxd.errors import Category, EngineError, Phase

if TYPE_CHECKING:
    from voxd.engines.tts.cartesia import CartesiaTextToSpeech
    from voxd.engines.tts.cartesia_sockets import Context

LAUGHTER = "[laughter]"
"""Cartesia's tag for a laugh; the only one that is ever sent."""
WORDS = 1024
"""Word times that a stream keeps; a reply of 150 tokens has fewer."""


class CartesiaSpeechStream:
    """One reply's stream; see `voxd.contracts.SpeechStream`."""

    def __init__(
        self, engine: "CartesiaTextToSpeech", request: SpeechRequest, context: "Context"
    ) -> None:
        settings = engine.settings
        self.word_times: list[WordTime] = []
        """Words in the order of the audio; seconds from the stream's first sample."""
        self._engine = engine
        self._context = context
        self._fields = encode_fields(
            settings.model,
            request.voice or settings.voice,
            request.language,
            has_word_times=settings.word_times,
        )
        self._generation: dict[str, float | str] = {}
        """The delivery of the context: one that was used keeps it."""
        self._voiced_s = 0.0
        """Seconds of audio that came."""
        self._context_begins_s = 0.0
        """Where in it the context began."""
        self._now = asyncio.get_running_loop().time

    async def speak(
        self, text: str, *, is_last: bool, delivery: Delivery = PLAIN
    ) -> AsyncIterator[bytes]:
        """See `contracts.SpeechStream`. A clause without sound yields nothing."""
        begun_at = self._now()
        settings = self._engine.settings
        generation = encode_delivery(delivery, settings.speed, settings.volume, settings.emotion)
        is_changed = self._context.is_used and generation != self._generation
        self._generation = generation
        if delivery.has_laughter:
            text = f"{LAUGHTER} {text}"
        may_retry = self._context.is_used and self._context.is_open and not is_changed
        has_audio = is_ended = False
        self._engine.speaking += 1
        try:
            if is_changed or not self._context.is_open:
                await self._renew_context()
            deadline = await self._say(text, is_last)
            while not is_ended:
                match await self._context.receive(deadline):
                    case Audio(mulaw=mulaw) if mulaw:
                        if not has_audio:
                            has_audio = True
                            self._engine.recent.record(self._now() - begun_at)
                        self._voiced_s += len(mulaw) / LINE_RATE_HZ
                        yield mulaw
                        deadline = self._now() + self._engine.settings.next_audio_s
                    case WordTimes(words=words):
                        self._note(words)
                    case Flushed():
                        is_ended = not is_last
                    case Done() if has_audio or (is_last and not may_retry):
                        is_ended = True
                    case Done() | Failed() as ending:
                        if has_audio or not may_retry or not _is_stale(ending):
                            raise self._error(ending, has_audio)
                        may_retry = False
                        await self._renew_context()
                        deadline = await self._say(text, is_last)
        finally:
            self._engine.speaking -= 1
            if not is_ended:
                self._context.close()

    def close(self) -> None:
        """Stop what is unfinished and hear no more of it."""
        self._context.close()

    async def _say(self, text: str, is_last: bool) -> float:
        """Send a clause; return when its first audio must be there."""
        deadline = self._now() + self._engine.settings.first_audio_s
        fields = self._fields
        if self._generation:
            fields = {**fields, "generation_config": self._generation}
        messages = encode_clause(fields, self._context.id, text, is_last=is_last)
        await self._context.send(messages, deadline)
        return deadline

    async def _renew_context(self) -> None:
        self._context.close()
        self._context = await self._engine.open_context()
        self._context_begins_s = self._voiced_s

    def _note(self, words: tuple[WordTime, ...]) -> None:
        begin = self._context_begins_s
        for time in words[: WORDS - len(self.word_times)]:
            if time.word == LAUGHTER:
                continue
            shifted = WordTime(time.word, begin + time.start_s, begin + time.end_s)
            self.word_times.append(shifted)

    def _error(self, ending: Done | Failed, has_audio: bool) -> EngineError:
        if isinstance(ending, Done):
            ending = Failed(ending.context_id, Category.SERVER, "it ended without audio")
        return self._engine.error(ending, Phase.STREAM if has_audio else Phase.FIRST_RESULT)


def _is_stale(ending: Done | Failed) -> bool:
    """Could it be that the context had ended before the clause came?"""
    if isinstance(ending, Done):
        return True
    return ending.category in (Category.CONNECTIVITY, Category.BAD_REQUEST)
