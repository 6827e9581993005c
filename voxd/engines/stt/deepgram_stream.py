"""One call's stream to Deepgram, whichever of its two protocols. I/O.

`Dialect` is what differs: `deepgram` (listen.v1) and `deepgram_flux` (listen.v2) have one each.
A stream holds three tasks from its opening to its close, so that it may be opened long before the
call: one sends (audio and control messages), one gives a sign of life when there is nothing to
send, one receives. What is heard becomes transcripts in `transcript_tracker`.
"""

import asyncio
import contextlib
import logging
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from typing import Any, Protocol

from voxd.contracts import Transcript
from voxd.engines.recent import RecentLatencies
from voxd.engines.stt.deepgram_link import Control, DeepgramSocket
from voxd.engines.stt.send_queue import SendQueue
from voxd.engines.stt.transcript_tracker import Heard, TranscriptTracker
from voxd.errors import Category, EngineError, Phase

logger = logging.getLogger(__name__)

KEEP_ALIVE_S = 4.0
"""Without audio or text for 10 s Deepgram closes; it recommends a sign of life every 3 to 5 s."""
REPLAY_SPEED = 10.0
"""Times real time, at the least, at which Deepgram takes a backlog; answers may be late by it."""
MAX_READY = 64
"""Transcripts that may wait for the reader; the oldest goes, each holds the whole utterance."""


@dataclass(frozen=True, slots=True)
class Failure:
    """Deepgram says that the stream has failed."""

    category: Category
    code: str
    """Deepgram's constant word for it."""


class Dialect(Protocol):
    """How one of the two protocols is spoken. Pure."""

    @property
    def keep_alive(self) -> Control | bytes:
        """A control message, or silence."""
        ...

    @property
    def on_flush(self) -> Control | None:
        """What asks for the words up to now; None: there is no such message."""
        ...

    @property
    def least_bytes(self) -> int:
        """Audio in one message, at the least."""
        ...

    def decode(self, message: Any) -> Heard | Failure | None:
        """A message as `deepgram_words.read_message` gives it; None when it is of no interest or
        not understood."""
        ...


