"""Work that is begun when a call is announced, before its stream is there. I/O.

Between Twilio's webhook and its media stream lies half a second or more: enough to connect to a
provider. Whoever begins it closes it (`voxd.stack`), whether the call came or not.
"""

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator, Coroutine
from typing import Any

from voxd.contracts import (
    DEFAULT_HINTS,
    Capabilities,
    EngineStatus,
    HealthRecorder,
    SpeechToText,
    TranscriptStream,
    TurnHints,
)
from voxd.errors import EngineError

logger = logging.getLogger(__name__)


class EarlyWork:
    """Keeps the tasks of calls that have not begun; `aclose` ends them all."""

    def __init__(self) -> None:
        self._tasks: set[asyncio.Task[None]] = set()

    def __len__(self) -> int:
        return len(self._tasks)

    def start(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        """Run something beside everybody; it must handle its own errors."""
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    async def aclose(self) -> None:
        """Cancel and await what still runs."""
        tasks = list(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


class EarlySpeechToText:
    """A `contracts.SpeechToText` for one call whose first stream is being opened already.

    The stream lives in a task of its own, because its context may hold a task group, which only
    the task that entered it may leave.
    """

    def __init__(
        self,
        stt: SpeechToText,
        call_id: str,
        language: str,
        work: EarlyWork,
        health: HealthRecorder,
        hints: TurnHints = DEFAULT_HINTS,
    ) -> None:
        """Begin at once. `health` is told of a failure that no caller has met."""
        self._stt = stt
        self._call = (call_id, language, hints)
        self._health = health
        self._opened: asyncio.Future[TranscriptStream] = asyncio.get_running_loop().create_future()
        self._error: EngineError | None = None
        """Why the stream could not be opened; whoever wanted it is told, else the board."""
        self._is_taken = False
        self._is_over = asyncio.Event()
        self._task = work.start(self._hold())

    @property
    def name(self) -> str:
        return self._stt.name

    @property
    def capabilities(self) -> Capabilities:
        return self._stt.capabilities

    def status(self) -> EngineStatus:
        return self._stt.status()

    async def warm(self) -> None:
        await self._stt.warm()

    async def probe(self) -> float:
        return await self._stt.probe()

    @contextlib.asynccontextmanager
    async def open_stream(
        self, call_id: str, language: str, hints: TurnHints = DEFAULT_HINTS
    ) -> AsyncIterator[TranscriptStream]:
        """See `contracts.SpeechToText`: the first one is the stream that is open already."""
        if self._is_taken or self._is_over.is_set() or (call_id, language, hints) != self._call:
            async with self._stt.open_stream(call_id, language, hints) as stream:
                yield stream
            return
        self._is_taken = True
        try:
            yield await asyncio.shield(self._opened)
        finally:
            self.close()
            await asyncio.wait([self._task])

    def close(self) -> None:
        """Give the stream back; harmless when that was done."""
        if self._is_over.is_set():
            return
        self._is_over.set()
        if not self._task.done() and not self._opened.done():
            self._task.cancel()
        if not self._is_taken:
            logger.info("early stream was not wanted", extra={"engine": self.name})
            if self._error is not None:
                self._health.record_error(self._error)

    async def _hold(self) -> None:
        try:
            async with self._stt.open_stream(*self._call) as stream:
                self._opened.set_result(stream)
                await self._is_over.wait()
        except EngineError as error:
            # After the opening, whoever reads the stream has met the same error.
            if not self._opened.done():
                self._error = error
                self._opened.set_exception(error)
                self._opened.exception()  # looked at, so that asyncio does not report it
        finally:
            self._opened.cancel()
