"""A judgement is one short request with the end of the utterance; the real model knows an end."""

import asyncio
from pathlib import Path
from typing import Any

import pytest

from voxd.config import Local, load_config
from voxd.contracts import PROBE_CALL_ID, Priority
from voxd.engines.local.compute import open_compute
from voxd.engines.local.job import Job, Work
from voxd.engines.local.protocol import Frame, MessageType
from voxd.engines.local.smart_turn_worker import WINDOW_BYTES
from voxd.engines.registry import open_engines, settings_types
from voxd.engines.turn.smart_turn import Settings, SmartTurnJudge
from voxd.errors import Category, EngineError, Phase

ROOT = Path(__file__).parents[3]


class ScriptedWorker:
    """Stands where `WorkerHandle` does."""

    def __init__(self) -> None:
        self.requests: list[tuple[bytes, dict[str, Any]]] = []
        self.cancelled: list[int] = []
        self.is_silent = False
        self.error: EngineError | None = None

    def submit(self, op: str, params: dict[str, Any], payload: bytes, **how: Any) -> Job:
        assert (op, params) == ("judge", {})
        self.requests.append((payload, how))
        job = Job(
            len(self.requests), "turn", Work(op, params), lambda job: self.cancelled.append(job.id)
        )
        if self.error is not None:
            job.fail(self.error)
        elif not self.is_silent:
            job.deliver(Frame(MessageType.DONE, {"data": {"probability": 0.75, "seconds": 0.05}}))
        return job


def build() -> tuple[SmartTurnJudge, ScriptedWorker]:
    worker = ScriptedWorker()
    return SmartTurnJudge("smart-turn", Settings(), worker), worker  # type: ignore[arg-type]


async def test_a_judgement_is_the_workers_probability() -> None:
    engine, worker = build()
    assert await engine.judge("call", b"\xff" * 800, Priority.COMMITTED) == 0.75
    [(payload, how)] = worker.requests
    assert payload == b"\xff" * 800
    assert how["call_id"] == "call"
    assert how["priority"] is Priority.COMMITTED


async def test_only_the_end_that_the_model_sees_is_sent() -> None:
    engine, worker = build()
    mulaw = b"\x00" * 1000 + b"\xff" * WINDOW_BYTES
    await engine.judge("call", mulaw, Priority.SPECULATION)
    assert worker.requests[0][0] == b"\xff" * WINDOW_BYTES


async def test_a_probe_gives_way_to_callers() -> None:
    engine, worker = build()
    assert await engine.probe() >= 0
    [(_, how)] = worker.requests
    assert how["priority"] is Priority.PROBE
    assert how["call_id"] == PROBE_CALL_ID


async def test_a_judgement_that_nobody_waits_for_is_stopped() -> None:
    engine, worker = build()
    worker.is_silent = True
    waiting = asyncio.get_running_loop().create_task(
        engine.judge("call", b"\xff", Priority.COMMITTED)
    )
    await asyncio.sleep(0)
    waiting.cancel()
    await asyncio.gather(waiting, return_exceptions=True)
    assert worker.cancelled == [1]


async def test_a_failed_worker_is_an_engine_error() -> None:
    engine, worker = build()
    worker.error = EngineError("smart-turn", Category.CONNECTIVITY, Phase.CONNECT, "down")
    with pytest.raises(EngineError, match="down"):
        await engine.judge("call", b"\xff", Priority.COMMITTED)


@pytest.mark.weights
async def test_the_shipped_model_judges_through_its_worker() -> None:
    config = load_config(ROOT / "config.toml", settings_types())
    async with (
        open_compute(Local(cores=2, silent_s=5)) as compute,
        open_engines(["smart-turn"], config, compute) as engines,
    ):
        judge: Any = engines["smart-turn"]
        assert 0 <= await judge.judge("call", b"\xff" * 4000, Priority.COMMITTED) <= 1
        assert judge.status().detail["model"] == "smart-turn-v3.2-cpu"
