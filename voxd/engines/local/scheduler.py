"""Who may compute next: the one decision over all local models. Pure; used by `compute`.

A worker computes with a fixed number of threads as long as it holds any request; the threads of
all workers that compute never exceed the cores (two models with two threads each on two cores
are nine times slower than with one thread each). The language model alone borrows a core that is
idle, for one step at a time (`step_plan.choose_threads`). What is granted is *room at a worker*:

1. Requests are looked at in the order priority, deadline, arrival, over all workers.
2. One whose worker is down or at its capacity waits and holds nobody up: it waits for that
   worker only, whose threads are spent either way.
3. One whose worker already computes is granted: it needs no more threads.
4. One whose worker is idle is granted when its threads fit into the free cores. When they do
   not, nothing behind it is granted: otherwise less urgent work could keep the cores for ever.

Every method returns what is to be dispatched now; the caller (a shell) only performs it.
"""

from collections.abc import Collection
from dataclasses import dataclass, field, replace

from voxd.contracts import Priority
from voxd.errors import Category, EngineError, Phase


@dataclass(frozen=True, slots=True)
class Ticket:
    """One request, as far as the scheduler needs to know it."""

    id: int
    """Unique over all workers; grows with arrival."""
    worker: str
    priority: Priority
    deadline: float
    """Seconds, loop clock; earlier goes first within a priority."""
    at: float
    """Seconds, loop clock, of its arrival, or of its promotion."""

    @property
    def urgency(self) -> tuple[int, float, int]:
        """Smaller goes first."""
        return (self.priority, self.deadline, self.id)


@dataclass(frozen=True, slots=True)
class Decision:
    """What follows from one change."""

    dispatch: tuple[Ticket, ...] = ()
    """Hand these to their workers now."""
    refused: tuple[Ticket, ...] = ()
    """These gave up their place in a full queue to a more urgent request."""


@dataclass(slots=True)
class _Worker:
    threads: int
    capacity: int
    is_up: bool = False
    held: dict[int, Ticket] = field(default_factory=dict)


class Scheduler:
    """The waiting and the granted requests of all workers."""

    def __init__(self, cores: int, queue: int) -> None:
        """
        Args:
            cores: most threads that may be granted at a time.
            queue: most requests that may wait per worker.
        """
        self._cores = cores
        self._queue = queue
        self._workers: dict[str, _Worker] = {}
        self._waiting: dict[int, Ticket] = {}

    def add_worker(self, name: str, threads: int, capacity: int) -> None:
        """Make a worker known; it is down until `worker_up`.

        Raises:
            ValueError: the name is taken, or its threads could never be granted.
        """
        if name in self._workers:
            raise ValueError(f"worker {name!r} exists")
        if not 1 <= threads <= self._cores or capacity < 1:
            raise ValueError(f"worker {name!r} needs {threads} of {self._cores} cores")
        self._workers[name] = _Worker(threads, capacity)

    def worker_up(self, name: str) -> Decision:
        """The worker is ready."""
        self._workers[name].is_up = True
        return self._grant()

    def worker_down(self, name: str, lost: Collection[int] = ()) -> Decision:
        """The worker is gone. What it held waits again, in its old place, but for `lost`."""
        worker = self._workers[name]
        worker.is_up = False
        for ticket in worker.held.values():
            if ticket.id not in lost:
                self._waiting[ticket.id] = ticket
        worker.held.clear()
        return self._grant()

    def submit(self, ticket: Ticket) -> Decision:
        """A new request.

        Raises:
            EngineError: (overloaded) the worker's queue is full of requests that are at least
                as urgent; otherwise the least urgent one is refused in its favour.
        """
        self._waiting[ticket.id] = ticket
        decision = self._grant()
        queue = [other for other in self._waiting.values() if other.worker == ticket.worker]
        if len(queue) <= self._queue:
            return decision
        last = max(queue, key=lambda other: other.urgency)
        del self._waiting[last.id]
        if last is ticket:
            raise EngineError(
                ticket.worker, Category.OVERLOADED, Phase.CONNECT, "its queue is full"
            )
        return Decision(decision.dispatch + self._grant().dispatch, (last,))

    def cancel(self, ticket_id: int) -> Decision | None:
        """Forget a waiting request; others may have waited behind it.

        None: it is not waiting. A granted one stays granted until its worker answers, because
        until then it computes.
        """
        if self._waiting.pop(ticket_id, None) is None:
            return None
        return self._grant()

    def promote(self, ticket_id: int, priority: Priority, at: float) -> Decision | None:
        """A request has become more urgent: it counts with its new priority from now on.

        Args:
            at: seconds, loop clock; what it has waited so far, nobody waited for.

        Returns:
            None: it is not waiting. One that was granted keeps the priority for the case that
            its worker dies and it waits again.
        """
        ticket = self._waiting.get(ticket_id)
        if ticket is not None:
            self._waiting[ticket_id] = replace(ticket, priority=priority, at=at)
            return self._grant()
        for worker in self._workers.values():
            if ticket_id in worker.held:
                worker.held[ticket_id] = replace(worker.held[ticket_id], priority=priority)
        return None

    def finished(self, ticket_id: int) -> Decision:
        """A granted request was answered."""
        for worker in self._workers.values():
            worker.held.pop(ticket_id, None)
        return self._grant()

    def waiting(self, name: str | None = None) -> list[Ticket]:
        """The requests that wait (for one worker, or all), most urgent first."""
        found = [t for t in self._waiting.values() if name is None or t.worker == name]
        return sorted(found, key=lambda ticket: ticket.urgency)

    def held(self, name: str) -> list[Ticket]:
        """The requests that were granted to a worker and are not answered."""
        return list(self._workers[name].held.values())

    def can_spare(self, name: str) -> bool:
        """Whether work that may be for nothing takes nothing from anybody now: nobody waits, this
        worker is idle, and beside it a core would still be free. Who comes later may have to wait
        for its end."""
        worker = self._workers[name]
        is_idle = worker.is_up and not worker.held and not self._waiting
        return is_idle and self.threads_granted + worker.threads < self._cores

    @property
    def threads_granted(self) -> int:
        """Threads of all workers that hold a request; never above the cores."""
        return sum(worker.threads for worker in self._workers.values() if worker.held)

    def _grant(self) -> Decision:
        granted = []
        free = self._cores - self.threads_granted
        for ticket in self.waiting():
            worker = self._workers[ticket.worker]
            if not worker.is_up or len(worker.held) >= worker.capacity:
                continue
            needed = 0 if worker.held else worker.threads
            if needed > free:
                break
            free -= needed
            worker.held[ticket.id] = self._waiting.pop(ticket.id)
            granted.append(ticket)
        return Decision(tuple(granted))
