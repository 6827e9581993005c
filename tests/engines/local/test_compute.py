"""Jobs through the scheduler and a real worker process: order, bounds, cancellation, load."""

import asyncio

import pytest

from tests.engines.local.workers import COMMAND, LOCAL, add, ask, done
from voxd.contracts import Priority
from voxd.engines.local.compute import WorkerHandle, open_compute
from voxd.engines.local.job import Job
from voxd.engines.local.protocol import MessageType
from voxd.errors import Category, EngineError, ModelError


async def test_a_cancelled_request_frees_its_place(handle: WorkerHandle) -> None:
    jobs = [ask(handle, "until_cancelled") for _ in range(3)]
    await anext(jobs[0])
    assert (handle.status().active, handle.status().queued) == (2, 1)
    for job in jobs:
        await job.aclose()
    assert (await done(ask(handle, "echo"))).type is MessageType.DONE
    assert (handle.status().active, handle.status().queued) == (0, 0)


async def test_a_full_queue_refuses_as_overloaded(handle: WorkerHandle) -> None:
    jobs = [ask(handle, "until_cancelled") for _ in range(2 + LOCAL.queue)]
    with pytest.raises(EngineError) as refused:
        ask(handle, "echo")
    assert refused.value.category is Category.OVERLOADED
    for job in jobs:
        job.cancel()


async def test_what_cannot_be_sent_is_refused_at_once(handle: WorkerHandle) -> None:
    with pytest.raises(EngineError) as refused:
        ask(handle, "echo", text="\ud800")
    assert refused.value.category is Category.BAD_REQUEST
    assert handle.status().active == 0


async def test_an_answer_that_nobody_reads_is_bounded_and_holds_up_nobody(
    handle: WorkerHandle,
) -> None:
    unread = ask(handle, "flood", frames=200)
    assert (await done(ask(handle, "echo"))).type is MessageType.DONE
    with pytest.raises(EngineError) as refused:
        await done(unread)
    assert refused.value.category is Category.OVERLOADED


async def test_frames_of_an_answer_come_in_order_and_end_with_done(handle: WorkerHandle) -> None:
    frames = [frame async for frame in ask(handle, "echo", word="ä", payload=b"\xff\x00")]
    assert [frame.type for frame in frames] == [MessageType.PARTIAL, MessageType.DONE]
    assert frames[0].fields["data"] == {"word": "ä"}
    assert frames[0].payload == b"\xff\x00"


async def test_errors_of_the_user_pass_through_unwrapped() -> None:
    with pytest.raises(ModelError):
        async with open_compute(LOCAL) as compute:
            await add(compute, start="bad_weights").ready()


async def test_load_counts_what_waits_and_how_long() -> None:
    async with open_compute(LOCAL) as compute:
        assert (compute.load().queued, compute.load().wait_s) == (0, 0.0)
        waiting = ask(add(compute, start="hang"), "echo")
        speculation = ask(add(compute, "b", start="hang"), "echo", priority=Priority.SPECULATION)
        await asyncio.sleep(0.01)
        assert compute.load().queued == 2
        assert compute.load().wait_s >= 0.01
        waiting.cancel()
        assert (compute.load().queued, compute.load().wait_s) == (1, 0.0)
        speculation.cancel()
        assert compute.load().queued == 0


async def test_waits_are_told_by_priority() -> None:
    async with open_compute(LOCAL) as compute:
        handle = add(compute)
        await handle.ready()
        await done(ask(handle, "echo"))
        waiting = [ask(handle, "until_cancelled", priority=Priority.SHADOW) for _ in range(3)]
        await anext(waiting[0])
        assert compute.waiting() == {Priority.SHADOW: 1}
        [family] = compute.waits.collect()
        counts = {
            sample.labels["priority"]: sample.value
            for sample in family.samples
            if sample.name.endswith("_count")
        }
        assert counts == {
            **dict.fromkeys((priority.name.lower() for priority in Priority), 0.0),
            **{"committed": 1.0, "shadow": 2.0},
        }
        assert all(sample.value >= 0.0 for sample in family.samples)
        for job in waiting:
            await job.aclose()


async def test_a_promoted_request_is_computed_before_the_one_that_came_first(
    handle: WorkerHandle,
) -> None:
    holding = [ask(handle, "until_cancelled") for _ in range(2)]
    await anext(holding[0])
    first, second = (ask(handle, "echo", priority=Priority.SPECULATION) for _ in range(2))
    order: list[int] = []

    async def note(job: Job) -> None:
        await done(job)
        order.append(job.id)

    second.promote(Priority.COMMITTED)
    async with asyncio.TaskGroup() as tasks:
        for job in (first, second):
            tasks.create_task(note(job))
        holding[0].cancel()
    assert order == [second.id, first.id]
    second.promote(Priority.COMMITTED)  # it is over: nothing happens
    holding[1].cancel()


async def test_a_promoted_request_is_waited_for_from_then_on() -> None:
    async with open_compute(LOCAL) as compute:
        guess = ask(add(compute, start="hang"), "echo", priority=Priority.SPECULATION)
        await asyncio.sleep(0.02)
        assert compute.load().wait_s == 0.0
        guess.promote(Priority.COMMITTED)
        assert compute.load().wait_s < 0.02
        await asyncio.sleep(0.01)
        assert compute.load().wait_s >= 0.01
        guess.cancel()


async def test_a_worker_never_gets_more_threads_than_there_are_cores() -> None:
    async with open_compute(LOCAL) as compute:
        greedy = compute.add_worker("tts", "greedy", {}, 64, 1, command=COMMAND)
        await greedy.ready()
        assert greedy.status().detail["threads"] == "2"
