"""Virtual time: an asyncio loop whose clock jumps to the next timer. No test sleeps.

A conftest gives it to pytest-asyncio for a whole folder::

    def pytest_asyncio_loop_factories(config, item):
        return {"virtual": VirtualLoop}

Whatever is ready runs first; only when nothing is does the clock move, exactly to the next
timer. A test that waits for something that no timer will bring fails at once.

`LoopbackLoop` is the same with real sockets, as long as both ends of each are in this loop: that
way real SDKs talk to loopback servers in virtual time.
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

    def settle_s(self) -> float:
        """Real seconds in which something may still become ready before the clock moves."""
        return 0.0


class LoopbackLoop(VirtualLoop):
    """Virtual time for sockets both ends of which are in this loop, and for threads.

    What one end of a loopback socket sends is at the other when `send` returns (the kernel carries
    it within the call), so it is seen before the clock moves. Work in threads (resolving a name,
    loading a library) takes no virtual time.
    """

    def __init__(self) -> None:
        self._threads = 0
        super().__init__()

    def run_in_executor(  # type: ignore[override]
        self, executor: Any, func: Any, *args: Any
    ) -> asyncio.Future[Any]:
        future: asyncio.Future[Any] = super().run_in_executor(executor, func, *args)
        self._threads += 1
        future.add_done_callback(self._thread_ended)
        return future

    def settle_s(self) -> float:
        return THREAD_S if self._threads else 0.0

    def _thread_ended(self, _: Any) -> None:
        self._threads -= 1


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
        settle_s = self._loop.settle_s()
        if settle_s and (ready := super().select(settle_s)):
            return ready
        self._loop.jump(max(timeout, 0.0) + 1e-9)
        return ready
