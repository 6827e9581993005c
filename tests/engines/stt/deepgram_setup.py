"""A caller's voice for tests of the Deepgram engines: tones and silence, faster than real time."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from types import ModuleType
from typing import Any

import numpy as np

from tests.servers.deepgram import DeepgramServer
from voxd.audio.g711 import encode_mulaw
from voxd.contracts import FRAME_BYTES, FRAME_S, Transcript, TranscriptStream
from voxd.engines.stt.deepgram_engine import DeepgramSpeechToText

TONE = encode_mulaw(
    (8000 * np.sin(2 * np.pi * 300 * np.arange(FRAME_BYTES) / 8000)).astype(np.int16)
)
SILENCE = b"\xff" * FRAME_BYTES
BEGIN = 1000.0
"""Audio time of the first sample: the loop's clock does not begin at 0 either."""
PAUSE_S = 0.1


@contextlib.asynccontextmanager
async def open_stt(
    module: ModuleType, server: DeepgramServer, **settings: Any
) -> AsyncIterator[DeepgramSpeechToText]:
    """The engine of a module, pointed at a loopback server."""
    parsed = module.Settings(base_url=server.url, **settings)
    async with module.open_engine("deepgram", parsed, None) as engine:
        yield engine


class Caller:
    """Speaks into a stream and collects its transcripts."""

    def __init__(self, stream: TranscriptStream) -> None:
        self.stream = stream
        self.now = BEGIN
        self.transcripts = aiter(stream)
        self.got: list[Transcript] = []

    def speak(self, seconds: float) -> float:
        """Speak; return when the speech ended."""
        self.stream.speech_started(self.now)
        self.be_heard(TONE, seconds)
        return self.now

    def rest(self, seconds: float = PAUSE_S) -> None:
        self.be_heard(SILENCE, seconds)

    def be_heard(self, frame: bytes, seconds: float) -> None:
        for _ in range(round(seconds / FRAME_S)):
            self.now += FRAME_S
            self.stream.push(frame, self.now)

    def say(self, seconds: float) -> float:
        """Speak, rest for a short pause and want the words; return when the speech ended."""
        end = self.speak(seconds)
        self.rest()
        self.stream.flush(end)
        return end

    async def until(self, wanted: Callable[[Transcript], object]) -> Transcript:
        """The next transcript of a kind."""
        while True:
            transcript = await anext(self.transcripts)
            self.got.append(transcript)
            if wanted(transcript):
                return transcript

    async def final(self, speech_end: float) -> Transcript:
        """The next transcript that is final up to this audio time."""
        return await self.until(lambda item: item.is_final and item.through >= speech_end)


async def settle(claim: Callable[[], object]) -> None:
    """Return once the claim holds; the test's timeout is the limit."""
    while not claim():
        await asyncio.sleep(0.005)
