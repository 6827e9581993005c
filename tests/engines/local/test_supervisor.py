"""Real worker processes that crash, hang, babble and are killed: their requests survive."""

import os
import signal
from pathlib import Path

import pytest

from tests.engines.local.workers import LOCAL, add, ask, done
from voxd.engines.local.compute import WorkerHandle, open_compute
from voxd.engines.local.protocol import MessageType
from voxd.errors import Category, EngineError, Phase


@pytest.mark.parametrize("how", ["kill", "stop", "exit", "garbage", "huge_frame"])
async def test_a_request_is_run_again_when_its_worker_is_lost(
    handle: WorkerHandle, tmp_path: Path, how: str
) -> None:
    restarts: list[None] = []
    handle.on_restart(lambda: restarts.append(None))
    first = await done(ask(handle, "echo"))
    again = await done(ask(handle, "once", marker=str(tmp_path / "marker"), how=how))
    assert again.fields["data"]["pid"] != first.fields["data"]["pid"]
    assert len(restarts) == 1
    assert handle.status().restarts == 1


async def test_a_request_over_its_limit_is_run_again_in_another_process(
    handle: WorkerHandle, tmp_path: Path
) -> None:
    job = ask(handle, "once", limit_s=0.3, marker=str(tmp_path / "marker"), how="stuck")
    assert (await done(job)).type is MessageType.DONE


async def test_a_worker_killed_from_outside_while_idle_comes_back(handle: WorkerHandle) -> None:
    pid = (await done(ask(handle, "echo"))).fields["data"]["pid"]
    os.kill(pid, signal.SIGKILL)
    assert (await done(ask(handle, "echo"))).fields["data"]["pid"] != pid


async def test_a_worker_stopped_from_outside_is_replaced(handle: WorkerHandle) -> None:
    pid = (await done(ask(handle, "echo"))).fields["data"]["pid"]
    os.kill(pid, signal.SIGSTOP)
    assert (await done(ask(handle, "echo"))).fields["data"]["pid"] != pid
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)


async def test_a_request_that_kills_two_workers_is_refused(handle: WorkerHandle) -> None:
    bystander = ask(handle, "until_cancelled")
    await anext(bystander)
    killer = ask(handle, "misbehave", how="kill")
    waiting = ask(handle, "echo")
    bystander.cancel()
    with pytest.raises(EngineError) as refused:
        await done(killer)
    assert refused.value.category is Category.BAD_REQUEST
    assert (await done(waiting)).type is MessageType.DONE


async def test_a_half_delivered_answer_is_not_run_again(handle: WorkerHandle) -> None:
    job = ask(handle, "partial_then_die")
    assert (await anext(job)).fields["data"] == {"text": "half"}
    with pytest.raises(EngineError) as lost:
        await anext(job)
    assert (lost.value.category, lost.value.phase) == (Category.CONNECTIVITY, Phase.STREAM)


async def test_a_request_without_retry_fails_with_its_worker(handle: WorkerHandle) -> None:
    with pytest.raises(EngineError) as lost:
        await done(ask(handle, "misbehave", how="kill", retry=False))
    assert lost.value.category is Category.CONNECTIVITY


@pytest.mark.parametrize(
    ("op", "category"), [("refuse", Category.BAD_REQUEST), ("bug", Category.SERVER)]
)
async def test_exceptions_of_a_request_become_errors_and_the_worker_lives(
    handle: WorkerHandle, op: str, category: Category
) -> None:
    with pytest.raises(EngineError) as failed:
        await done(ask(handle, op))
    assert failed.value.category is category
    assert (await done(ask(handle, "echo"))).type is MessageType.DONE
    assert handle.status().restarts == 0


async def test_a_worker_that_hangs_at_start_is_killed() -> None:
    local = LOCAL.model_copy(update={"start_s": 1.0})
    async with open_compute(local) as compute:
        with pytest.raises(EngineError):
            await add(compute, start="hang").ready()
