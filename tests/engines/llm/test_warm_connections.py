"""When the connections are used to keep them open; in virtual time."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from voxd.engines.llm.warm_connections import (
    CONNECTIONS,
    IN_USE_S,
    KEEPALIVE_S,
    REFILL_PAUSE_S,
    REFRESH_S,
    WarmConnections,
)
from voxd.errors import Category, EngineError, Phase


class Pinged:
    """Counts pings, and how many there were at once."""

    def __init__(self) -> None:
        self.total = 0
        self.active = 0
        self.most = 0
        self.error: EngineError | None = None
        self.connections = WarmConnections(self.ping)

    async def ping(self) -> None:
        self.total += 1
        self.active += 1
        self.most = max(self.most, self.active)
        await asyncio.sleep(0.05)
        self.active -= 1
        if self.error is not None:
            raise self.error


@pytest.fixture
async def pinged() -> AsyncIterator[Pinged]:
    pinged = Pinged()
    task = asyncio.get_running_loop().create_task(pinged.connections.run())
    yield pinged
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


async def test_a_refresh_uses_every_connection_at_once(pinged: Pinged) -> None:
    await pinged.connections.refresh()
    assert pinged.total == pinged.most == CONNECTIONS == 2


async def test_an_engine_in_use_keeps_its_connections(pinged: Pinged) -> None:
    pinged.connections.touch()
    await pinged.connections.refresh()
    await asyncio.sleep(4 * KEEPALIVE_S)
    assert pinged.total >= CONNECTIONS * 4 * KEEPALIVE_S / REFRESH_S


async def test_an_idle_engine_asks_nothing(pinged: Pinged) -> None:
    pinged.connections.touch()
    await asyncio.sleep(IN_USE_S + 2 * REFRESH_S)
    before = pinged.total
    await asyncio.sleep(3600)
    assert pinged.total == before


async def test_many_calls_that_begin_cost_one_refresh(pinged: Pinged) -> None:
    await asyncio.gather(*(pinged.connections.ensure() for _ in range(10)))
    assert pinged.total == CONNECTIONS
    await asyncio.sleep(REFRESH_S)
    await pinged.connections.ensure()
    assert pinged.total == 2 * CONNECTIONS


async def test_a_lost_connection_is_replaced_and_many_are_one(pinged: Pinged) -> None:
    for _ in range(5):
        pinged.connections.note_lost()
        await asyncio.sleep(REFILL_PAUSE_S / 10)
    await asyncio.sleep(2 * REFILL_PAUSE_S)
    assert pinged.total == CONNECTIONS


async def test_a_failed_refresh_is_tried_again_and_never_ends_the_loop(pinged: Pinged) -> None:
    pinged.error = EngineError("x", Category.CONNECTIVITY, Phase.CONNECT, "down")
    with pytest.raises(EngineError):
        await pinged.connections.ensure()
    pinged.connections.touch()
    pinged.connections.note_lost()
    await asyncio.sleep(3 * REFRESH_S)
    before = pinged.total
    assert before > 2 * CONNECTIONS
    pinged.error = None
    await pinged.connections.ensure()
    assert pinged.connections._refreshed_at > 0
