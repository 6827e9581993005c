"""The writer's way to its store: opened when needed, within limits of time, with growing pauses.

A store that failed is closed and opened anew at the next attempt. When that is due, `retry_at`
says: the pause doubles from `RETRY_S` up to `RETRY_MAX_S`.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager, AsyncExitStack
from typing import TypeVar

from voxd.records.store import RecordRefused, RecordStore, StoreAway

logger = logging.getLogger(__name__)

WRITE_S = 10.0
"""What takes longer has failed; it may have been written, and is written again."""
FLUSH_S = 3.0
"""At the end the store has this long for everything that waits."""
RETRY_S = 0.5
RETRY_MAX_S = 60.0
DEADLINE = "deadline"
"""Why a store is away that took too long."""
BUG = "bug"
"""Why one is away that raised what no store should."""

Result = TypeVar("Result")
OpenStore = Callable[[], AbstractAsyncContextManager[RecordStore]]


class StoreLink:
    """One store. All of this on one loop."""

    def __init__(self, open_store: OpenStore, waiting: Callable[[], int]) -> None:
        """
        Args:
            open_store: reaches the store.
            waiting: how many calls wait for it, for the log.
        """
        self._open_store = open_store
        self._waiting = waiting
        self._store: RecordStore | None = None
        self._opened = AsyncExitStack()
        self._attempt: asyncio.Timeout | None = None
        """Of what the store is doing."""
        self._done_by: float | None = None
        """When everything must be done, once the end has come."""
        self._retry_s = 0.0
        """The pause after the next failure; 0: the last attempt succeeded."""
        self.retry_at = 0.0
        """When it is worth asking again, seconds on the loop's clock."""

    @property
    def is_well(self) -> bool:
        """It did what it was asked last."""
        return self._retry_s == 0.0

    def hurry(self) -> None:
        """The end has come: whatever is asked from now on must be done within `FLUSH_S`."""
        if self._done_by is None:
            self._done_by = _now() + FLUSH_S
        if self._attempt is not None and not self._attempt.expired():
            self._attempt.reschedule(self._done_by)

    async def ask(self, work: Callable[[RecordStore], Awaitable[Result]]) -> Result:
        """Have the store do something.

        Raises:
            StoreAway: it cannot, or not in time.
            RecordRefused: as `RecordStore.write`.
        """
        limit_s = WRITE_S if self._done_by is None else max(0.0, self._done_by - _now())
        try:
            async with asyncio.timeout(limit_s) as self._attempt:
                if self._store is None:
                    self._store = await self._opened.enter_async_context(self._open_store())
                result = await work(self._store)
        except (StoreAway, TimeoutError) as error:
            self._attempt = None  # there is none any more whose time could be changed
            await self.close()
            reason = error.reason if isinstance(error, StoreAway) else DEADLINE
            self.fail(reason)
            raise StoreAway(reason) from None
        except RecordRefused:
            self._succeed()  # it is there, and it has judged
            raise
        except Exception:  # border: a driver, of which nobody knows everything that it raises
            self._attempt = None
            if self.is_well:  # once is enough
                logger.exception("store of records failed as none should")
            await self.close()
            self.fail(BUG)
            raise StoreAway(BUG) from None
        finally:
            self._attempt = None
        self._succeed()
        return result

    def fail(self, reason: str) -> None:
        """Whatever was tried did not work: the next pause is longer."""
        level = logging.WARNING if self.is_well else logging.DEBUG  # once is enough
        extra = {"reason": reason, "waiting": self._waiting()}
        logger.log(level, "records cannot be stored", extra=extra)
        self._retry_s = min(RETRY_MAX_S, self._retry_s * 2 or RETRY_S)
        self.retry_at = _now() + self._retry_s

    def _succeed(self) -> None:
        if not self.is_well:
            logger.info("records can be stored again", extra={"waiting": self._waiting()})
        self._retry_s, self.retry_at = 0.0, 0.0

    async def close(self) -> None:
        """Close the store; it is opened again when it is asked."""
        self._store = None
        try:
            async with asyncio.timeout(FLUSH_S):
                await self._opened.aclose()
        except Exception:  # border: whatever it says, it is over
            logger.warning("store of records was not closed cleanly", exc_info=True)


def _now() -> float:
    return asyncio.get_running_loop().time()
