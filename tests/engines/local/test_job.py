"""A job is read like a file: in order, to its end or its error, and left at any time."""

import asyncio

import pytest

from voxd.contracts import Priority
from voxd.engines.local.job import Job, Work
from voxd.engines.local.protocol import Frame, MessageType
from voxd.errors import Category, EngineError, Phase


def build(closed: list[int] | None = None) -> Job:
    return Job(7, "tts", Work("speak", {}), lambda job: (closed or []).append(job.id))


def frame(type: MessageType, payload: bytes = b"") -> Frame:
    return Frame(type, {"id": 7, "data": {}}, payload)


async def test_frames_before_an_error_are_still_read() -> None:
    job = build()
    job.deliver(frame(MessageType.PARTIAL))
    job.fail(job.error(Category.SERVER, Phase.STREAM, "broke"))
    assert (await anext(job)).type is MessageType.PARTIAL
    with pytest.raises(EngineError):
        await anext(job)


async def test_nothing_is_delivered_after_the_end() -> None:
    job = build()
    job.deliver(frame(MessageType.DONE))
    job.deliver(frame(MessageType.PARTIAL))
    job.fail(job.error(Category.SERVER, Phase.STREAM, "late"))
    assert [one.type async for one in job] == [MessageType.DONE]


async def test_a_cancelled_job_ends_its_reader_and_tells_once() -> None:
    closed = [0]
    job = build(closed)
    async with asyncio.TaskGroup() as tasks:
        reader = tasks.create_task(job.result())
        await asyncio.sleep(0)
        job.cancel()
        await job.aclose()
    assert reader.result() is None
    assert closed == [0, 7]


async def test_a_reader_that_is_cancelled_cancels_the_job() -> None:
    closed = [0]
    job = build(closed)
    reader = asyncio.get_running_loop().create_task(job.result())
    await asyncio.sleep(0)
    reader.cancel()
    with pytest.raises(asyncio.CancelledError):
        await reader
    assert closed == [0, 7]


async def test_a_reader_that_is_too_far_behind_gets_an_error() -> None:
    closed = [0]
    job = build(closed)
    for _ in range(100):
        job.deliver(frame(MessageType.PARTIAL, bytes(65536)))
    with pytest.raises(EngineError) as refused:
        await anext(job)
    assert refused.value.category is Category.OVERLOADED
    assert closed == [0, 7]


def test_only_a_job_that_is_wanted_can_be_promoted() -> None:
    promoted: list[Priority] = []
    job = build()
    job.on_promote = lambda _, priority: promoted.append(priority)
    job.promote(Priority.COMMITTED)
    job.cancel()
    job.promote(Priority.COMMITTED)
    assert promoted == [Priority.COMMITTED]
