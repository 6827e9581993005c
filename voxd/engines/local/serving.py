"""What a model worker is, seen from inside its process. Blocking; no socket, no process.

`worker.py` owns the process and calls `Worker.load` and then `Worker.serve(inbox, send)`. A
worker that computes one request after the other is a `RequestWorker` run by `OneAtATime`
(Whisper, Piper); one that interleaves requests (llama.cpp) is a `Worker` with its own loop.
"""

import contextlib
import logging
import queue
import traceback
from collections import deque
from collections.abc import Callable, Mapping
from typing import Any, Protocol

from voxd.engines.local.protocol import CANCELLED, Frame, MessageType
from voxd.errors import Category, VoxdError

log = logging.getLogger(__name__)

LOAD = "load"
"""The `op` of the first frame, a notify: `params` is {`options`, `heartbeat_s`}."""
MODEL = "model"
"""The `category` of the error that answers `LOAD` when the weights cannot be used."""
INBOX_FRAMES = 1024
"""Bound of the inbox. When it is full the reader stops reading and the socket fills up."""

Send = Callable[[Frame], None]
"""Sends one frame to the daemon; thread-safe, blocks while the socket is full."""
Emit = Callable[[Mapping[str, Any], bytes], None]
"""Sends one `partial`: its `data` and payload."""
IsCancelled = Callable[[], bool]


class InboxClosed(VoxdError):
    """The daemon closed the socket: return from `serve` (or let this pass)."""


class RequestError(VoxdError):
    """A request failed for a reason that the daemon should see as this category."""

    def __init__(self, category: Category, message: str) -> None:
        self.category = category
        super().__init__(message)


class Inbox:
    """Frames from the daemon: `request`, `cancel` and `notify`, in order."""

    def __init__(self) -> None:
        self._frames: queue.Queue[Frame | None] = queue.Queue(INBOX_FRAMES)
        self._is_closed = False

    def get(self) -> Frame:
        """The next frame; waits for it.

        Raises:
            InboxClosed: the daemon has closed the socket.
        """
        return self._open(self._frames.get())

    def poll(self) -> Frame | None:
        """The next frame if one is there, else None; never waits.

        Raises:
            InboxClosed: the daemon has closed the socket.
        """
        try:
            return self._open(self._frames.get_nowait())
        except queue.Empty:
            return None

    def put(self, frame: Frame) -> None:
        """Add a frame, waiting for room. Called by the reader thread."""
        self._frames.put(frame)

    def close(self) -> None:
        """No frame will follow. Called by the reader thread."""
        self._is_closed = True
        with contextlib.suppress(queue.Full):  # a full queue wakes `get` anyway
            self._frames.put_nowait(None)

    def _open(self, frame: Frame | None) -> Frame:
        if frame is None or self._is_closed:
            raise InboxClosed("the daemon closed the socket")
        return frame


class Worker(Protocol):
    """A model behind the socket, with a loop of its own."""

    def load(self, options: Mapping[str, Any]) -> dict[str, Any]:
        """Import, load and warm the model; what is returned goes to `/health`.

        Raises:
            ModelError: the weights are missing, damaged or of the wrong kind.
        """
        ...

    def serve(self, inbox: Inbox, send: Send) -> None:
        """Answer frames until `InboxClosed`.

        Each request gets `started` when it is first computed, any number of `partial`, and
        exactly one `done` or `error`; helpers: `started`, `partial`, `done`, `failed`.
        """
        ...


class RequestWorker(Protocol):
    """A model that computes one request after the other."""

    def load(self, options: Mapping[str, Any]) -> dict[str, Any]:
        """See `Worker.load`."""
        ...

    def run(
        self,
        op: str,
        params: Mapping[str, Any],
        payload: bytes,
        emit: Emit,
        is_cancelled: IsCancelled,
    ) -> dict[str, Any]:
        """Compute one request and return the `data` of its `done`.

        Look at `is_cancelled()` between steps and return early ({} will do) when it is true.

        Raises:
            RequestError: it failed; any other exception counts as category `server`.
        """
        ...


def started(request_id: int) -> Frame:
    """The request is being computed now."""
    return Frame(MessageType.STARTED, {"id": request_id})


def partial(request_id: int, data: Mapping[str, Any], payload: bytes = b"") -> Frame:
    """A piece of the answer."""
    return Frame(MessageType.PARTIAL, {"id": request_id, "data": dict(data)}, payload)


def done(request_id: int, data: Mapping[str, Any], payload: bytes = b"") -> Frame:
    """The answer is complete."""
    return Frame(MessageType.DONE, {"id": request_id, "data": dict(data)}, payload)


def failed(request_id: int, category: str, message: str) -> Frame:
    """The request failed; a cancelled one has category `protocol.CANCELLED`."""
    return Frame(
        MessageType.ERROR, {"id": request_id, "category": category, "message": message[:500]}
    )


def failed_by(request_id: int, error: Exception) -> Frame:
    """The answer to a request that raised. An unexpected exception is logged with its place
    but without its message, which may quote what was said."""
    if isinstance(error, RequestError):
        return failed(request_id, error.category, str(error))
    place = "".join(traceback.format_tb(error.__traceback__))
    log.error("request failed by %s\n%s", type(error).__name__, place)
    return failed(request_id, Category.SERVER, f"unexpected {type(error).__name__}")


class OneAtATime:
    """Makes a `Worker` of a `RequestWorker`: requests in order, cancels honoured between steps."""

    def __init__(self, worker: RequestWorker) -> None:
        self._worker = worker
        self._backlog: deque[Frame] = deque()
        self._cancelled: set[int] = set()

    def load(self, options: Mapping[str, Any]) -> dict[str, Any]:
        return self._worker.load(options)

    def serve(self, inbox: Inbox, send: Send) -> None:
        while True:
            if not self._backlog:
                self._sort(inbox.get())
                continue
            self._answer(self._backlog.popleft(), inbox, send)

    def _sort(self, frame: Frame) -> None:
        if frame.type is MessageType.REQUEST:
            self._backlog.append(frame)
        elif frame.type is MessageType.CANCEL:
            self._cancelled.add(frame.id)

    def _answer(self, request: Frame, inbox: Inbox, send: Send) -> None:
        def is_cancelled() -> bool:
            while (frame := inbox.poll()) is not None:
                self._sort(frame)
            return request.id in self._cancelled

        def emit(data: Mapping[str, Any], payload: bytes) -> None:
            send(partial(request.id, data, payload))

        if not is_cancelled():
            send(started(request.id))
            answer = self._compute(request, emit, is_cancelled)
        if is_cancelled():
            answer = failed(request.id, CANCELLED, "cancelled")
        waiting = {frame.id for frame in self._backlog}
        self._cancelled &= waiting  # a cancel that came after its answer is forgotten here
        send(answer)

    def _compute(self, request: Frame, emit: Emit, is_cancelled: IsCancelled) -> Frame:
        op, params = str(request.fields.get("op", "")), request.fields.get("params", {})
        try:
            return done(
                request.id, self._worker.run(op, params, request.payload, emit, is_cancelled)
            )
        except InboxClosed:
            raise
        except Exception as error:  # the named border: a worker's request
            return failed_by(request.id, error)
