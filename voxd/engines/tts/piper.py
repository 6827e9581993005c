"""Text to speech with Piper on this machine. I/O: asks its worker; no model in here."""

import asyncio
import contextlib
import math
from collections.abc import AsyncGenerator, AsyncIterator
from dataclasses import replace
from typing import Literal

from pydantic import Field

from voxd.config import Table
from voxd.contracts import (
    LINE_RATE_HZ,
    PLAIN,
    PROBE_CALL_ID,
    Capabilities,
    Delivery,
    EngineStatus,
    Priority,
    SpeechRequest,
    SpeechStream,
    Urgency,
)
from voxd.engines.local.compute import WorkerHandle
from voxd.engines.registry import Services
from voxd.engines.tts.prosody import without_emotion
from voxd.events import Kind

CAPABILITIES = Capabilities(Kind.TTS, is_local=True, languages=("en",), expected_latency_s=0.15)

CAPACITY = 1
"""Requests in the worker. A second one would wait there, where nothing more urgent, of this kind
or another, can pass it, to save a millisecond between the two."""
LIMIT_S = 15.0
"""A clause of 100 characters takes 0.5 s; a worker that computes this long is stuck."""


MAX_LEVEL_DBFS = -6.0
"""Louder speech would be all limiter."""


class Settings(Table):
    """`[engines.piper]`."""

    voice: str = "models/piper/en_US-joe-medium.onnx"
    languages: tuple[str, ...] = Field(("en",), min_length=1)
    device: Literal["cpu", "cuda"] = "cpu"
    threads: int = Field(1, ge=1, le=256)
    length_scale: float = Field(1.0, ge=0.25, le=4)
    level_dbfs: float = Field(-20.0, ge=-40, le=MAX_LEVEL_DBFS)


def encode_delivery(settings: Settings, delivery: Delivery) -> dict[str, float]:
    """A delivery in the worker's words: slower is a larger scale, louder a higher level."""
    nearest = without_emotion(delivery)
    level_dbfs = settings.level_dbfs + 20 * math.log10(nearest.volume)
    return {
        "length_scale": round(settings.length_scale / nearest.speed, 3),
        "level_dbfs": round(min(level_dbfs, MAX_LEVEL_DBFS), 2),
    }


class PiperSpeechStream:
    """One reply's stream; see `voxd.contracts.SpeechStream`."""

    def __init__(self, worker: WorkerHandle, settings: Settings, request: SpeechRequest) -> None:
        self._worker = worker
        self._settings = settings
        self._request = request
        self._own_voice = {"voice": request.voice} if request.voice else {}
        self._speaks_until: float | None = None
        """When the audio made so far will have been heard, if it began to play at once."""

    async def speak(
        self, text: str, *, is_last: bool, delivery: Delivery = PLAIN
    ) -> AsyncGenerator[bytes, None]:
        now = asyncio.get_running_loop().time()
        job = self._worker.submit(
            "speak",
            {"text": text, **self._own_voice, **encode_delivery(self._settings, delivery)},
            call_id=self._request.call_id,
            priority=self._request.priority,
            # Nothing covers the first clause; each later one is wanted when those before it end.
            deadline=now if self._speaks_until is None else max(now, self._speaks_until),
            limit_s=LIMIT_S,
        )
        with self._request.urgency.followed_by(job.promote):
            async with contextlib.aclosing(job):
                async for frame in job:
                    if frame.payload:
                        begins = max(asyncio.get_running_loop().time(), self._speaks_until or 0.0)
                        self._speaks_until = begins + len(frame.payload) / LINE_RATE_HZ
                        yield frame.payload


class PiperTextToSpeech:
    """The engine; see `voxd.contracts.TextToSpeech`."""

    def __init__(self, name: str, settings: Settings, worker: WorkerHandle) -> None:
        self.name = name
        self.capabilities = replace(CAPABILITIES, languages=settings.languages)
        self._settings = settings
        self._worker = worker

    def status(self) -> EngineStatus:
        return self._worker.status()

    async def warm(self) -> None:
        await self._worker.ready()

    async def probe(self) -> float:
        """Speak a syllable."""
        begun_at = asyncio.get_running_loop().time()
        request = SpeechRequest(PROBE_CALL_ID, 0, "", voice="", urgency=Urgency(Priority.PROBE))
        stream = PiperSpeechStream(self._worker, self._settings, request)
        async with contextlib.aclosing(stream.speak("Hm.", is_last=True)) as pieces:
            async for _ in pieces:
                break
        return asyncio.get_running_loop().time() - begun_at

    @contextlib.asynccontextmanager
    async def open_speech(self, request: SpeechRequest) -> AsyncIterator[SpeechStream]:
        yield PiperSpeechStream(self._worker, self._settings, request)


@contextlib.asynccontextmanager
async def open_engine(
    name: str, settings: Settings, services: Services
) -> AsyncIterator[PiperTextToSpeech]:
    """Start the worker and wait until it is ready.

    Raises:
        ModelError: the voice cannot be used.
    """
    config = services.config
    options = {
        "voice": str(config.resolve(settings.voice)),
        # By the name under which agents ask for it.
        "voices": {voice: str(config.resolve(voice)) for voice in config.agent_voices(name)},
        "device": settings.device,
    }
    worker = services.compute.add_worker("tts", name, options, settings.threads, CAPACITY)
    await worker.ready()
    yield PiperTextToSpeech(name, settings, worker)
