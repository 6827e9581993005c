"""What an engine is told about a worker that does not come up, or comes up again."""

import pytest

from tests.engines.local.workers import LOCAL, add, ask, done
from voxd.contracts import EngineState
from voxd.engines.local.compute import WorkerHandle, open_compute
from voxd.engines.local.protocol import MessageType
from voxd.errors import Category, EngineError, ModelError


async def test_bad_weights_at_the_first_start_are_final() -> None:
    async with open_compute(LOCAL) as compute:
        with pytest.raises(ModelError, match="damaged"):
            await add(compute, start="bad_weights").ready()
        with pytest.raises(ModelError, match="no such library"):
            await add(compute, "other", start="bug").ready()


async def test_a_worker_that_exits_at_start_is_given_up_after_some_tries() -> None:
    async with open_compute(LOCAL) as compute:
        handle = add(compute, start="exit")
        early = ask(handle, "echo")
        with pytest.raises(EngineError) as hopeless:
            await handle.ready()
        assert hopeless.value.category is Category.CONNECTIVITY
        with pytest.raises(EngineError):
            await done(early)
        with pytest.raises(EngineError):
            ask(handle, "echo")
        assert handle.status().state is EngineState.EJECTED


async def test_a_notice_to_a_worker_that_is_down_is_dropped() -> None:
    async with open_compute(LOCAL) as compute:
        handle = add(compute)
        handle.notify("release", {"call_id": "call"})
        await handle.ready()
        handle.notify("release", {"call_id": "call"})
        assert (await done(ask(handle, "echo"))).type is MessageType.DONE


async def test_status_has_the_latency_of_what_was_answered(handle: WorkerHandle) -> None:
    assert handle.status().latency_p50_s is None
    await done(ask(handle, "echo"))
    latency_s = handle.status().latency_p50_s
    assert latency_s is not None and latency_s > 0
    assert handle.status().state is EngineState.HEALTHY
