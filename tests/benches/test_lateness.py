"""How late a loop wakes."""

import asyncio
import time

from benches.lateness import INTERVAL_S, Lateness


async def test_a_loop_that_is_held_up_is_late_and_is_asked_once() -> None:
    lateness = Lateness()
    watching = asyncio.get_running_loop().create_task(lateness.run())
    await asyncio.sleep(2 * INTERVAL_S)
    time.sleep(5 * INTERVAL_S)
    await asyncio.sleep(2 * INTERVAL_S)
    watching.cancel()
    late_s = lateness.take()
    assert max(late_s) > 2 * INTERVAL_S
    assert lateness.take() == []
