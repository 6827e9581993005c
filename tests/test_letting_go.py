"""A cancelled task is freed with its last reference, and not by the collector."""

import asyncio
import gc
import weakref

import pytest

from voxd.letting_go import let_go


class Known:
    """What a task knows."""

    def __init__(self) -> None:
        self.task: asyncio.Task[None]

    async def wait_in_group(self) -> None:
        async with asyncio.TaskGroup():
            await asyncio.Event().wait()


@pytest.mark.parametrize("lets_go", [True, False])
async def test_what_a_cancelled_task_knew_is_freed_at_once(lets_go: bool) -> None:
    gc.disable()
    try:
        known = Known()
        known.task = asyncio.get_running_loop().create_task(known.wait_in_group())
        if lets_go:
            known.task.add_done_callback(let_go)
        await asyncio.sleep(0)
        known.task.cancel()
        await asyncio.wait([known.task])
        await asyncio.sleep(0)
        reference = weakref.ref(known)
        del known
        assert (reference() is None) == lets_go
    finally:
        gc.enable()


async def test_a_task_that_ended_by_itself_keeps_its_result_and_its_error() -> None:
    async def fail() -> None:
        raise ValueError("kept")

    task = asyncio.get_running_loop().create_task(fail())
    task.add_done_callback(let_go)
    with pytest.raises(ValueError, match="kept") as caught:
        await task
    assert caught.traceback[-1].name == "fail"
