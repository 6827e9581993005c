"""Probes, not callers, find out that an engine is well again. Virtual time."""

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace

import pytest

from tests.fakes.language_model import STALL, FakeLanguageModel
from voxd.config import Health
from voxd.contracts import EngineState
from voxd.engines.health_board import HealthBoard
from voxd.engines.prober import Prober
from voxd.errors import Category, EngineError, Phase

SETTINGS = Health(probe_s=2.0, idle_probe_s=300.0, probe_limit_s=5.0)


class Probed(FakeLanguageModel):
    """An engine whose probes do as the test says."""

    def __init__(self, *, is_local: bool = False) -> None:
        super().__init__(name="probed")
        self.capabilities = replace(self.capabilities, is_local=is_local, expected_latency_s=0.2)
        self.probes: list[float] = []
        self.active_probes = 0
        self.takes_s = 0.2
        self.error: EngineError | Exception | None = None  # type: ignore[assignment]

    def fails(self, category: Category) -> EngineError:
        return EngineError(self.name, category, Phase.FIRST_RESULT, "scripted")

    async def probe(self) -> float:
        assert self.active_probes == 0
        loop = asyncio.get_running_loop()
        self.probes.append(loop.time())
        self.active_probes += 1
        try:
            await asyncio.sleep(self.takes_s)
            if self.error is not None:
                raise self.error
            return self.takes_s
        finally:
            self.active_probes -= 1


@asynccontextmanager
async def probing(engine: Probed) -> AsyncIterator[HealthBoard]:
    board = HealthBoard({engine.name: engine.capabilities}, asyncio.get_running_loop().time)
    prober = Prober({engine.name: engine}, board, SETTINGS)
    task = asyncio.get_running_loop().create_task(prober.run())
    try:
        yield board
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


def eject(board: HealthBoard, engine: Probed, category: Category = Category.SERVER) -> None:
    for _ in range(3):
        board.record_error(engine.fails(category))


async def test_a_tripled_median_is_degraded_within_ten_requests_and_comes_back_by_probes() -> None:
    """The engine never fails; it only becomes slow."""
    engine = Probed()
    async with probing(engine) as board:
        for _ in range(20):
            board.record_result(engine.name, 0.2)
        engine.takes_s = 0.6
        requests = 0
        while board.is_healthy(engine.name):
            await asyncio.sleep(0.1)
            board.record_result(engine.name, 0.6)
            requests += 1
        assert requests <= 10
        await asyncio.sleep(30)
        assert len(engine.probes) >= 10
        assert board.verdict(engine.name).state is EngineState.DEGRADED
        engine.takes_s = 0.2
        await asyncio.sleep(3 * (SETTINGS.probe_s + 0.2) + 2)
        assert board.is_healthy(engine.name)


async def test_a_doubted_engine_is_probed_at_once() -> None:
    engine = Probed()
    async with probing(engine) as board:
        await asyncio.sleep(0.5)
        board.record_error(engine.fails(Category.SERVER))
        assert not board.is_healthy(engine.name)
        await asyncio.sleep(engine.takes_s + 0.01)
        assert board.is_healthy(engine.name)
        engine.error = engine.fails(Category.SERVER)
        board.record_error(engine.fails(Category.SERVER))
        await asyncio.sleep(engine.takes_s + 0.01)
        assert board.verdict(engine.name).state is EngineState.EJECTED


async def test_an_ejected_engine_is_left_alone_then_probed_and_used_within_the_interval() -> None:
    engine = Probed()
    async with probing(engine) as board:
        eject(board, engine)
        await asyncio.sleep(4.9)
        assert engine.probes == []
        await asyncio.sleep(0.1 + SETTINGS.probe_s + engine.takes_s)
        assert len(engine.probes) == 1
        assert board.is_healthy(engine.name)
        await asyncio.sleep(60)
        assert len(engine.probes) == 1


async def test_probes_of_an_engine_that_stays_broken_become_rare() -> None:
    engine = Probed()
    engine.error = engine.fails(Category.CONNECTIVITY)
    async with probing(engine) as board:
        eject(board, engine)
        await asyncio.sleep(3600)
        pauses = [b - a for a, b in zip(engine.probes, engine.probes[1:], strict=False)]
        assert len(engine.probes) < 25
        assert pauses[0] < 15 < 250 < pauses[-1]


async def test_a_probe_that_hangs_counts_as_failed_and_no_other_starts_beside_it() -> None:
    engine = Probed()
    engine.takes_s = STALL
    async with probing(engine) as board:
        eject(board, engine)
        await asyncio.sleep(5.0 + SETTINGS.probe_s + SETTINGS.probe_limit_s + 0.1)
        assert engine.active_probes == 0
        assert board.verdict(engine.name).state is EngineState.EJECTED
        assert len(engine.probes) == 1


async def test_an_engine_that_is_well_is_probed_only_when_nobody_uses_it() -> None:
    engine = Probed()
    async with probing(engine) as board:
        for _ in range(10):
            await asyncio.sleep(100)
            board.record_result(engine.name, 0.2)
        assert engine.probes == []
        await asyncio.sleep(310)
        assert len(engine.probes) == 1
        engine.error = engine.fails(Category.CONNECTIVITY)
        await asyncio.sleep(310)
        engine.error = engine.fails(Category.AUTH)
        await asyncio.sleep(310)
        assert board.verdict(engine.name).state is EngineState.EJECTED


async def test_a_refused_key_is_never_probed() -> None:
    engine = Probed()
    async with probing(engine) as board:
        board.record_error(engine.fails(Category.AUTH))
        await asyncio.sleep(86_400)
        assert engine.probes == []


@pytest.mark.parametrize("category", [Category.OVERLOADED, Category.TIMEOUT])
async def test_a_busy_machine_is_not_an_ill_engine(category: Category) -> None:
    engine = Probed(is_local=True)
    engine.error = engine.fails(category)
    async with probing(engine) as board:
        await asyncio.sleep(86_400)
        assert len(engine.probes) > 200
        assert board.is_healthy(engine.name)


async def test_a_bug_in_a_probe_ends_no_watch(caplog: pytest.LogCaptureFixture) -> None:
    engine = Probed()
    engine.error = ValueError("bug")
    async with probing(engine) as board:
        eject(board, engine)
        await asyncio.sleep(20)
        engine.error = None
        assert len(engine.probes) > 2
        await asyncio.sleep(3)
        assert board.is_healthy(engine.name)
    assert "bug in a probe" in caplog.messages
    assert logging.getLogger("voxd.engines.prober").name in {r.name for r in caplog.records}


async def test_a_refused_account_is_probed_once_somebody_has_seen_to_it() -> None:
    engine = Probed()
    async with probing(engine) as board:
        board.record_error(engine.fails(Category.QUOTA))
        await asyncio.sleep(3600)
        assert engine.probes == []
        engine.error = engine.fails(Category.QUOTA)
        board.account_changed()
        await asyncio.sleep(1)
        assert len(engine.probes) == 1  # not paid yet: refused again
        assert board.verdict("probed").state is EngineState.EJECTED
        engine.error = None
        board.account_changed()
        await asyncio.sleep(1)
        assert len(engine.probes) == 2
        assert board.is_healthy("probed")
