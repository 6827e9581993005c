"""Who may compute next: examples, then laws over random histories."""

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from voxd.contracts import Priority
from voxd.engines.local.scheduler import Decision, Scheduler, Ticket
from voxd.errors import Category, EngineError

WORKERS = {"stt": (1, 2), "llm": (1, 4), "tts": (1, 2), "big": (2, 1)}
"""name -> (threads, capacity)"""


def ticket(
    id: int, worker: str, priority: Priority = Priority.COMMITTED, deadline: float = 0.0
) -> Ticket:
    return Ticket(id, worker, priority, deadline, at=float(id))


def build(cores: int = 2, queue: int = 32, up: bool = True) -> Scheduler:
    scheduler = Scheduler(cores, queue)
    for name, (threads, capacity) in WORKERS.items():
        if threads <= cores:
            scheduler.add_worker(name, threads, capacity)
            if up:
                scheduler.worker_up(name)
    return scheduler


def ids(tickets: tuple[Ticket, ...] | list[Ticket]) -> list[int]:
    return [found.id for found in tickets]


def test_an_idle_worker_gets_the_request_at_once() -> None:
    assert ids(build().submit(ticket(1, "stt")).dispatch) == [1]


def test_a_worker_that_computes_takes_more_without_more_threads() -> None:
    scheduler = build(cores=1)
    assert ids(scheduler.submit(ticket(1, "llm")).dispatch) == [1]
    assert ids(scheduler.submit(ticket(2, "llm")).dispatch) == [2]
    assert scheduler.threads_granted == 1


@pytest.mark.parametrize(
    ("cores", "computing", "can_spare"),
    [(2, [], True), (2, ["llm"], False), (2, ["stt"], False), (3, ["llm"], True), (1, [], False)],
)
def test_what_may_be_for_nothing_leaves_a_core_free(
    cores: int, computing: list[str], can_spare: bool
) -> None:
    scheduler = build(cores)
    for id, name in enumerate(computing):
        scheduler.submit(ticket(id, name))
    assert scheduler.can_spare("stt") is can_spare


def test_nothing_is_to_spare_while_somebody_waits_or_the_worker_is_down() -> None:
    scheduler = build(cores=4)
    scheduler.worker_down("tts")
    assert not scheduler.can_spare("tts")
    assert scheduler.can_spare("stt")
    scheduler.submit(ticket(1, "tts"))
    assert not scheduler.can_spare("stt")


def test_a_third_worker_waits_for_a_core() -> None:
    scheduler = build(cores=2)
    scheduler.submit(ticket(1, "llm"))
    scheduler.submit(ticket(2, "stt"))
    assert scheduler.submit(ticket(3, "tts")).dispatch == ()
    assert ids(scheduler.finished(2).dispatch) == [3]


def test_capacity_holds_back_only_its_own_worker() -> None:
    scheduler = build(cores=2)
    for id in (1, 2, 3):
        scheduler.submit(ticket(id, "stt"))
    assert ids(scheduler.held("stt")) == [1, 2]
    assert ids(scheduler.submit(ticket(4, "tts", Priority.PROBE)).dispatch) == [4]


def test_nothing_overtakes_a_request_that_waits_for_cores() -> None:
    scheduler = build(cores=2)
    scheduler.submit(ticket(1, "llm"))
    scheduler.submit(ticket(2, "big"))
    assert scheduler.submit(ticket(3, "llm", Priority.SPECULATION)).dispatch == ()
    assert scheduler.submit(ticket(4, "tts", Priority.SPECULATION)).dispatch == ()
    assert ids(scheduler.finished(1).dispatch) == [2]
    assert ids(scheduler.finished(2).dispatch) == [3, 4]


def test_order_is_priority_then_deadline_then_arrival_over_all_kinds() -> None:
    scheduler = build(cores=1)
    scheduler.submit(ticket(1, "stt"))
    scheduler.submit(ticket(2, "tts", Priority.SPECULATION, deadline=1.0))
    scheduler.submit(ticket(3, "llm", Priority.COMMITTED, deadline=9.0))
    scheduler.submit(ticket(4, "tts", Priority.COMMITTED, deadline=5.0))
    scheduler.submit(ticket(5, "llm", Priority.COMMITTED, deadline=5.0))
    order = []
    running = [1]
    while running:
        granted = ids(scheduler.finished(running.pop(0)).dispatch)
        order += granted
        running += granted
    assert order == [4, 5, 3, 2]


