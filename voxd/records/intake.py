"""Finished calls on their way from the loop of the calls to the thread of the records.

One thread puts, another takes. Putting never blocks for longer than a lock is held, which is some
microseconds.
"""

import asyncio
import contextlib
import threading
from collections import deque
from collections.abc import Callable, Iterator

from voxd.telemetry.outcome import CallOutcome

QUEUE_ROWS = 10_000
"""Bound of the rows (calls and turns) that wait in memory, some 20 MB. It is full only when neither
database nor disk takes anything: then further calls are dropped and counted."""


class Intake:
    """A bounded queue between two loops."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        """Over all that follows."""
        self._queue: deque[tuple[CallOutcome, float]] = deque()
        self._rows = 0
        """Of the queue."""
        self._loop: asyncio.AbstractEventLoop | None = None
        """Of whoever takes."""
        self._when_closed: Callable[[], None] = lambda: None
        self._news = asyncio.Event()
        self.is_closed = False
        """Nothing more is taken in."""

    def __len__(self) -> int:
        """Calls that wait."""
        return len(self._queue)

    def put(self, outcome: CallOutcome, clock: float) -> str | None:
        """Add a call that ended when the loop's clock showed `clock`; from any thread.

        Returns:
            None, or why it was not taken: a constant word.
        """
        rows = 1 + len(outcome.turns)
        with self._lock:
            if self.is_closed:
                return "closed"
            if self._rows + rows > QUEUE_ROWS:
                return "queue_full"
            self._queue.append((outcome, clock))
            self._rows += rows
            self._wake()
        return None

    def close(self) -> None:
        """Take in nothing more, and wake whoever waits; from any thread."""
        with self._lock:
            self.is_closed = True
            self._wake()

    @contextlib.contextmanager
    def taking(self, when_closed: Callable[[], None]) -> Iterator[None]:
        """While the body runs, its loop is woken by what comes.

        Args:
            when_closed: called on that loop, once nothing more will come.
        """
        with self._lock:
            self._loop, self._when_closed = asyncio.get_running_loop(), when_closed
            if self.is_closed:
                self._wake()
        try:
            yield
        finally:
            with self._lock:
                self._loop = None

    def take(self, most: int) -> list[tuple[CallOutcome, float]]:
        """Up to `most` of the calls that wait, oldest first."""
        with self._lock:
            taken = [self._queue.popleft() for _ in range(min(most, len(self._queue)))]
            self._rows -= sum(1 + len(outcome.turns) for outcome, _ in taken)
        return taken

    async def wait(self, limit_s: float, *, has_room: bool = True) -> None:
        """Return when something waits, when it is closed, or when the time is up.

        Args:
            has_room: something would be taken; if not, only what comes anew is a reason to return.
        """
        if not (self._queue and has_room) and not self.is_closed:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(max(0.0, limit_s)):
                    await self._news.wait()
        self._news.clear()

    def _wake(self) -> None:
        if self._loop is not None:
            self._loop.call_soon_threadsafe(self._notice)

    def _notice(self) -> None:
        self._news.set()
        if self.is_closed:
            self._when_closed()
