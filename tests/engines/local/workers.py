"""Real worker processes without a model, for the tests of what is around them."""

import sys
from typing import Any

from voxd.config import Local
from voxd.contracts import Priority
from voxd.engines.local.compute import LocalCompute, WorkerHandle
from voxd.engines.local.job import Job
from voxd.engines.local.protocol import Frame

COMMAND = (sys.executable, "-m", "tests.engines.local.misbehaving_worker")
LOCAL = Local(cores=2, heartbeat_s=0.1, silent_s=1.0, start_s=30, restart_max_s=0.2, queue=4)


def add(compute: LocalCompute, name: str = "worker", **options: Any) -> WorkerHandle:
    """Start a worker with these load options."""
    return compute.add_worker("tts", name, options, 1, 2, command=COMMAND)


def ask(
    handle: WorkerHandle,
    op: str,
    limit_s: float = 20.0,
    payload: bytes = b"",
    retry: bool = True,
    priority: Priority = Priority.COMMITTED,
    **params: Any,
) -> Job:
    """Submit a request."""
    return handle.submit(
        op,
        params,
        payload,
        call_id="call",
        priority=priority,
        deadline=0.0,
        limit_s=limit_s,
        retry=retry,
    )


async def done(job: Job) -> Frame:
    """The job's last frame."""
    frame = await job.result()
    assert frame is not None
    return frame
