"""One call's way into speech-to-text, kept alive: no word is lost when a stream dies.

The audio of the utterance so far lies in a ring buffer (bound: `KEPT_S` seconds, 240 kB; the
oldest goes). When a stream dies a new one is opened after a short pause and gets all of it again,
because `TranscriptReceived.text` is the whole utterance, not a delta. After `TRIES` streams in a
row that gave no transcript, `EngineFailed` is reported and the call goes on deaf: the brain
decides what to say.
"""

import asyncio
from collections import deque
from collections.abc import Callable

from voxd.contracts import LINE_RATE_HZ, SpeechToText, TranscriptStream
from voxd.errors import Category, EngineError, Phase
from voxd.events import EngineFailed, Event, Kind, TranscriptReceived

KEPT_S = 30.0
"""Seconds of audio kept for a new stream; the longest that Whisper hears at once."""
TRIES = 4
"""Streams in a row without any transcript before speech-to-text is given up."""
FIRST_PAUSE_S = 0.1
"""Pause before the first new stream; it triples: 0.1, 0.3, 0.9 s, so that a worker which is
being restarted (about a second with the shipped model) is met again."""


class Transcriber:
    """Pushes audio into the present stream and posts what comes out."""

    def __init__(
        self,
        stt: SpeechToText,
        call_id: str,
        language: str,
        post: Callable[[Event], None],
        now: Callable[[], float],
    ) -> None:
        self._stt = stt
        self._call_id = call_id
        self._language = language
        self._post = post
        self._now = now
        self._stream: TranscriptStream | None = None
        self._kept: deque[tuple[bytes, float]] = deque()
        """Audio since the last `forget` with the audio time of its end."""
        self._kept_s = 0.0
        self._speech_starts: deque[float] = deque(maxlen=64)
        """Speech onsets since the last `forget`; older ones lie outside the ring anyway."""
        self._asked_for: float | None = None
        """`speech_end` of the last flush that was not answered yet."""
        self._failures = 0
        """Streams that ended since the last transcript."""

    def push(self, mulaw: bytes, end_at: float) -> None:
        """The next audio; `end_at` is the audio time of its end."""
        self._kept.append((mulaw, end_at))
        self._kept_s += len(mulaw) / LINE_RATE_HZ
        while self._kept_s > KEPT_S and len(self._kept) > 1:
            self._drop_oldest()
        if self._stream is not None:
            self._stream.push(mulaw, end_at)

    def speech_started(self, speech_start: float) -> None:
        """The caller began to speak at this audio time."""
        self._speech_starts.append(speech_start)
        if self._stream is not None:
            self._stream.speech_started(speech_start)

    def flush(self, speech_end: float) -> None:
        """Ask for the words up to this audio time, now."""
        self._asked_for = speech_end
        if self._stream is not None:
            self._stream.flush(speech_end)

    def forget(self, until: float) -> None:
        """The utterance up to this audio time is dealt with."""
        while self._kept and self._kept[0][1] <= until:
            self._drop_oldest()
        while self._speech_starts and self._speech_starts[0] <= until:
            self._speech_starts.popleft()
        if self._asked_for is not None and self._asked_for <= until:
            self._asked_for = None
        if self._stream is not None:
            self._stream.forget(until)

    async def run(self) -> None:
        """Hold a stream open until cancelled, or until speech-to-text is given up."""
        while True:
            error = await self._use_stream()
            self._failures += 1
            if self._failures >= TRIES:
                failed = (Kind.STT, self._stt.name, error.category, error.phase)
                self._post(EngineFailed(self._now(), *failed))
                return
            await asyncio.sleep(FIRST_PAUSE_S * 3 ** (self._failures - 1))

    async def _use_stream(self) -> EngineError:
        """Use one stream to its end; return why it ended."""
        try:
            async with self._stt.open_stream(self._call_id, self._language) as stream:
                self._replay(stream)
                self._stream = stream
                async for transcript in stream:
                    self._failures = 0
                    if self._asked_for is not None and transcript.through >= self._asked_for:
                        self._asked_for = None
                    self._post(
                        TranscriptReceived(
                            self._now(),
                            transcript.text,
                            transcript.through,
                            transcript.is_final,
                            self._stt.name,
                        )
                    )
        except EngineError as error:
            return error
        finally:
            self._stream = None
        return EngineError(self._stt.name, Category.SERVER, Phase.STREAM, "the stream ended")

    def _replay(self, stream: TranscriptStream) -> None:
        """Tell a new stream everything since the last `forget`, in the order it happened."""
        starts = deque(self._speech_starts)
        for mulaw, end_at in self._kept:
            stream.push(mulaw, end_at)
            while starts and starts[0] <= end_at:
                stream.speech_started(starts.popleft())
        if self._asked_for is not None:
            stream.flush(self._asked_for)

    def _drop_oldest(self) -> None:
        mulaw, _ = self._kept.popleft()
        self._kept_s -= len(mulaw) / LINE_RATE_HZ
