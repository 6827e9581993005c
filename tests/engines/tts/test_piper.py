"""The clauses of a reply go to the worker with their order and limits."""

import asyncio
import contextlib
from typing import Any

from voxd.contracts import Priority, SpeechRequest
from voxd.engines.local.job import Job, Work
from voxd.engines.local.protocol import Frame, MessageType
from voxd.engines.tts.piper import PiperTextToSpeech, Settings


class ScriptedWorker:
    """Stands where `WorkerHandle` does: two pieces of audio for each request."""

    def __init__(self) -> None:
        self.requests: list[tuple[dict[str, Any], dict[str, Any]]] = []
        self.cancelled: list[int] = []
        self.is_silent = False

    def submit(self, op: str, params: dict[str, Any], **how: Any) -> Job:
        self.requests.append((params, how))
        job = Job(
            len(self.requests), "tts", Work(op, params), lambda job: self.cancelled.append(job.id)
        )
        job.deliver(Frame(MessageType.PARTIAL, {"data": {}}, b"one"))
        if not self.is_silent:
            job.deliver(Frame(MessageType.PARTIAL, {"data": {}}, b"two"))
            job.deliver(Frame(MessageType.DONE, {"data": {"duration_s": 1.0}}))
        return job


def build() -> tuple[PiperTextToSpeech, ScriptedWorker]:
    worker = ScriptedWorker()
    return PiperTextToSpeech("piper", Settings(), worker), worker  # type: ignore[arg-type]


REQUEST = SpeechRequest("call", 1, "en", "", Priority.GREETING)


async def test_audio_comes_piece_by_piece_and_the_end_is_not_audio() -> None:
    engine, worker = build()
    async with engine.open_speech(REQUEST) as speech:
        assert [piece async for piece in speech.speak("Hello.", is_last=True)] == [b"one", b"two"]
    assert worker.requests[0][0] == {"text": "Hello.", "length_scale": 1.0, "level_dbfs": -20.0}


async def test_the_first_clause_of_a_reply_is_the_most_urgent() -> None:
    engine, worker = build()
    async with engine.open_speech(REQUEST) as speech:
        for text in ("Sure,", "we are open."):
            async for _ in speech.speak(text, is_last=False):
                pass
    (_, first), (_, second) = worker.requests
    assert first["deadline"] < second["deadline"]
    assert first["priority"] is Priority.GREETING


async def test_closing_the_iterator_stops_the_work() -> None:
    engine, worker = build()
    worker.is_silent = True
    async with engine.open_speech(REQUEST) as speech:
        async with contextlib.aclosing(speech.speak("Hello.", is_last=True)) as pieces:
            assert await anext(pieces) == b"one"
    assert worker.cancelled == [1]


async def test_cancelling_the_reader_stops_the_work() -> None:
    engine, worker = build()
    worker.is_silent = True

    async def read() -> None:
        async with engine.open_speech(REQUEST) as speech:
            async for _ in speech.speak("Hello.", is_last=True):
                pass

    reader = asyncio.get_running_loop().create_task(read())
    await asyncio.sleep(0.01)
    reader.cancel()
    await asyncio.gather(reader, return_exceptions=True)
    assert worker.cancelled == [1]
