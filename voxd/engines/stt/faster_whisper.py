"""Speech to text with faster-whisper on this machine. I/O: asks its worker; no model in here.

Whisper hears whole utterances: `flush`, at the first short pause, sends the utterance so far to the
worker. More said after it means that the whole is transcribed again at the next pause, which costs
the same (the window is 10 s anyway) and keeps the words in their context. Only an utterance above
`max_utterance_s` is transcribed in parts, cut where it is quietest.

While cores are idle it begins some 60 ms sooner, when the caller is merely `quiet`: half of those
moments are pauses (540 of 1111 in 261 telephone prompts), the others were for nothing. Words lost
are no more: 110 errors of 2554 words with 40 ms of quiet after the last sound, and with 100.
"""

import asyncio
import contextlib
from collections import deque
from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from typing import Literal

from pydantic import Field

from voxd.config import Table
from voxd.contracts import (
    DEFAULT_HINTS,
    LINE_RATE_HZ,
    MULAW_SILENCE,
    PROBE_CALL_ID,
    Capabilities,
    EngineStatus,
    Priority,
    Transcript,
    TranscriptStream,
    TurnHints,
)
from voxd.engines.local.compute import WorkerHandle
from voxd.engines.local.job import Job
from voxd.engines.registry import Services
from voxd.engines.stt.utterance import UtteranceBuffer
from voxd.errors import Category, EngineError
from voxd.events import Kind

CAPABILITIES = Capabilities(Kind.STT, is_local=True, languages=("en",), expected_latency_s=0.2)

CAPACITY = 1
"""Requests in the worker. A second one would wait there, where nothing more urgent, of this kind
or another, can pass it, to save a millisecond between the two."""
PATIENCE_S = 0.4
"""The transcript should be there this long after the speech ended; orders the queue."""
LIMIT_S = 10.0
"""The slowest window, 30 s, takes 0.6 s; a worker that computes this long is stuck."""
MAX_PARTS = 32
"""Parts of one utterance that may wait; at 26 s each a monologue of 14 minutes."""
SAME_S = 0.03
"""Two speech ends this close are the same one, judged twice; less than any quiet that is told."""
NEVER = float("-inf")
ATTEMPTS = 3
"""Tries of one transcript when the failure may pass, `RETRY_S` apart."""
RETRY_S = 0.1
MAY_PASS = frozenset(
    {Category.OVERLOADED, Category.CONNECTIVITY, Category.TIMEOUT, Category.SERVER}
)


class Settings(Table):
    """`[engines.faster-whisper]`."""

    model: str = "models/faster-whisper-tiny.en"
    languages: tuple[str, ...] = Field(("en",), min_length=1)
    device: Literal["cpu", "cuda", "auto"] = "cpu"
    compute_type: str = "int8"
    threads: int = Field(1, ge=1, le=256)
    min_window_s: float = Field(10.0, ge=1, le=30)
    max_utterance_s: float = Field(26.0, ge=5, le=26)


@dataclass(frozen=True, slots=True)
class _Heard:
    """The transcript of the utterance up to a moment."""

    text: str
    through: float
    closing: float | None
    took_s: float


@dataclass(frozen=True, slots=True)
class _Words:
    """What Whisper made of some audio."""

    text: str
    closing: float | None
    """As `Transcript.closing`."""


