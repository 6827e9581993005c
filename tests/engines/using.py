"""Using an engine of any kind as a call does; for the claims of its contract."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

from tests.engines.setups import SPOKEN, Subject, until
from voxd.commands import Message
from voxd.contracts import (
    FRAME_BYTES,
    FRAME_S,
    LINE_RATE_HZ,
    MULAW_SILENCE,
    Priority,
    ReplyRequest,
    SpeechRequest,
    Transcript,
    TranscriptStream,
    Usage,
)
from voxd.engines.registry import ENTRIES
from voxd.errors import EngineError
from voxd.events import Kind

SAMPLES = Path(__file__).parents[1] / "samples" / "speech"
SILENCE = bytes([MULAW_SILENCE]) * FRAME_BYTES
FIRST, SECOND = list(SPOKEN)[:2]
NEXT_UTTERANCE_S = 1.0
"""Silence after which a loopback ear takes speech for the next utterance."""
LONG = "We are open from nine to five on every day of the week but Sunday, and on most holidays."
SHORT = "Yes."
SURROGATE = "half a character: \ud83d"
"""Cannot be written as UTF-8; a tokenizer cut in the wrong place makes such a thing."""

NOW = Priority.COMMITTED


class Caller:
    """Speaks recordings into a stream, faster than real time, and reads what it tells."""

    def __init__(self, stream: TranscriptStream) -> None:
        self.stream = stream
        self.now = asyncio.get_running_loop().time()
        self._transcripts = aiter(stream)

    def be_heard(self, mulaw: bytes) -> None:
        for start in range(0, len(mulaw), FRAME_BYTES):
            piece = mulaw[start : start + FRAME_BYTES]
            self.now += len(piece) / LINE_RATE_HZ
            self.stream.push(piece, self.now)

    def rest(self, seconds: float) -> None:
        self.be_heard(SILENCE * round(seconds / FRAME_S))

    def say(self, recording: str) -> float:
        """Say it, rest for a short pause and want the words; return when the speech ended."""
        self.stream.speech_started(self.now)
        self.be_heard(recorded(recording))
        end = self.now
        self.rest(0.1)
        self.stream.flush(end)
        return end

    async def words(self, speech_end: float) -> str:
        """What was said up to there, in small letters; the line goes on meanwhile."""
        reading = asyncio.get_running_loop().create_task(self._covering(speech_end))
        try:
            while not (await asyncio.wait([reading], timeout=FRAME_S))[0]:
                self.rest(FRAME_S)
            return (await reading).text.lower()
        finally:
            reading.cancel()
            await asyncio.gather(reading, return_exceptions=True)

    async def _covering(self, speech_end: float) -> Transcript:
        while True:
            transcript = await anext(self._transcripts)
            if transcript.through >= speech_end - 1e-6:
                return transcript


@contextlib.asynccontextmanager
async def calling(subject: Subject, call_id: str = "call") -> AsyncIterator[Caller]:
    async with subject.engine.open_stream(call_id, "en") as stream:
        yield Caller(stream)


def recorded(recording: str) -> bytes:
    return (SAMPLES / f"{recording}.ulaw").read_bytes()


def ends(recording: str) -> str:
    """The last words of a recording, which no ear gets wrong."""
    return " ".join(SPOKEN[recording].lower().rstrip(".?").split()[-3:])


def asking(call_id: str = "call", *messages: Message, max_tokens: int = 20) -> ReplyRequest:
    default = (
        Message("system", "You are the receptionist of a small business."),
        Message("user", "Please tell me at length what you can do for me."),
    )
    return ReplyRequest(call_id, 1, messages or default, max_tokens, 0.0)


def speaking(call_id: str = "call", **changes: str) -> SpeechRequest:
    return replace(SpeechRequest(call_id, 1, "en", ""), **changes)  # type: ignore[arg-type]


async def use(subject: Subject) -> None:
    """One request of a caller's, to its end."""
    match ENTRIES[subject.name].kind:
        case Kind.STT:
            async with calling(subject) as caller:
                assert ends(FIRST) in await caller.words(caller.say(FIRST))
        case Kind.LLM:
            items = [item async for item in subject.engine.stream_reply(asking())]
            assert isinstance(items[-1], Usage)
            await subject.engine.release("call")
        case Kind.TTS:
            async with subject.engine.open_speech(speaking()) as stream:
                assert [piece async for piece in stream.speak(SHORT, is_last=True)]
        case Kind.TURN:
            assert 0 <= await subject.engine.judge("call", recorded(FIRST), NOW) <= 1


async def work_on(subject: Subject) -> None:
    """A request of a caller's who listens to the end, a stream's to the end of time."""
    match ENTRIES[subject.name].kind:
        case Kind.STT:
            async with calling(subject) as caller:
                await caller.words(caller.say(FIRST))
                await asyncio.Event().wait()
        case Kind.LLM:
            async for _ in subject.engine.stream_reply(asking()):
                pass
        case Kind.TTS:
            async with subject.engine.open_speech(speaking()) as stream:
                async for _ in stream.speak(LONG, is_last=True):
                    pass
        case Kind.TURN:
            await subject.engine.judge("call", recorded(FIRST), NOW)


@contextlib.asynccontextmanager
async def working(subject: Subject) -> AsyncIterator[asyncio.Task[None]]:
    """Inside, a request is under way; it ends cancelled, done, or with an `EngineError`."""
    work = asyncio.get_running_loop().create_task(work_on(subject))
    await until(lambda: subject.busy() or work.done())
    assert not work.done()
    yield work
    work.cancel()
    async with asyncio.timeout(10):
        result = (await asyncio.gather(work, return_exceptions=True))[0]
    assert result is None or isinstance(result, EngineError | asyncio.CancelledError)
