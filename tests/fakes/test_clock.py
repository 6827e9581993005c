"""The virtual clock itself."""

import asyncio
import time

import pytest

from tests.fakes.clock import START_S, Deadlock, LoopbackLoop, VirtualLoop


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


def test_what_is_sent_over_loopback_arrives_before_the_clock_moves() -> None:
    async def echo(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while line := await reader.readline():
            writer.write(line)
        writer.close()

    async def talk() -> None:
        loop = asyncio.get_running_loop()
        ticker = loop.create_task(asyncio.sleep(1e6))  # there is always a next timer
        server = await asyncio.start_server(echo, "127.0.0.1", 0)
        reader, writer = await asyncio.open_connection(*server.sockets[0].getsockname())
        for _ in range(50):
            writer.write(b"ping\n")
            assert await reader.readline() == b"ping\n"
        assert await asyncio.to_thread(lambda: time.sleep(0.05) or 7) == 7
        assert loop.time() == START_S
        writer.close()
        await writer.wait_closed()
        server.close()
        ticker.cancel()

    with asyncio.Runner(loop_factory=LoopbackLoop) as runner:
        runner.run(talk())