class WhisperTranscriptStream:
    """One call's stream; see `voxd.contracts.TranscriptStream`."""

    def __init__(self, worker: WorkerHandle, call_id: str, language: str, max_s: float) -> None:
        self._worker = worker
        self._call_id = call_id
        self._language = language
        self._buffer = UtteranceBuffer(max_s)
        self._parts: deque[bytes] = deque(maxlen=MAX_PARTS)
        """Beginnings of the utterance that are not transcribed yet."""
        self._words: list[str] = []
        """Texts of the parts before them."""
        self._wanted: float | None = None
        """The speech end of the flush that is not answered yet."""
        self._quiet_since: float | None = None
        """What may be asked for soon, while there are cores to spare."""
        self._hearing = NEVER
        """Up to when the job's audio goes, where that is the whole utterance so far."""
        self._heard: _Heard | None = None
        self._utterance = 0
        """Counts `forget`: what was asked before it is not answered after it."""
        self._job: Job | None = None
        self._is_closed = False
        self._news = asyncio.Event()

    def push(self, mulaw: bytes, at: float) -> None:
        part = self._buffer.push(mulaw, at)
        if part is not None:
            self._parts.append(part)
            self._heard = None
            self._news.set()

    def speech_started(self, at: float) -> None:
        self._buffer.speech_started(at)

    def quiet(self, since: float) -> None:
        is_busy = self._job is not None or self._wanted is not None or self._parts
        if not is_busy and not _covers(self._heard_through, since) and self._worker.can_spare():
            self._quiet_since = since
            self._news.set()

    def flush(self, speech_end: float) -> None:
        if self._wanted == speech_end:
            return
        self._wanted = speech_end
        self._quiet_since = None
        if self._job is not None and _covers(self._hearing, speech_end):
            self._job.promote(Priority.COMMITTED)
        elif self._hearing != NEVER:  # else the job is a part's, which is needed whatever is asked
            self._stop_job()
        self._news.set()

    def forget(self, until: float) -> None:
        self._buffer.forget(until)
        self._utterance += 1
        self._parts.clear()
        self._words.clear()
        self._heard = None
        self._quiet_since = None
        self._stop_job()
        if self._wanted is not None and self._wanted <= until:
            self._wanted = None

    def close(self) -> None:
        """End the iteration and the work."""
        self._is_closed = True
        self._stop_job()
        self._news.set()

    async def __aiter__(self) -> AsyncIterator[Transcript]:
        while not self._is_closed:
            await self._news.wait()
            self._news.clear()
            while not self._is_closed:
                if self._parts:
                    await self._transcribe_part()
                elif self._wanted is not None:
                    if (transcript := await self._answer(self._wanted)) is not None:
                        yield transcript
                elif self._quiet_since is not None:
                    await self._hear_early(self._quiet_since)
                else:
                    break

    @property
    def _heard_through(self) -> float:
        return self._heard.through if self._heard is not None else NEVER

    async def _transcribe_part(self) -> None:
        utterance, part = self._utterance, self._parts[0]
        words = await self._transcribe(part, Priority.SPECULATION, PATIENCE_S)
        if words is not None and utterance == self._utterance:
            self._parts.popleft()
            self._words.append(words.text)

    async def _answer(self, wanted: float) -> Transcript | None:
        """The whole utterance up to the wanted moment; None when that is not wanted any more."""
        if not _covers(self._heard_through, wanted):
            late_s = wanted - asyncio.get_running_loop().time()
            await self._hear(wanted, Priority.COMMITTED, late_s + PATIENCE_S)
        heard = self._heard
        if wanted != self._wanted or heard is None or not _covers(heard.through, wanted):
            return None
        self._wanted = None
        return Transcript(
            heard.text, wanted, is_final=True, closing=heard.closing, took_s=heard.took_s
        )

    async def _hear_early(self, since: float) -> None:
        """Hear what nobody has asked for yet. A failure is told to whoever asks."""
        self._quiet_since = None
        if not self._worker.can_spare():  # another call was told of quiet in the same moment
            return
        with contextlib.suppress(EngineError):
            await self._hear(since, Priority.SPECULATION, PATIENCE_S, attempts=1)

    async def _hear(
        self, through: float, priority: Priority, within_s: float, attempts: int = ATTEMPTS
    ) -> None:
        """Transcribe the utterance up to this moment into `_heard`, unless it is forgotten."""
        utterance, rest = self._utterance, self._buffer.take(through)
        now = asyncio.get_running_loop().time
        began = now()
        self._hearing = through
        try:
            words = await self._transcribe(rest, priority, within_s, attempts)
        finally:
            self._hearing = NEVER
        if words is not None and utterance == self._utterance:
            whole = " ".join(text for text in [*self._words, words.text] if text)
            self._heard = _Heard(whole, through, words.closing, now() - began)

    async def _transcribe(
        self, mulaw: bytes, priority: Priority, within_s: float, attempts: int = ATTEMPTS
    ) -> _Words | None:
        """The words in some audio; None when it was cancelled.

        Raises:
            EngineError: for good, or still after all attempts.
        """
        if not mulaw:
            return _Words("", None)
        deadline = asyncio.get_running_loop().time() + within_s
        for attempt in range(1, attempts + 1):
            try:
                self._job = self._worker.submit(
                    "transcribe",
                    {"language": self._language},
                    mulaw,
                    call_id=self._call_id,
                    priority=priority,
                    deadline=deadline,
                    limit_s=LIMIT_S,
                )
                done = await self._job.result()
                if done is None:
                    return None
                data = done.fields["data"]
                return _Words(str(data["text"]), data["closing"])
            except EngineError as error:
                if error.category not in MAY_PASS or attempt == attempts:
                    raise
            finally:
                self._job = None
            await asyncio.sleep(RETRY_S)
        return None

    def _stop_job(self) -> None:
        if self._job is not None:
            self._job.cancel()


def _covers(through: float, wanted: float) -> bool:
    """Whether words up to one audio time are the words up to another."""
    return through + SAME_S >= wanted


class FasterWhisperSpeechToText:
    """The engine; see `voxd.contracts.SpeechToText`."""

    def __init__(self, name: str, settings: Settings, worker: WorkerHandle) -> None:
        self.name = name
        self.capabilities = replace(CAPABILITIES, languages=settings.languages)
        self._settings = settings
        self._worker = worker

    def status(self) -> EngineStatus:
        return self._worker.status()

    async def warm(self) -> None:
        await self._worker.ready()

    async def probe(self) -> float:
        """Transcribe half a second of silence, which costs as much as a short utterance."""
        begun_at = asyncio.get_running_loop().time()
        job = self._worker.submit(
            "transcribe",
            {"language": self._settings.languages[0]},
            bytes([MULAW_SILENCE]) * (LINE_RATE_HZ // 2),
            call_id=PROBE_CALL_ID,
            priority=Priority.PROBE,
            deadline=begun_at + PATIENCE_S,
            limit_s=LIMIT_S,
        )
        async with contextlib.aclosing(job):
            await job.result()
        return asyncio.get_running_loop().time() - begun_at

    @contextlib.asynccontextmanager
    async def open_stream(
        self, call_id: str, language: str, hints: TurnHints = DEFAULT_HINTS
    ) -> AsyncIterator[TranscriptStream]:
        stream = WhisperTranscriptStream(
            self._worker, call_id, language, self._settings.max_utterance_s
        )
        try:
            yield stream
        finally:
            stream.close()


@contextlib.asynccontextmanager
async def open_engine(
    name: str, settings: Settings, services: Services
) -> AsyncIterator[FasterWhisperSpeechToText]:
    """Start the worker and wait until it is ready.

    Raises:
        ModelError: the model cannot be used.
    """
    options = settings.model_dump(include={"device", "compute_type", "min_window_s"}) | {
        "model": str(services.config.resolve(settings.model)),
        "languages": list(settings.languages),
    }
    worker = services.compute.add_worker("stt", name, options, settings.threads, CAPACITY)
    await worker.ready()
    yield FasterWhisperSpeechToText(name, settings, worker)
