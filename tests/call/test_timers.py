"""Timers by name, with tokens."""

import asyncio

from voxd.call.timers import Timers
from voxd.events import Event, Timer, TimerFired


async def test_a_timer_fires_once_with_its_token() -> None:
    posted: list[Event] = []
    timers = Timers(posted.append)
    started = asyncio.get_running_loop().time()
    timers.start(Timer.IDLE, 5, 8.0)
    await asyncio.sleep(100)
    (event,) = posted
    assert isinstance(event, TimerFired)
    assert (event.timer, event.token) == (Timer.IDLE, 5)
    assert 8.0 <= event.at - started < 8.001
    assert timers.running == 0


async def test_starting_again_replaces_the_same_timer_only() -> None:
    posted: list[Event] = []
    timers = Timers(posted.append)
    timers.start(Timer.IDLE, 1, 1.0)
    timers.start(Timer.LAST_NET, 2, 1.5)
    timers.start(Timer.IDLE, 3, 2.0)
    await asyncio.sleep(10)
    assert [event.token for event in posted if isinstance(event, TimerFired)] == [2, 3]


async def test_stopped_and_closed_timers_never_fire() -> None:
    posted: list[Event] = []
    timers = Timers(posted.append)
    timers.start(Timer.IDLE, 1, 1.0)
    timers.stop(Timer.IDLE)
    timers.stop(Timer.MAX_CALL)
    timers.start(Timer.LAST_NET, 2, 1.0)
    timers.close()
    await asyncio.sleep(10)
    assert posted == []
