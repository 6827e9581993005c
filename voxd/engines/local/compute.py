"""Joins the scheduler, the workers and those who want something computed. No decisions here.

Opened once, by `runtime`; the local engines add their workers and submit jobs::

    handle = compute.add_worker("tts", "piper", options, threads=1, capacity=2)
    await handle.ready()
    job = handle.submit("speak", params, call_id=…, priority=…, deadline=…, limit_s=10.0)
    async with contextlib.aclosing(job):
        async for frame in job: …

A job that waits or computes is in `_jobs` until its worker answered it, also when its caller
has left: until then it computes and its threads are taken.
"""

import asyncio
import contextlib
import itertools
from collections import Counter, deque
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

import orjson
from prometheus_client import Histogram

from voxd.config import Local
from voxd.contracts import EngineStatus, Priority
from voxd.engines.local.handle import Member, WorkerHandle
from voxd.engines.local.job import Job, Work
from voxd.engines.local.process import WorkerSpec, build_command
from voxd.engines.local.protocol import PROMOTE, Frame, MessageType
from voxd.engines.local.scheduler import Decision, Scheduler, Ticket
from voxd.engines.local.supervisor import Supervisor
from voxd.engines.local.watch import judge_request
from voxd.errors import Category, EngineError, Phase, VoxdError
from voxd.events import Kind

__all__ = ["Load", "LocalCompute", "WorkerHandle", "open_compute"]

RECENT = 256
"""Requests over which waits are remembered."""
RECENT_S = 5.0
"""How far back `load` looks at waits."""
WAIT_S = (0.005, 0.02, 0.05, 0.1, 0.2, 0.4, 0.8, 1.5, 3.0, 6.0, 12.0)
"""Buckets of waits; the first holds those that were given to a worker at once."""


@dataclass(frozen=True, slots=True)
class Load:
    """How busy the local models are; admission looks at it."""

    queued: int
    """Requests that wait, over all workers."""
    wait_s: float
    """The longest wait of a request that somebody waits for, among those that wait now and
    those granted in the last 5 s."""


