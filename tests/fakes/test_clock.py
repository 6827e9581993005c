"""The virtual clock itself."""

import asyncio
import time

import pytest

from tests.fakes.clock import START_S, Deadlock, VirtualLoop


async def test_an_hour_of_sleep_takes_no_time() -> None:
    loop = asyncio.get_running_loop()
    started, real = loop.time(), time.monotonic()
    await asyncio.sleep(3600)
    assert loop.time() - started == pytest.approx(3600)
    assert time.monotonic() - real < 60


async def test_timers_fire_in_order_at_their_own_times() -> None:
    loop = asyncio.get_running_loop()
    fired: list[float] = []
    for delay in (0.3, 0.1, 0.2):
        loop.call_later(delay, lambda: fired.append(round(loop.time() - START_S, 6)))
    await asyncio.sleep(1)
    assert fired == sorted(fired)
    assert len(set(fired)) == 3


async def test_threads_may_still_answer() -> None:
    assert await asyncio.to_thread(lambda: 7) == 7


def test_waiting_for_nothing_fails_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tests.fakes.clock.THREAD_S", 0.01)
    loop = VirtualLoop()
    waiting = loop.create_future()
    with pytest.raises(Deadlock):
        loop.run_until_complete(waiting)
    loop.close()
