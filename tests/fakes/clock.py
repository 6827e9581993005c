"""Virtual time: an asyncio loop whose clock jumps to the next timer. No test sleeps.

A conftest gives it to pytest-asyncio for a whole folder::

    def pytest_asyncio_loop_factories(config, item):
        return {"virtual": VirtualLoop}

Whatever is ready runs first; only when nothing is does the clock move, exactly to the next
timer. A test that waits for something that no timer will bring fails at once.
"""

import asyncio
import selectors
from typing import Any

START_S = 1000.0
"""First reading of the clock; not zero, so that nobody takes loop time for a duration."""
THREAD_S = 5.0
"""Real seconds that a thread (an executor) gets to wake a loop without timers."""


class Deadlock(Exception):
    """Everybody waits and there is no timer: this test would never end."""


class VirtualLoop(asyncio.SelectorEventLoop):
    """An event loop in virtual time."""

    def __init__(self) -> None:
        self._now = START_S
        super().__init__(_JumpingSelector(self))
        self._clock_resolution = 1e-9

    def time(self) -> float:
        return self._now

    def jump(self, by_s: float) -> None:
        """Move the clock; for the selector, and for tests that simulate a blocked loop."""
        self._now += by_s


class _JumpingSelector(selectors.DefaultSelector):
    """Instead of waiting for files, moves the clock on."""

    def __init__(self, loop: VirtualLoop) -> None:
        super().__init__()
        self._loop = loop

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, Any]]:
        ready: list[tuple[selectors.SelectorKey, Any]] = super().select(0)
        if ready or timeout == 0:
            return ready
        if timeout is None:
            ready = super().select(THREAD_S)
            if not ready:
                raise Deadlock("no task can run and no timer is set")
            return ready
        self._loop.jump(max(timeout, 0.0) + 1e-9)
        return ready
