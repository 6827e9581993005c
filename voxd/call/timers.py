"""The brain's timers on the loop's clock. The only thing here is bookkeeping by name.

A timer that runs out posts `TimerFired` with the token it was started with. Stopping is an
optimisation: the event may already wait in the inbox, and the brain ignores old tokens.
"""

import asyncio
from collections.abc import Callable

from voxd.events import Event, Timer, TimerFired


class Timers:
    """At most one running timer of each name."""

    def __init__(self, post: Callable[[Event], None]) -> None:
        self._post = post
        self._handles: dict[Timer, asyncio.TimerHandle] = {}

    def start(self, timer: Timer, token: int, delay_s: float) -> None:
        """Post `TimerFired(timer, token)` in `delay_s` seconds; replaces the same timer."""
        self.stop(timer)
        loop = asyncio.get_running_loop()
        self._handles[timer] = loop.call_later(max(delay_s, 0.0), self._fire, timer, token)

    def stop(self, timer: Timer) -> None:
        """Stop a timer; harmless when it is not running."""
        handle = self._handles.pop(timer, None)
        if handle is not None:
            handle.cancel()

    def close(self) -> None:
        """Stop all."""
        for timer in tuple(self._handles):
            self.stop(timer)

    @property
    def running(self) -> int:
        """How many timers run."""
        return len(self._handles)

    def _fire(self, timer: Timer, token: int) -> None:
        del self._handles[timer]
        self._post(TimerFired(asyncio.get_running_loop().time(), timer, token))
