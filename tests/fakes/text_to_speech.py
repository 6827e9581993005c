"""A scripted `TextToSpeech`: mu-law of a length per character, each text its own byte."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from voxd.contracts import (
    LINE_RATE_HZ,
    PLAIN,
    Capabilities,
    Delivery,
    EngineState,
    EngineStatus,
    SpeechRequest,
)
from voxd.errors import Category, EngineError, Phase
from voxd.events import Kind

CHARACTER_S = 0.05
"""Seconds of audio per character."""
STALL_S = 1e9
"""A pause that no call outlives."""


class FakeTextToSpeech:
    """Speaks each text as one repeated byte, so that the line can tell what it heard."""

    capabilities = Capabilities(Kind.TTS, True, (), 0.1)

    def __init__(
        self,
        *,
        first_s: float = 0.1,
        speed: float = 5.0,
        piece_bytes: int = 730,
        name: str = "fake-tts",
        first_byte: int = 1,
    ) -> None:
        """`first_byte`: of 120 that its texts sound like; different for engines of one call."""
        self.name = name
        self.first_byte = first_byte
        self.first_s = first_s
        """Seconds to the first audio of a clause."""
        self.speed = speed
        """Seconds of audio made in a second; below 1 the line runs dry."""
        self.piece_bytes = piece_bytes
        """Size of what comes at once; not a whole number of frames on purpose."""
        self.breaks: dict[str, float] = {}
        """Text -> seconds of its audio after which the engine fails."""
        self.stalls: dict[str, float] = {}
        """Text -> seconds of its audio after which no more comes."""
        self.refusals = 0
        """So many of the next clauses fail at once."""
        self.texts: list[str] = []
        """Everything it was asked to speak, in order."""
        self.requests: list[SpeechRequest] = []
        self.last: list[bool] = []
        self.deliveries: list[Delivery] = []
        """One for each clause it was asked to speak."""
        self.active = 0
        """Streams that are open."""

    def status(self) -> EngineStatus:
        return EngineStatus(self.name, Kind.TTS, EngineState.HEALTHY)

    async def warm(self) -> None:
        return

    async def probe(self) -> float:
        return self.capabilities.expected_latency_s

    def byte_of(self, text: str) -> int:
        """The byte that this text sounds like."""
        return self.first_byte + self.texts.index(text) % 120

    @asynccontextmanager
    async def open_speech(self, request: SpeechRequest) -> AsyncIterator["FakeSpeechStream"]:
        self.requests.append(request)
        self.active += 1
        try:
            yield FakeSpeechStream(self)
        finally:
            self.active -= 1


class FakeSpeechStream:
    """The voice of one reply."""

    def __init__(self, engine: FakeTextToSpeech) -> None:
        self._engine = engine

    async def speak(
        self, text: str, *, is_last: bool, delivery: Delivery = PLAIN
    ) -> AsyncIterator[bytes]:
        engine = self._engine
        if text not in engine.texts:
            engine.texts.append(text)
        engine.last.append(is_last)
        engine.deliveries.append(delivery)
        if engine.refusals:
            engine.refusals -= 1
            raise EngineError(engine.name, Category.CONNECTIVITY, Phase.FIRST_RESULT, "scripted")
        await asyncio.sleep(engine.first_s)
        mulaw = bytes([engine.byte_of(text)]) * round(len(text) * CHARACTER_S * LINE_RATE_HZ)
        break_at = round(engine.breaks.get(text, 1e6) * LINE_RATE_HZ)
        stall_at = round(engine.stalls.get(text, 1e6) * LINE_RATE_HZ)
        for start in range(0, len(mulaw), engine.piece_bytes):
            if start >= stall_at:
                await asyncio.sleep(STALL_S)
            if start >= break_at:
                raise EngineError(engine.name, Category.SERVER, Phase.STREAM, "scripted")
            piece = mulaw[start : start + engine.piece_bytes]
            yield piece
            await asyncio.sleep(len(piece) / LINE_RATE_HZ / engine.speed)
