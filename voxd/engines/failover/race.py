"""Engines at work side by side: what they deliver, in the order in which it arrives. I/O.

Each source is read, and closed, by a task of its own: libraries bind their time limits to the task
that entered them, and a loser that is slow to close must not keep the winner.

Bound: `PIECES_AHEAD` pieces of all sources together; then they wait to be read.
"""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Hashable
from dataclasses import dataclass
from typing import Generic, TypeVar

from voxd.errors import EngineError

PIECES_AHEAD = 64
"""Pieces that may wait. Whoever reads takes them as they come, so this is never reached but by a
source that is ready with everything at once."""

Key = TypeVar("Key", bound=Hashable)
Piece = TypeVar("Piece")


@dataclass(frozen=True, slots=True)
class Ended:
    """A source has nothing more to say."""

    error: EngineError | None


class Race(Generic[Key, Piece]):
    """The sources of one request. `aclose` must be awaited in the end."""

    def __init__(self) -> None:
        self._arrived: asyncio.Queue[tuple[Key, Piece | Ended | Exception]] = asyncio.Queue(
            PIECES_AHEAD
        )
        self._running: dict[Key, asyncio.Task[None]] = {}
        self._left: list[asyncio.Task[None]] = []

    def enter(self, key: Key, source: AsyncIterator[Piece]) -> None:
        """Begin to read a source; `key` names it in what arrives."""
        task = asyncio.get_running_loop().create_task(self._read(key, source))
        self._running[key] = task

    def leave(self, key: Key) -> None:
        """Stop a source; nothing more of it arrives. Harmless when it is not running."""
        task = self._running.pop(key, None)
        if task is not None:
            task.cancel()
            self._left.append(task)

    async def next(self, until: float | None) -> tuple[Key, Piece | Ended] | None:
        """What arrives next; None when nothing does by `until` (loop clock)."""
        try:
            async with asyncio.timeout_at(until):
                while True:
                    key, item = await self._arrived.get()
                    if key not in self._running:
                        continue  # it was left while this waited
                    if isinstance(item, Exception):
                        raise item
                    return key, item
        except TimeoutError:
            return None

    async def aclose(self) -> None:
        """Stop everything; returns once every source is closed."""
        for key in tuple(self._running):
            self.leave(key)
        tasks, self._left = self._left, []
        for ending in await asyncio.gather(*tasks, return_exceptions=True):
            # An engine that is not wanted any more may fail; a bug may not.
            if isinstance(ending, Exception) and not isinstance(ending, EngineError):
                raise ending

    async def _read(self, key: Key, source: AsyncIterator[Piece]) -> None:
        ending: Ended | Exception = Ended(None)
        try:
            async for piece in source:
                await self._arrived.put((key, piece))
        except EngineError as error:
            ending = Ended(error)
        except Exception as error:  # nothing is hidden: `next` raises it where it is awaited
            ending = error
        finally:
            if isinstance(source, AsyncGenerator):
                await source.aclose()
        if key in self._running:
            await self._arrived.put((key, ending))
        elif isinstance(ending, Exception):  # nobody reads any more; `aclose` raises it
            raise ending