def test_a_full_queue_refuses_what_is_least_urgent() -> None:
    scheduler = build(queue=2, up=False)
    scheduler.submit(ticket(1, "stt", Priority.SPECULATION))
    scheduler.submit(ticket(2, "stt", Priority.COMMITTED))
    with pytest.raises(EngineError) as refused:
        scheduler.submit(ticket(3, "stt", Priority.SPECULATION))
    assert refused.value.category is Category.OVERLOADED
    assert ids(scheduler.submit(ticket(4, "stt", Priority.COMMITTED)).refused) == [1]
    assert ids(scheduler.waiting("stt")) == [2, 4]


def test_the_queue_is_bounded_per_worker() -> None:
    scheduler = build(queue=1, up=False)
    scheduler.submit(ticket(1, "stt"))
    scheduler.submit(ticket(2, "tts"))
    with pytest.raises(EngineError):
        scheduler.submit(ticket(3, "tts"))


def test_a_cancelled_request_leaves_the_queue_but_not_its_worker() -> None:
    scheduler = build(cores=1)
    scheduler.submit(ticket(1, "stt"))
    scheduler.submit(ticket(2, "tts"))
    assert scheduler.cancel(2) is not None
    assert scheduler.cancel(1) is None
    assert scheduler.finished(1).dispatch == ()


def test_cancelling_what_waits_for_cores_lets_the_others_go() -> None:
    scheduler = build(cores=2)
    scheduler.submit(ticket(1, "llm"))
    scheduler.submit(ticket(2, "big"))
    scheduler.submit(ticket(3, "tts"))
    decision = scheduler.cancel(2)
    assert decision is not None and ids(decision.dispatch) == [3]


def test_a_promoted_request_goes_before_what_was_more_urgent() -> None:
    scheduler = build(cores=1)
    scheduler.submit(ticket(1, "stt"))
    scheduler.submit(ticket(2, "tts", Priority.SPECULATION, deadline=1.0))
    scheduler.submit(ticket(3, "llm", Priority.COMMITTED, deadline=2.0))
    decision = scheduler.promote(2, Priority.COMMITTED, at=50.0)
    assert decision is not None and decision.dispatch == ()
    (granted,) = scheduler.finished(1).dispatch
    assert (granted.id, granted.priority, granted.at) == (2, Priority.COMMITTED, 50.0)


def test_a_promotion_lets_a_request_past_one_that_waits_for_more_cores() -> None:
    scheduler = build(cores=2)
    scheduler.submit(ticket(1, "llm"))
    scheduler.submit(ticket(2, "big", Priority.GREETING))
    scheduler.submit(ticket(3, "tts", Priority.SPECULATION))
    decision = scheduler.promote(3, Priority.COMMITTED, at=0.0)
    assert decision is not None and ids(decision.dispatch) == [3]


def test_committed_work_goes_before_all_speculation_that_came_earlier() -> None:
    scheduler = build(cores=1)
    scheduler.submit(ticket(1, "stt"))
    for id in range(2, 8):
        scheduler.submit(ticket(id, "tts", Priority.SPECULATION))
    scheduler.submit(ticket(8, "tts", Priority.COMMITTED, deadline=9.0))
    assert ids(scheduler.waiting("tts"))[0] == 8
    assert ids(scheduler.finished(1).dispatch)[0] == 8


def test_a_request_promoted_while_it_computes_is_urgent_when_its_worker_dies() -> None:
    scheduler = build(cores=1)
    scheduler.submit(ticket(1, "tts", Priority.SPECULATION))
    scheduler.submit(ticket(2, "tts", Priority.SPECULATION, deadline=-1.0))
    assert scheduler.promote(1, Priority.COMMITTED, at=0.0) is None
    assert scheduler.promote(99, Priority.COMMITTED, at=0.0) is None
    scheduler.worker_down("tts")
    assert ids(scheduler.waiting("tts")) == [1, 2]


def test_what_a_dead_worker_held_waits_again_in_its_old_place() -> None:
    scheduler = build(cores=1)
    scheduler.submit(ticket(1, "stt"))
    scheduler.submit(ticket(2, "stt"))
    scheduler.submit(ticket(3, "tts"))
    assert ids(scheduler.worker_down("stt", lost=[1]).dispatch) == [3]
    scheduler.finished(3)
    assert ids(scheduler.worker_up("stt").dispatch) == [2]


