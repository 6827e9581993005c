"""One request to a worker as its caller sees it: frames to iterate, and a way to cancel.

Used by `compute` (fills it) and by the local engines (iterate it). No I/O, no decisions.
"""

import asyncio
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from voxd.contracts import Priority
from voxd.engines.local.protocol import Frame, MessageType
from voxd.errors import Category, EngineError, Phase

MAX_UNREAD_BYTES = 4 * 1024 * 1024
"""How far a worker may be ahead of the reader: 500 s of mu-law. Beyond it the job fails as
overloaded; waiting instead would hold up the worker's other requests and its heartbeats."""
FRAME_OVERHEAD_BYTES = 1024
"""Counted per frame beside its payload, so that many small frames are bounded too."""


@dataclass(frozen=True, slots=True)
class Work:
    """What is asked of a worker."""

    op: str
    params: dict[str, Any]
    payload: bytes = b""
    call_id: str = ""
    limit_s: float = 30.0
    """Seconds of computing after which the worker counts as hung and is killed."""
    retry: bool = True
    """Run it again once when its worker died before anything of it was delivered."""


@dataclass(slots=True, eq=False)
class Job:
    """`async for frame in job` yields `partial` frames and last the `done` frame.

    Raises EngineError out of the iteration when it failed. Close it (`aclose`) when leaving
    early; closing a finished job is harmless.
    """

    id: int
    worker: str
    work: Work
    on_close: Callable[["Job"], None]
    on_promote: Callable[["Job", Priority], None] | None = None
    deaths: int = 0
    """How many workers died while they computed it."""
    has_delivered: bool = False
    """Something partial was handed over, so that it cannot be run again."""
    is_over: bool = False
    """It is complete, failed or cancelled: nothing more will be delivered."""
    _frames: deque[Frame] = field(default_factory=deque)
    _unread_bytes: int = 0
    _error: EngineError | None = None
    _news: asyncio.Event = field(default_factory=asyncio.Event)

    def deliver(self, frame: Frame) -> None:
        """Hand over a `partial` or `done` frame."""
        if self.is_over:
            return
        self._unread_bytes += len(frame.payload) + FRAME_OVERHEAD_BYTES
        if self._unread_bytes > MAX_UNREAD_BYTES:
            self._frames.clear()
            self.fail(self.error(Category.OVERLOADED, Phase.STREAM, "its answer is not read"))
            self.on_close(self)
            return
        self.has_delivered = True
        self.is_over = frame.type is MessageType.DONE
        self._frames.append(frame)
        self._news.set()

    def fail(self, error: EngineError) -> None:
        """End it with an error, raised after the frames that are already here."""
        if not self.is_over:
            self._error = error
            self.is_over = True
            self._news.set()

    def error(self, category: Category, phase: Phase, message: str) -> EngineError:
        """An error of this job's engine."""
        return EngineError(self.worker, category, phase, message)

    def __aiter__(self) -> "Job":
        return self

    async def __anext__(self) -> Frame:
        while not self._frames:
            if self._error is not None:
                raise self._error
            if self.is_over:
                raise StopAsyncIteration
            self._news.clear()
            await self._news.wait()
        frame = self._frames.popleft()
        self._unread_bytes -= len(frame.payload) + FRAME_OVERHEAD_BYTES
        return frame

    def promote(self, priority: Priority) -> None:
        """It has become more urgent, wherever it is; harmless when it is over."""
        if not self.is_over and self.on_promote is not None:
            self.on_promote(self, priority)

    def cancel(self) -> None:
        """Stop it: nothing more is delivered, and the worker stops at its next step."""
        if not self.is_over:
            self.is_over = True
            self.on_close(self)
        self._frames.clear()
        self._news.set()

    async def aclose(self) -> None:
        """`cancel`, in the shape that `contextlib.aclosing` wants."""
        self.cancel()

    async def result(self) -> Frame | None:
        """The `done` frame, skipping partials; None when the job was cancelled.

        Cancels the job when the caller is cancelled.
        """
        try:
            async for frame in self:
                if frame.type is MessageType.DONE:
                    return frame
            return None
        finally:
            self.cancel()