class LocalCompute:
    """All workers of this daemon. Open with `open_compute`."""

    def __init__(self, local: Local) -> None:
        self._local = local
        self._cores = local.core_count()
        self._scheduler = Scheduler(self._cores, local.queue)
        self._members: dict[str, Member] = {}
        self._jobs: dict[int, Job] = {}
        self._tickets: dict[int, Ticket] = {}
        self._ids = itertools.count(1)
        self._recent: deque[tuple[float, float]] = deque(maxlen=RECENT)
        self.waits = Histogram(
            "voxd_local_queue_wait_seconds",
            "How long requests waited until a local worker got them (not those that never did).",
            ("priority",),
            registry=None,
            buckets=WAIT_S,
        )
        """Of those given to a worker so far; each priority by its name in small letters."""
        for priority in Priority:
            self.waits.labels(priority.name.lower())
        self._loop = asyncio.get_running_loop()
        self._now = self._loop.time
        self._running: list[asyncio.Task[None]] = []

    def add_worker(
        self,
        kind: str,
        name: str,
        options: dict[str, Any],
        threads: int,
        capacity: int,
        command: tuple[str, ...] | None = None,
    ) -> WorkerHandle:
        """Start a worker and keep it running; `WorkerHandle.ready` waits for it.

        Args:
            kind: `stt`, `llm`, `tts` or `turn`.
            name: of its engine, unique.
            options: for its `load`; JSON.
            threads: processor threads it computes with; more than the cores become the cores.
            capacity: requests it may hold at once.
            command: what to execute instead of `voxd worker KIND --fd`.
        """
        threads = min(threads, self._cores)
        self._scheduler.add_worker(name, threads, capacity)
        spec = WorkerSpec(
            kind,
            name,
            {**options, "threads": threads, "cores": self._cores},
            threads,
            command or build_command(kind),
        )
        member = Member(name, Kind(kind), Supervisor(spec, self._local, self))
        self._members[name] = member
        self._running.append(self._loop.create_task(member.supervisor.run()))
        return WorkerHandle(member, self.submit, self.status, self.can_spare)

    def waiting(self) -> Counter[Priority]:
        """How many requests wait now."""
        return Counter(ticket.priority for ticket in self._scheduler.waiting())

    def load(self) -> Load:
        """How busy it is now."""
        now = self._now()
        waiting = self._scheduler.waiting()
        waits = [now - ticket.at for ticket in waiting if ticket.priority <= Priority.GREETING]
        waits += [wait_s for at, wait_s in self._recent if now - at <= RECENT_S]
        return Load(len(waiting), max(waits, default=0.0))

    def submit(self, member: Member, work: Work, priority: Priority, deadline: float) -> Job:
        """See `WorkerHandle.submit`."""
        if member.hopeless is not None:
            raise EngineError(
                member.name, Category.CONNECTIVITY, Phase.CONNECT, "its worker does not come up"
            ) from member.hopeless
        try:
            orjson.dumps(work.params)
        except TypeError as error:  # such as a lone surrogate; found here, not when it is sent
            raise EngineError(
                member.name, Category.BAD_REQUEST, Phase.CONNECT, "cannot be written as JSON"
            ) from error
        ticket = Ticket(next(self._ids), member.name, priority, deadline, self._now())
        job = Job(ticket.id, member.name, work, self._close, self._promote)
        self._jobs[ticket.id] = job
        self._tickets[ticket.id] = ticket
        try:
            decision = self._scheduler.submit(ticket)
        except EngineError:
            self._forget(ticket.id)
            raise
        self._perform(decision)
        return job

    def status(self, member: Member) -> EngineStatus:
        """See `WorkerHandle.status`."""
        queued = len(self._scheduler.waiting(member.name))
        return member.status(queued, active=len(self._scheduler.held(member.name)))

    def can_spare(self, member: Member) -> bool:
        """See `WorkerHandle.can_spare`."""
        return self._scheduler.can_spare(member.name)

    async def close(self) -> None:
        """End all workers and fail what is still wanted."""
        for task in self._running:
            task.cancel()
        await asyncio.gather(*self._running, return_exceptions=True)
        for job in list(self._jobs.values()):
            job.fail(job.error(Category.CONNECTIVITY, Phase.STREAM, "voxd is stopping"))

    # --- what supervisors tell (supervisor.Owner)

    def worker_up(self, name: str, is_restart: bool) -> None:
        member = self._members[name]
        member.hopeless = None
        member.settled.set()
        if is_restart:
            for callback in member.on_restart:
                callback()
        self._perform(self._scheduler.worker_up(name))

    def worker_down(self, name: str, computing: set[int]) -> None:
        self._members[name].settled.clear()
        lost = []
        for ticket in self._scheduler.held(name):
            job = self._jobs[ticket.id]
            job.deaths += ticket.id in computing
            failure = judge_request(job.deaths, job.has_delivered, job.work.retry)
            if failure is not None:
                job.fail(job.error(*failure))
            if job.is_over:
                lost.append(ticket.id)
                self._forget(ticket.id)
        self._perform(self._scheduler.worker_down(name, lost))

    def worker_hopeless(self, name: str, error: VoxdError) -> None:
        member = self._members[name]
        member.hopeless = error
        member.settled.set()
        for ticket in self._scheduler.waiting(name):
            self._scheduler.cancel(ticket.id)
            job = self._forget(ticket.id)
            job.fail(job.error(Category.CONNECTIVITY, Phase.CONNECT, "its worker does not come up"))

    def worker_said(self, name: str, frame: Frame) -> None:
        job = self._jobs.get(frame.id)
        if job is None:
            return
        if frame.type is MessageType.ERROR:
            phase = Phase.STREAM if job.has_delivered else Phase.FIRST_RESULT
            category = _decode_category(frame.fields.get("category"))
            job.fail(job.error(category, phase, str(frame.fields.get("message"))))
        else:
            if not job.has_delivered:
                self._members[name].recent.record(self._now() - self._tickets[job.id].at)
            job.deliver(frame)
        if frame.type is not MessageType.PARTIAL:
            self._forget(frame.id)
            self._perform(self._scheduler.finished(frame.id))

    # --- performing

    def _perform(self, decision: Decision) -> None:
        now = self._now()
        for ticket in decision.refused:
            job = self._forget(ticket.id)
            job.fail(job.error(Category.OVERLOADED, Phase.CONNECT, "its queue is full"))
        for ticket in decision.dispatch:
            self.waits.labels(ticket.priority.name.lower()).observe(max(0.0, now - ticket.at))
            if ticket.priority <= Priority.GREETING:
                self._recent.append((now, now - ticket.at))
            work = self._jobs[ticket.id].work
            fields = {
                "op": work.op,
                "params": work.params,
                "call_id": work.call_id,
                "priority": int(ticket.priority),
                "deadline": ticket.deadline,
                "limit_s": work.limit_s,
            }
            self._members[ticket.worker].supervisor.request(ticket.id, fields, work.payload)

    def _close(self, job: Job) -> None:
        """The caller of a job has left before it was answered."""
        decision = self._scheduler.cancel(job.id)
        if decision is not None:
            self._forget(job.id)
            self._perform(decision)
        elif job.id in self._jobs:
            self._members[job.worker].supervisor.cancel(job.id)

    def _promote(self, job: Job, priority: Priority) -> None:
        """The caller of a job is in a hurry now: the next choice counts it so, here or there."""
        decision = self._scheduler.promote(job.id, priority, self._now())
        if decision is not None:
            self._perform(decision)
        else:
            params = {"id": job.id, "priority": int(priority)}
            self._members[job.worker].supervisor.notify(PROMOTE, params)

    def _forget(self, job_id: int) -> Job:
        self._tickets.pop(job_id)
        return self._jobs.pop(job_id)


def _decode_category(word: object) -> Category:
    """`cancelled` never gets here for a job that is still wanted."""
    known = {category.value: category for category in Category}
    return known.get(str(word), Category.SERVER)


@contextlib.asynccontextmanager
async def open_compute(local: Local) -> AsyncIterator[LocalCompute]:
    """Everything for computing on this machine; leaving ends all workers."""
    # No TaskGroup: around a `yield` it would wrap the errors of whoever uses this.
    compute = LocalCompute(local)
    try:
        yield compute
    finally:
        await compute.close()
