"""An engine's way to its worker, and what is remembered about a worker. No decisions.

`compute` makes one handle per worker and gives it to the engine that asked for it.
"""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from voxd.contracts import EngineState, EngineStatus, Priority
from voxd.engines.local.job import Job, Work
from voxd.engines.local.supervisor import Supervisor
from voxd.engines.recent import RecentLatencies
from voxd.errors import VoxdError
from voxd.events import Kind


@dataclass(slots=True, eq=False)
class Member:
    """One worker and what is remembered about it."""

    name: str
    kind: Kind
    supervisor: Supervisor
    settled: asyncio.Event = field(default_factory=asyncio.Event)
    """Set while it is up or hopeless."""
    hopeless: VoxdError | None = None
    recent: RecentLatencies = field(default_factory=RecentLatencies)
    on_restart: list[Callable[[], None]] = field(default_factory=list)

    def status(self, queued: int, active: int) -> EngineStatus:
        """The worker for `/health`."""
        state = EngineState.HEALTHY if self.supervisor.is_up else EngineState.STARTING
        if self.hopeless is not None:
            state = EngineState.EJECTED
        return EngineStatus(
            self.name,
            self.kind,
            state,
            queued=queued,
            active=active,
            restarts=max(0, self.supervisor.starts - 1),
            latency_p50_s=self.recent.percentile(0.50),
            latency_p95_s=self.recent.percentile(0.95),
            detail=dict(self.supervisor.info),
        )


Submit = Callable[[Member, Work, Priority, float], Job]
Status = Callable[[Member], EngineStatus]
CanSpare = Callable[[Member], bool]


class WorkerHandle:
    """An engine's way to its worker."""

    def __init__(self, member: Member, submit: Submit, status: Status, can_spare: CanSpare) -> None:
        self._member = member
        self._submit = submit
        self._status = status
        self._can_spare = can_spare

    async def ready(self) -> None:
        """Return once the worker can compute.

        Raises:
            ModelError: its weights cannot be used.
            EngineError: it does not come up.
        """
        await self._member.settled.wait()
        if self._member.hopeless is not None:
            raise self._member.hopeless

    def submit(
        self,
        op: str,
        params: dict[str, Any],
        payload: bytes = b"",
        *,
        call_id: str,
        priority: Priority,
        deadline: float,
        limit_s: float,
        retry: bool = True,
    ) -> Job:
        """Ask for something; returns at once.

        Args:
            deadline: seconds, loop clock; the earlier one is computed first within a priority.
            limit_s: computing longer than this kills the worker.
            retry: run it again once when the worker dies before it delivered anything.

        Raises:
            EngineError: (overloaded) the queue is full, (connectivity) there is no worker, or
                (bad request) `params` cannot be written as JSON.
        """
        work = Work(op, params, payload, call_id, limit_s, retry)
        return self._submit(self._member, work, priority, deadline)

    def can_spare(self) -> bool:
        """Whether it may compute now what is perhaps for nothing; see `Scheduler.can_spare`."""
        return self._can_spare(self._member)

    def notify(self, op: str, params: dict[str, Any]) -> None:
        """Tell the worker something that needs no answer; lost when it is down."""
        self._member.supervisor.notify(op, params)

    def on_restart(self, callback: Callable[[], None]) -> None:
        """Call this whenever a new process took over, before it gets any request: whatever the
        old one held in memory is gone."""
        self._member.on_restart.append(callback)

    def status(self) -> EngineStatus:
        """The worker for `/health`."""
        return self._status(self._member)
