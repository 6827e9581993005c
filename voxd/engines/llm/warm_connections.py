"""Keeps a few connections to a provider open, so that a reply never waits for TCP and TLS.

Two, because a reply that is dropped in its middle takes its connection with it (HTTP/1.1), and
the next one is wanted at that very moment. They are kept up while there are calls, and opened
again when the first call after a quiet time prepares itself; an idle daemon asks nothing.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable

from voxd.errors import EngineError

logger = logging.getLogger(__name__)

CONNECTIONS = 2
KEEPALIVE_S = 60.0
"""The HTTP client closes a connection that was idle for this long."""
REFRESH_S = KEEPALIVE_S / 2
"""Pause between two refreshes."""
IN_USE_S = 300.0
"""The engine counts as in use for this long after it was last asked for something."""
REFILL_PAUSE_S = 2.0
"""A lost connection is replaced after this pause, so that many dropped replies cost one refresh."""


class WarmConnections:
    """Knows when to `ping`; the pool itself is the HTTP client's."""

    def __init__(self, ping: Callable[[], Awaitable[None]]) -> None:
        """`ping` makes one cheap request and may raise `EngineError`."""
        self._ping = ping
        self._lock = asyncio.Lock()
        self._lost = asyncio.Event()
        self._now = asyncio.get_running_loop().time
        self._refreshed_at = float("-inf")
        self._used_at = float("-inf")

    def touch(self) -> None:
        """The engine is in use."""
        self._used_at = self._now()

    def note_lost(self) -> None:
        """A connection went down with a dropped reply."""
        self._lost.set()

    async def refresh(self) -> None:
        """Use every connection once, side by side, opening what is missing.

        Raises:
            EngineError: the provider could not be asked.
        """
        async with self._lock:
            await self._refresh()

    async def ensure(self) -> None:
        """Refresh unless that was done a moment ago; of many callers only one does it."""
        async with self._lock:
            if self._now() - self._refreshed_at >= REFRESH_S:
                await self._refresh()

    async def run(self) -> None:
        """Keep them up for ever."""
        while True:
            try:
                async with asyncio.timeout(REFRESH_S):
                    await self._lost.wait()
                await asyncio.sleep(REFILL_PAUSE_S)
                self._lost.clear()
            except TimeoutError:
                if self._now() - self._used_at > IN_USE_S:
                    continue
            try:
                await self.refresh()
            except EngineError as error:  # the next request will find out by itself
                logger.debug("keep-warm failed", extra={"engine": error.engine})

    async def _refresh(self) -> None:
        self._lost.clear()
        results = await asyncio.gather(
            *(self._ping() for _ in range(CONNECTIONS)), return_exceptions=True
        )
        for result in results:
            if isinstance(result, BaseException):
                raise result
        self._refreshed_at = self._now()