def test_a_worker_with_more_threads_than_cores_is_refused() -> None:
    with pytest.raises(ValueError):
        Scheduler(1, 1).add_worker("big", 2, 1)


class Histories(RuleBasedStateMachine):
    """Any order of submissions, answers, cancels, deaths and restarts."""

    def __init__(self) -> None:
        super().__init__()
        self.scheduler = build(cores=2, queue=5)
        self.up = set(WORKERS)
        self.running: dict[int, Ticket] = {}
        self.known: dict[int, Ticket] = {}
        self.next_id = 1

    def perform(self, decision: Decision) -> None:
        for refused in decision.refused:
            del self.known[refused.id]
        for one in decision.dispatch:
            assert one.id not in self.running
            assert one.worker in self.up
            self.running[one.id] = one

    @rule(
        worker=st.sampled_from(sorted(WORKERS)),
        priority=st.sampled_from(Priority),
        deadline=st.floats(0, 10),
    )
    def submit(self, worker: str, priority: Priority, deadline: float) -> None:
        new = ticket(self.next_id, worker, priority, deadline)
        self.next_id += 1
        self.known[new.id] = new
        try:
            self.perform(self.scheduler.submit(new))
        except EngineError:
            del self.known[new.id]

    @precondition(lambda self: self.running)
    @rule(data=st.data())
    def answer(self, data: st.DataObject) -> None:
        id = data.draw(st.sampled_from(sorted(self.running)))
        del self.running[id], self.known[id]
        self.perform(self.scheduler.finished(id))

    @precondition(lambda self: self.known)
    @rule(data=st.data())
    def cancel(self, data: st.DataObject) -> None:
        id = data.draw(st.sampled_from(sorted(self.known)))
        decision = self.scheduler.cancel(id)
        assert (decision is None) == (id in self.running)
        if decision is not None:
            del self.known[id]
            self.perform(decision)

    @precondition(lambda self: self.known)
    @rule(data=st.data())
    def promote(self, data: st.DataObject) -> None:
        id = data.draw(st.sampled_from(sorted(self.known)))
        decision = self.scheduler.promote(id, Priority.COMMITTED, at=0.0)
        assert (decision is None) == (id in self.running)
        if decision is not None:
            self.perform(decision)

    @precondition(lambda self: self.up)
    @rule(data=st.data())
    def die(self, data: st.DataObject) -> None:
        worker = data.draw(st.sampled_from(sorted(self.up)))
        self.up.remove(worker)
        self.running = {id: one for id, one in self.running.items() if one.worker != worker}
        self.perform(self.scheduler.worker_down(worker))

    @precondition(lambda self: len(self.up) < len(WORKERS))
    @rule(data=st.data())
    def restart(self, data: st.DataObject) -> None:
        worker = data.draw(st.sampled_from(sorted(set(WORKERS) - self.up)))
        self.up.add(worker)
        self.perform(self.scheduler.worker_up(worker))

    @invariant()
    def threads_never_exceed_cores_nor_requests_capacity(self) -> None:
        held = {name: [r for r in self.running.values() if r.worker == name] for name in WORKERS}
        assert sum(WORKERS[name][0] for name in held if held[name]) <= 2
        assert all(len(held[name]) <= WORKERS[name][1] for name in WORKERS)
        for name in WORKERS:
            assert sorted(ids(self.scheduler.held(name))) == sorted(ids(held[name]))

    @invariant()
    def nothing_is_lost_and_nothing_could_be_granted_that_waits(self) -> None:
        waiting = self.scheduler.waiting()
        assert {one.id for one in waiting} | set(self.running) == set(self.known)
        if not self.running:
            assert all(one.worker not in self.up for one in waiting)

    @invariant()
    def the_most_urgent_that_could_compute_waits_only_for_cores(self) -> None:
        """So that speculation never keeps cores which committed work could have."""
        free = 2 - self.scheduler.threads_granted
        for first in self.scheduler.waiting():
            threads, capacity = WORKERS[first.worker]
            held = self.scheduler.held(first.worker)
            if first.worker in self.up and len(held) < capacity:
                assert not held and threads > free
                break


TestHistories = Histories.TestCase
TestHistories.settings = settings(max_examples=40, stateful_step_count=30, deadline=None)