class DeepgramTranscriptStream:
    """See `voxd.contracts.TranscriptStream`."""

    def __init__(
        self,
        engine: str,
        socket: DeepgramSocket,
        dialect: Dialect,
        result_s: float,
        latencies: RecentLatencies,
    ) -> None:
        self._engine = engine
        self._socket = socket
        self._dialect = dialect
        self._result_s = result_s
        self._latencies = latencies
        self._loop = asyncio.get_running_loop()
        self._queue = SendQueue(dialect.least_bytes)
        self._tracker = TranscriptTracker()
        self._phase = Phase.FIRST_RESULT
        self._asked_at: float | None = None
        """When the last flush came, loop clock; None once there are words for it."""
        self._limit: asyncio.TimerHandle | None = None
        """Runs from a flush to its final answer, and ends a stream that has stalled."""
        self._is_alive = False
        """Something was received since the limit was set."""
        self._ready: deque[Transcript] = deque(maxlen=MAX_READY)
        self._error: EngineError | None = None
        self._news = asyncio.Event()
        self._sent_at = self._loop.time()
        """When something was last sent, loop clock."""

    def push(self, mulaw: bytes, at: float) -> None:
        self._put_audio(mulaw, at)

    def speech_started(self, at: float) -> None:
        self._tracker.speech_started()

    def quiet(self, since: float) -> None:
        """Nothing: it transcribes all the time."""

    def flush(self, speech_end: float) -> None:
        must_ask = self._tracker.flush(speech_end)
        if self._error is not None:
            return
        if must_ask and self._dialect.on_flush is not None:
            self._put_control(self._dialect.on_flush)
        self._asked_at = self._loop.time()
        self._set_limit()
        self._tell(self._tracker.tell())

    def forget(self, until: float) -> None:
        self._tracker.forget(until)
        if self._tracker.is_settled:
            self._asked_at = None
            self._stop_limit()

    async def __aiter__(self) -> AsyncIterator[Transcript]:
        while True:
            while self._ready:
                yield self._ready.popleft()
            if self._error is not None:
                raise self._error
            self._news.clear()
            await self._news.wait()

    @contextlib.asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Send and receive inside this context."""
        # No TaskGroup: around a `yield` it would wrap the errors of whoever uses the stream.
        works = [
            self._loop.create_task(self._guard(work))
            for work in (self._send, self._keep_alive, self._receive)
        ]
        try:
            yield
        finally:
            self._stop_limit()
            for work in works:
                work.cancel()
            await asyncio.gather(*works, return_exceptions=True)
            if self._error is None:
                await self._socket.finish()
            else:
                self._error.__traceback__ = None  # its frames have this stream

    # --- the tasks ----------------------------------------------------------------------------

    async def _guard(self, work: Callable[[], Awaitable[None]]) -> None:
        try:
            await work()
        except EngineError as error:
            self._fail(error)
        except Exception as error:
            logger.exception("bug in a stream", extra={"engine": self._engine})
            failed = EngineError(self._engine, Category.SERVER, Phase.STREAM, "a bug in voxd")
            failed.__cause__ = error
            self._fail(failed)

    async def _send(self) -> None:
        while True:
            message = await self._queue.get()
            self._sent_at = self._loop.time()
            await self._socket.send(message)

    async def _keep_alive(self) -> None:
        # A task of its own: a limit around each wait of `_send` would be set 50 times a second.
        while True:
            await asyncio.sleep(self._sent_at + KEEP_ALIVE_S - self._loop.time())
            if self._loop.time() - self._sent_at < KEEP_ALIVE_S:
                continue
            self._sent_at = self._loop.time()
            if isinstance(self._dialect.keep_alive, bytes):
                self._put_audio(self._dialect.keep_alive, None)
            else:
                self._put_control(self._dialect.keep_alive)

    async def _receive(self) -> None:
        while True:
            heard = self._dialect.decode(await self._socket.receive())
            self._is_alive = True
            if isinstance(heard, Failure):
                raise EngineError(self._engine, heard.category, Phase.STREAM, heard.code)
            if heard is not None:
                self._phase = Phase.STREAM
                self._tell(self._tracker.hear(heard))

    # --- how it ends --------------------------------------------------------------------------

    def _put_audio(self, mulaw: bytes, at: float | None) -> None:
        if self._error is not None:
            return
        if self._queue.put_audio(mulaw):
            self._tracker.push(len(mulaw), at)
        else:
            self._fail(self._timeout("audio is not taken"))

    def _put_control(self, control: Control) -> None:
        if self._error is None and not self._queue.put_control(control):
            self._fail(self._timeout("messages are not taken"))

    def _tell(self, transcript: Transcript | None) -> None:
        if self._asked_at is not None and not self._tracker.is_waiting:
            self._latencies.record(self._loop.time() - self._asked_at)
            self._asked_at = None
        if self._tracker.is_settled:
            self._stop_limit()
        if transcript is not None:
            self._ready.append(transcript)
            self._news.set()

    def _set_limit(self) -> None:
        self._stop_limit()
        self._is_alive = False
        limit_s = self._result_s + self._tracker.backlog_s / REPLAY_SPEED
        self._limit = self._loop.call_later(limit_s, self._judge_silence)

    def _judge_silence(self) -> None:
        """Words that may still change are an answer, as long as Deepgram says anything at all."""
        if self._tracker.is_waiting or not self._is_alive:
            self._fail(self._timeout("no transcript in time"))
        else:
            self._set_limit()

    def _stop_limit(self) -> None:
        if self._limit is not None:
            self._limit.cancel()
            self._limit = None

    def _timeout(self, message: str) -> EngineError:
        return EngineError(self._engine, Category.TIMEOUT, self._phase, message)

    def _fail(self, error: EngineError) -> None:
        """The first failure counts; what the call does afterwards falls on deaf ears."""
        if self._error is None:
            self._error = error
            self._stop_limit()
            self._news.set()
