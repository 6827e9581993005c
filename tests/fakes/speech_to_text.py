"""A scripted `SpeechToText`: what the caller said between a and b becomes this text, late by x.

Faults: refuse (`refusals`), open slowly or never (`open_s`), say nothing (`is_stalled`), be slow
(`slow_s`), find no words (`is_deaf`), die (`break_streams`).
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

from voxd.contracts import (
    DEFAULT_HINTS,
    LINE_RATE_HZ,
    Capabilities,
    EngineState,
    EngineStatus,
    Transcript,
    TurnHints,
)
from voxd.errors import Category, EngineError, Phase
from voxd.events import Kind


@dataclass(frozen=True, slots=True)
class Said:
    """One thing the caller says."""

    start: float
    """Seconds, loop clock (audio time is mapped onto it)."""
    end: float
    text: str
    late_s: float = 0.1
    """Seconds from the flush to the transcript."""
    interim: str = ""
    """Words that are told at once, and may still change; empty: none."""


class FakeSpeechToText:
    """Knows the script, but only transcribes what it was really given the audio of."""

    capabilities = Capabilities(Kind.STT, True, (), 0.1)

    def __init__(self, script: list[Said], name: str = "fake-stt") -> None:
        self.name = name
        self.script = script
        """May grow while the call runs."""
        self.open_streams: list[FakeTranscriptStream] = []
        self.dealt_with: set[Said] = set()
        """What was transcribed and then forgotten."""
        self.opened = 0
        self.hints: TurnHints | None = None
        """What the last stream was opened with."""
        self.refusals = 0
        """So many of the next streams fail as soon as they are used."""
        self.category = Category.CONNECTIVITY
        """Of all its failures."""
        self.open_s = 0.0
        """Seconds that opening a stream takes."""
        self.slow_s = 0.0
        """Seconds by which each transcript is later than the script says."""
        self.is_stalled = False
        """While true what is asked is never answered."""
        self.is_deaf = False
        """While true answers have no words."""

    def status(self) -> EngineStatus:
        return EngineStatus(self.name, Kind.STT, EngineState.HEALTHY)

    async def warm(self) -> None:
        return

    def break_streams(self) -> None:
        """Every open stream dies now."""
        for stream in self.open_streams:
            stream.fail(self.error())

    def error(self) -> EngineError:
        return EngineError(self.name, self.category, Phase.STREAM, "scripted")

    async def probe(self) -> float:
        if self.refusals:
            raise self.error()
        return self.capabilities.expected_latency_s

    @asynccontextmanager
    async def open_stream(
        self, call_id: str, language: str, hints: TurnHints = DEFAULT_HINTS
    ) -> AsyncIterator["FakeTranscriptStream"]:
        self.opened += 1
        self.hints = hints
        await asyncio.sleep(self.open_s)
        stream = FakeTranscriptStream(self)
        if self.refusals:
            self.refusals -= 1
            stream.fail(self.error())
        self.open_streams.append(stream)
        try:
            yield stream
        finally:
            stream.close()
            self.open_streams.remove(stream)


class FakeTranscriptStream:
    """One call's stream."""

    def __init__(self, engine: FakeSpeechToText) -> None:
        self._engine = engine
        self._results: asyncio.Queue[Transcript | EngineError] = asyncio.Queue()
        self._pending: list[asyncio.TimerHandle] = []
        self._asked: list[tuple[float, list[Said]]] = []
        self.heard_from: float | None = None
        self.heard_to = float("-inf")
        self.speech_starts: list[float] = []
        self.quiets: list[float] = []
        self.flushes: list[float] = []

    def push(self, mulaw: bytes, at: float) -> None:
        assert at >= self.heard_to, "audio time went backwards"
        if self.heard_from is None:
            self.heard_from = at - len(mulaw) / LINE_RATE_HZ
        self.heard_to = at

    def speech_started(self, at: float) -> None:
        assert self.heard_to - 1.0 <= at <= self.heard_to
        self.speech_starts.append(at)

    def quiet(self, since: float) -> None:
        assert since < self.heard_to
        self.quiets.append(since)

    def flush(self, speech_end: float) -> None:
        assert speech_end <= self.heard_to + 1e-6
        self.flushes.append(speech_end)
        said = [
            item
            for item in self._engine.script
            if item.start < speech_end
            and item not in self._engine.dealt_with
            and self.heard_from is not None
            and self.heard_from <= item.start + 0.15
        ]
        self._asked.append((speech_end, said))
        text = "" if self._engine.is_deaf else " ".join(item.text for item in said)
        transcript = Transcript(text, speech_end, True)
        late_s = (said[-1].late_s if said else 0.1) + self._engine.slow_s
        if self._engine.is_stalled:
            return
        loop = asyncio.get_running_loop()
        if said and said[-1].interim:
            words = " ".join([*(item.text for item in said[:-1]), said[-1].interim])
            self._results.put_nowait(Transcript(words, speech_end, False))
        self._pending.append(loop.call_later(late_s, self._results.put_nowait, transcript))

    def forget(self, until: float) -> None:
        # By what was asked for, not by time: after a stall audio time runs ahead of the script.
        for speech_end, items in self._asked:
            if speech_end <= until:
                self._engine.dealt_with.update(items)

    def fail(self, error: EngineError) -> None:
        self._results.put_nowait(error)

    def close(self) -> None:
        for handle in self._pending:
            handle.cancel()

    async def __aiter__(self) -> AsyncIterator[Transcript]:
        while True:
            result = await self._results.get()
            if isinstance(result, EngineError):
                raise result
            yield result
