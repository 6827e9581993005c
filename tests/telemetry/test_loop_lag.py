import asyncio
import time

from voxd.telemetry.loop_lag import LoopLag


def test_nothing_measured_is_no_lag() -> None:
    assert LoopLag().percentile(0.99) == 0.0


def test_percentiles_are_of_the_latest_samples_only() -> None:
    lag = LoopLag(interval_s=1.0, window_s=100.0)
    for value in [1.0] * 90 + [0.1] * 10:
        lag.add(value)
    assert lag.percentile(0.5) == 1.0
    assert lag.percentile(0.99, last_s=10.0) == 0.1
    assert lag.worst_s == 1.0


def test_the_window_is_bounded() -> None:
    lag = LoopLag(interval_s=1.0, window_s=10.0)
    for _ in range(10):
        lag.add(1.0)
    for _ in range(10):
        lag.add(0.0)
    assert lag.percentile(1.0) == 0.0
    assert lag.worst_s == 1.0


async def test_a_blocked_loop_is_seen() -> None:
    lag = LoopLag(interval_s=0.001)
    task = asyncio.get_running_loop().create_task(lag.run())
    await asyncio.sleep(0.005)
    time.sleep(0.05)
    while lag.worst_s == 0.0:
        await asyncio.sleep(0)
    await asyncio.sleep(0.005)
    task.cancel()
    await asyncio.wait([task])
    assert lag.worst_s > 0.02
