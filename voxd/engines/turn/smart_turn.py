"""Is the turn over, by how it sounded: smart-turn on this machine. I/O: asks its worker.

It hears melody and hesitation, in 23 languages, and beside the transcription, which knows the
words; `voxd.dialog.endpoint` joins both.
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from dataclasses import replace

from pydantic import Field

from voxd.config import Table
from voxd.contracts import (
    LINE_RATE_HZ,
    MULAW_SILENCE,
    PROBE_CALL_ID,
    Capabilities,
    EngineStatus,
    Priority,
)
from voxd.engines.local.compute import WorkerHandle
from voxd.engines.local.smart_turn_worker import WINDOW_BYTES
from voxd.engines.registry import Services
from voxd.errors import Category, EngineError, Phase
from voxd.events import Kind

LANGUAGES = (
    *("ar", "bn", "zh", "da", "nl", "en", "fi", "fr", "de", "hi", "id", "it"),
    *("ja", "ko", "mr", "no", "pl", "pt", "ru", "es", "tr", "uk", "vi"),
)
"""What smart-turn v3 was trained on (its README)."""

CAPABILITIES = Capabilities(Kind.TURN, is_local=True, languages=LANGUAGES, expected_latency_s=0.06)

CAPACITY = 2
"""Requests in the worker: one computes, one is there already when it ends."""
PATIENCE_S = 0.5
"""Orders the queue: after the transcription of the same pause (0.4 s), which a reply needs to be
begun; without a judgement there is one all the same."""
LIMIT_S = 5.0
"""It takes 0.05 s; a worker that computes this long is stuck."""


class Settings(Table):
    """`[engines.smart-turn]`."""

    model: str = "models/smart-turn/smart-turn-v3.2-cpu.onnx"
    languages: tuple[str, ...] = Field(LANGUAGES, min_length=1)
    threads: int = Field(1, ge=1, le=256)


class SmartTurnJudge:
    """The engine; see `voxd.contracts.TurnJudge`."""

    def __init__(self, name: str, settings: Settings, worker: WorkerHandle) -> None:
        self.name = name
        self.capabilities = replace(CAPABILITIES, languages=settings.languages)
        self._worker = worker

    def status(self) -> EngineStatus:
        return self._worker.status()

    async def warm(self) -> None:
        await self._worker.ready()

    async def probe(self) -> float:
        """Judge half a second of silence, which costs as much as speech."""
        begun_at = asyncio.get_running_loop().time()
        silence = bytes([MULAW_SILENCE]) * (LINE_RATE_HZ // 2)
        await self.judge(PROBE_CALL_ID, silence, Priority.PROBE)
        return asyncio.get_running_loop().time() - begun_at

    async def judge(self, call_id: str, mulaw: bytes, priority: Priority) -> float:
        job = self._worker.submit(
            "judge",
            {},
            mulaw[-WINDOW_BYTES:],
            call_id=call_id,
            priority=priority,
            deadline=asyncio.get_running_loop().time() + PATIENCE_S,
            limit_s=LIMIT_S,
        )
        done = await job.result()
        if done is None:  # nobody here cancels it
            raise EngineError(self.name, Category.SERVER, Phase.FIRST_RESULT, "no judgement")
        return float(done.fields["data"]["probability"])


@contextlib.asynccontextmanager
async def open_engine(
    name: str, settings: Settings, services: Services
) -> AsyncIterator[SmartTurnJudge]:
    """Start the worker and wait until it is ready.

    Raises:
        ModelError: the model cannot be used.
    """
    options = {"model": str(services.config.resolve(settings.model))}
    worker = services.compute.add_worker("turn", name, options, settings.threads, CAPACITY)
    await worker.ready()
    yield SmartTurnJudge(name, settings, worker)
