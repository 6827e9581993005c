"""The clauses of a reply go to the worker with their order and limits."""

import asyncio
import contextlib
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from voxd.contracts import Delivery, Priority, SpeechRequest, Urgency
from voxd.engines.local.job import Job, Work
from voxd.engines.local.protocol import Frame, MessageType
from voxd.engines.tts.piper import (
    MAX_LEVEL_DBFS,
    PiperTextToSpeech,
    Settings,
    encode_delivery,
)


class ScriptedWorker:
    """Stands where `WorkerHandle` does: two pieces of audio for each request."""

    def __init__(self) -> None:
        self.requests: list[tuple[dict[str, Any], dict[str, Any]]] = []
        self.cancelled: list[int] = []
        self.is_silent = False
        self.piece = b"one"
        self.on_promote: Callable[[Job, Priority], None] | None = None

    def submit(self, op: str, params: dict[str, Any], **how: Any) -> Job:
        self.requests.append((params, how))
        job = Job(
            len(self.requests),
            "tts",
            Work(op, params),
            lambda job: self.cancelled.append(job.id),
            self.on_promote,
        )
        job.deliver(Frame(MessageType.PARTIAL, {"data": {}}, self.piece))
        if not self.is_silent:
            job.deliver(Frame(MessageType.PARTIAL, {"data": {}}, self.piece))
            job.deliver(Frame(MessageType.DONE, {"data": {"duration_s": 1.0}}))
        return job


def build() -> tuple[PiperTextToSpeech, ScriptedWorker]:
    worker = ScriptedWorker()
    return PiperTextToSpeech("piper", Settings(), worker), worker  # type: ignore[arg-type]


REQUEST = SpeechRequest("call", 1, "en", "", Urgency(Priority.GREETING))


async def test_audio_comes_piece_by_piece_and_the_end_is_not_audio() -> None:
    engine, worker = build()
    async with engine.open_speech(REQUEST) as speech:
        assert [piece async for piece in speech.speak("Hello.", is_last=True)] == [b"one"] * 2
    assert worker.requests[0][0] == {"text": "Hello.", "length_scale": 1.0, "level_dbfs": -20.0}


async def test_another_voice_is_asked_for_by_its_name() -> None:
    engine, worker = build()
    async with engine.open_speech(replace(REQUEST, voice="models/owl.onnx")) as speech:
        async for _ in speech.speak("Hello.", is_last=True):
            pass
    assert worker.requests[0][0]["voice"] == "models/owl.onnx"


@pytest.mark.parametrize(
    ("delivery", "length_scale", "level_dbfs"),
    [
        (Delivery(speed=1.25), 0.8, -20.0),
        (Delivery(volume=2.0), 1.0, -13.98),
        (Delivery("sad"), 1.075, -20.92),
        (Delivery("excited", has_laughter=True), 0.943, -19.17),
        (Delivery("confident"), 1.0, -20.0),
    ],
)
async def test_a_delivery_becomes_rate_and_level(
    delivery: Delivery, length_scale: float, level_dbfs: float
) -> None:
    engine, worker = build()
    async with engine.open_speech(REQUEST) as speech:
        async for _ in speech.speak("Hello.", is_last=True, delivery=delivery):
            pass
    params, _ = worker.requests[0]
    assert params == {"text": "Hello.", "length_scale": length_scale, "level_dbfs": level_dbfs}


def test_no_delivery_is_louder_than_the_limiter_takes() -> None:
    params = encode_delivery(Settings(level_dbfs=-8), Delivery(volume=2.0))
    assert params["level_dbfs"] == MAX_LEVEL_DBFS


async def test_a_clause_is_wanted_when_those_before_it_have_been_heard() -> None:
    engine, worker = build()
    worker.piece = bytes(8000)  # a second
    now = asyncio.get_running_loop().time
    async with engine.open_speech(REQUEST) as speech:
        begun_at = now()
        for text in ("Sure,", "we are open.", "Until five."):
            async for _ in speech.speak(text, is_last=False):
                pass
        spoken_at = now()
    deadlines = [how["deadline"] for _, how in worker.requests]
    assert begun_at <= deadlines[0] <= spoken_at
    assert 2.0 <= deadlines[1] - begun_at <= 2.0 + spoken_at - begun_at
    assert abs(deadlines[2] - deadlines[1] - 2.0) < 1e-6
    assert worker.requests[0][1]["priority"] is Priority.GREETING


async def test_a_clause_that_is_late_is_wanted_now() -> None:
    engine, worker = build()
    worker.piece = b"\xff" * 8
    now = asyncio.get_running_loop().time
    async with engine.open_speech(REQUEST) as speech:
        async for _ in speech.speak("Sure,", is_last=False):
            pass
        await asyncio.sleep(0.01)
        late_at = now()
        async for _ in speech.speak("we are open.", is_last=True):
            pass
    assert worker.requests[1][1]["deadline"] >= late_at


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


async def test_a_clause_in_work_is_promoted_with_its_reply_and_later_ones_begin_urgent() -> None:
    engine, worker = build()
    promoted: list[Priority] = []
    worker.on_promote = lambda job, priority: promoted.append(priority)
    worker.is_silent = True
    request = SpeechRequest("call", 1, "en", "", Urgency(Priority.SPECULATION))
    async with engine.open_speech(request) as speech:
        async with contextlib.aclosing(speech.speak("Hello.", is_last=False)) as pieces:
            await anext(pieces)
            request.urgency.raise_to(Priority.COMMITTED)
        async with contextlib.aclosing(speech.speak("Goodbye.", is_last=True)) as pieces:
            await anext(pieces)
    assert promoted == [Priority.COMMITTED]
    asked = [how["priority"] for _, how in worker.requests]
    assert asked == [Priority.SPECULATION, Priority.COMMITTED]
