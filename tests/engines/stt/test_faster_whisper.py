"""When the stream asks its worker, what it answers from memory, and what it gives up."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from typing import Any

import pytest

from voxd.contracts import Transcript
from voxd.engines.local.job import Job, Work
from voxd.engines.local.protocol import Frame, MessageType
from voxd.engines.stt.faster_whisper import ATTEMPTS, Settings, WhisperTranscriptStream
from voxd.errors import Category, EngineError, Phase


class ScriptedWorker:
    """Stands where `WorkerHandle` does; the test answers its jobs by hand."""

    def __init__(self) -> None:
        self.jobs: asyncio.Queue[Job] = asyncio.Queue()
        self.cancelled: list[int] = []
        self.promoted: list[int] = []
        self.refuse: list[EngineError] = []
        self.has_cores = True
        self._count = 0

    def submit(self, op: str, params: dict[str, Any], payload: bytes, **how: Any) -> Job:
        if self.refuse:
            raise self.refuse.pop(0)
        self._count += 1
        work = Work(op, params, payload, how["call_id"], how["limit_s"])
        job = Job(
            self._count,
            "stt",
            work,
            lambda job: self.cancelled.append(job.id),
            lambda job, _: self.promoted.append(job.id),
        )
        self.jobs.put_nowait(job)
        return job

    def can_spare(self) -> bool:
        return self.has_cores

    async def answer(self, text: str, closing: float | None = None) -> Job:
        job = await self.jobs.get()
        data = {"text": text, "closing": closing}
        job.deliver(Frame(MessageType.DONE, {"id": job.id, "data": data}))
        return job


class Caller:
    """Pushes audio into a stream and collects its transcripts."""

    def __init__(self, stream: WhisperTranscriptStream) -> None:
        self.stream = stream
        self.now = 0.0
        self.transcripts = aiter(stream)

    def speak(self, seconds: float) -> float:
        """Speaks; returns when the speech ended."""
        self.stream.speech_started(self.now)
        end = self.now + seconds
        self.be_heard(seconds)
        return end

    def be_heard(self, seconds: float) -> None:
        for _ in range(round(seconds / 0.02)):
            self.now += 0.02
            self.stream.push(b"\x10" * 160, self.now)

    async def hears(self) -> Transcript:
        return await anext(self.transcripts)


@pytest.fixture
def worker() -> ScriptedWorker:
    return ScriptedWorker()


@pytest.fixture
async def caller(worker: ScriptedWorker) -> AsyncIterator[Caller]:
    stream = WhisperTranscriptStream(worker, "call", "en", 26.0)  # type: ignore[arg-type]
    caller = Caller(stream)
    caller.be_heard(2.0)
    yield caller
    stream.close()
    with contextlib.suppress(StopAsyncIteration):
        await caller.hears()


@contextlib.asynccontextmanager
async def hearing(caller: Caller) -> AsyncIterator[asyncio.Task[Transcript]]:
    async with asyncio.TaskGroup() as tasks:
        yield tasks.create_task(caller.hears())


async def test_a_flush_is_answered_with_the_words_through_the_speech_end(
    caller: Caller, worker: ScriptedWorker
) -> None:
    end = caller.speak(1.0)
    caller.be_heard(0.1)
    async with hearing(caller) as heard:
        caller.stream.flush(end)
        job = await worker.answer("hello", 0.9)
    assert heard.result() == Transcript("hello", end, is_final=True, closing=0.9)
    assert 1.3 <= len(job.work.payload) / 8000 <= 1.5


async def test_the_same_pause_is_answered_from_memory(
    caller: Caller, worker: ScriptedWorker
) -> None:
    end = caller.speak(1.0)
    async with hearing(caller):
        caller.stream.flush(end)
        await worker.answer("hello", 0.9)
    caller.stream.flush(end)
    assert (await caller.hears()).text == "hello"
    caller.stream.flush(end + 0.01)
    assert await caller.hears() == Transcript("hello", end + 0.01, is_final=True, closing=0.9)
    assert worker.jobs.empty()


async def test_a_later_flush_cancels_the_older_one(caller: Caller, worker: ScriptedWorker) -> None:
    first = caller.speak(1.0)
    async with hearing(caller) as heard:
        caller.stream.flush(first)
        old = await worker.jobs.get()
        second = caller.speak(1.0)
        caller.stream.flush(second)
        job = await worker.answer("hello there")
    assert worker.cancelled == [old.id]
    assert heard.result() == Transcript("hello there", second, is_final=True)
    assert len(job.work.payload) > len(old.work.payload)


async def test_what_was_heard_in_the_quiet_answers_the_flush_of_the_same_pause(
    caller: Caller, worker: ScriptedWorker
) -> None:
    end = caller.speak(1.0)
    async with hearing(caller) as heard:
        caller.stream.quiet(end)
        await worker.answer("hello", 0.9)
        await asyncio.sleep(0)
        assert not heard.done()
        caller.stream.flush(end)
    assert heard.result() == Transcript("hello", end, is_final=True, closing=0.9)
    assert worker.jobs.empty()


async def test_a_flush_hurries_what_was_begun_in_its_own_quiet(
    caller: Caller, worker: ScriptedWorker
) -> None:
    end = caller.speak(1.0)
    async with hearing(caller) as heard:
        caller.stream.quiet(end)
        job = await worker.jobs.get()
        caller.stream.flush(end)
        assert (worker.promoted, worker.cancelled) == ([job.id], [])
        worker.jobs.put_nowait(job)
        await worker.answer("hello")
    assert heard.result() == Transcript("hello", end, is_final=True)
    assert worker.jobs.empty()


async def test_a_quiet_that_was_no_pause_is_transcribed_for_nothing(
    caller: Caller, worker: ScriptedWorker
) -> None:
    first = caller.speak(1.0)
    async with hearing(caller) as heard:
        caller.stream.quiet(first)
        old = await worker.jobs.get()
        caller.be_heard(0.5)
        caller.stream.flush(caller.now)
        assert worker.cancelled == [old.id]
        await worker.answer("hello there")
    assert heard.result() == Transcript("hello there", caller.now, is_final=True)


async def test_without_a_core_to_spare_the_pause_is_waited_for(
    caller: Caller, worker: ScriptedWorker
) -> None:
    worker.has_cores = False
    end = caller.speak(1.0)
    async with hearing(caller) as heard:
        caller.stream.quiet(end)
        await asyncio.sleep(0)
        assert worker.jobs.empty()
        caller.stream.flush(end)
        await worker.answer("hello")
    assert heard.result() == Transcript("hello", end, is_final=True)


async def test_who_finds_the_cores_taken_meanwhile_waits_for_the_pause(
    caller: Caller, worker: ScriptedWorker
) -> None:
    end = caller.speak(1.0)
    async with hearing(caller) as heard:
        caller.stream.quiet(end)
        worker.has_cores = False
        await asyncio.sleep(0)
        assert worker.jobs.empty()
        caller.stream.flush(end)
        await worker.answer("hello")
    assert heard.result() == Transcript("hello", end, is_final=True)


async def test_a_forgotten_quiet_is_not_transcribed_to_its_end(
    caller: Caller, worker: ScriptedWorker
) -> None:
    first = caller.speak(1.0)
    async with hearing(caller) as heard:
        caller.stream.quiet(first)
        old = await worker.jobs.get()
        caller.stream.forget(first)
        assert worker.cancelled == [old.id]
        caller.be_heard(1.0)
        second = caller.speak(0.5)
        caller.stream.flush(second)
        await worker.answer("next")
    assert heard.result() == Transcript("next", second, is_final=True)


async def test_what_fails_in_the_quiet_is_asked_again_by_the_flush(
    caller: Caller, worker: ScriptedWorker
) -> None:
    end = caller.speak(1.0)
    worker.refuse = [EngineError("stt", Category.OVERLOADED, Phase.FIRST_RESULT, "no")]
    async with hearing(caller) as heard:
        caller.stream.quiet(end)
        while worker.refuse:
            await asyncio.sleep(0)
        caller.stream.flush(end)
        await worker.answer("hello")
    assert heard.result() == Transcript("hello", end, is_final=True)


async def test_a_flush_without_speech_is_answered_with_no_words(
    caller: Caller, worker: ScriptedWorker
) -> None:
    caller.stream.flush(caller.now)
    assert await caller.hears() == Transcript("", caller.now, is_final=True)
    assert worker.jobs.empty()


async def test_what_was_forgotten_is_not_answered(caller: Caller, worker: ScriptedWorker) -> None:
    first = caller.speak(1.0)
    async with hearing(caller) as heard:
        caller.stream.flush(first)
        old = await worker.jobs.get()
        caller.stream.forget(first)
        caller.be_heard(1.0)
        second = caller.speak(0.5)
        caller.stream.flush(second)
        job = await worker.answer("next")
    assert worker.cancelled == [old.id]
    assert heard.result() == Transcript("next", second, is_final=True)
    assert len(job.work.payload) / 8000 < 1.1


async def test_a_monologue_is_transcribed_in_parts_and_keeps_all_words(
    caller: Caller, worker: ScriptedWorker
) -> None:
    end = caller.speak(40.0)
    async with hearing(caller) as heard:
        caller.stream.flush(end)
        first = await worker.answer("one")
        second = await worker.answer("two")
    assert heard.result() == Transcript("one two", end, is_final=True)
    assert len(first.work.payload + second.work.payload) / 8000 == pytest.approx(40.3, abs=0.1)
    assert len(first.work.payload) / 8000 <= 26.1


async def test_a_flush_during_a_part_does_not_throw_the_part_away(
    caller: Caller, worker: ScriptedWorker
) -> None:
    async with hearing(caller) as heard:
        end = caller.speak(27.0)
        part = await worker.jobs.get()
        caller.stream.flush(end)
        part.deliver(
            Frame(MessageType.DONE, {"id": part.id, "data": {"text": "one", "closing": 0.5}})
        )
        await worker.answer("two")
    assert heard.result().text == "one two"
    assert worker.cancelled == []


async def test_a_failure_that_may_pass_is_tried_again(
    caller: Caller, worker: ScriptedWorker
) -> None:
    end = caller.speak(1.0)
    worker.refuse = [EngineError("stt", Category.OVERLOADED, Phase.CONNECT, "full")]
    async with hearing(caller) as heard:
        caller.stream.flush(end)
        await worker.answer("hello")
    assert heard.result().text == "hello"


@pytest.mark.parametrize(
    ("category", "tries"), [(Category.BAD_REQUEST, 1), (Category.CONNECTIVITY, ATTEMPTS)]
)
async def test_a_failure_for_good_comes_out_of_the_iteration(
    caller: Caller, worker: ScriptedWorker, category: Category, tries: int
) -> None:
    end = caller.speak(1.0)
    worker.refuse = [EngineError("stt", category, Phase.CONNECT, "no")] * tries
    caller.stream.flush(end)
    with pytest.raises(EngineError):
        await caller.hears()
    assert worker.refuse == []


async def test_closing_ends_the_iteration_and_the_job(
    caller: Caller, worker: ScriptedWorker
) -> None:
    end = caller.speak(1.0)

    async def hear() -> list[Transcript]:
        return [transcript async for transcript in caller.stream]

    async with asyncio.TaskGroup() as tasks:
        heard = tasks.create_task(hear())
        caller.stream.flush(end)
        job = await worker.jobs.get()
        caller.stream.close()
    assert heard.result() == []
    assert worker.cancelled == [job.id]


def test_the_defaults_are_those_of_the_shipped_config() -> None:
    assert Settings() == Settings.model_validate(
        {
            "model": "models/faster-whisper-tiny.en",
            "languages": ["en"],
            "device": "cpu",
            "compute_type": "int8",
            "threads": 1,
            "min_window_s": 10.0,
            "max_utterance_s": 26.0,
        }
    )
