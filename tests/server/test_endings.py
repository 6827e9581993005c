import asyncio
import threading
from datetime import UTC, datetime
from typing import Any

import pytest

from tests.fakes.call import Stage, make_runtime
from tests.server.harness import serving
from tests.server.test_turns import calling
from tests.telemetry.journals import journal_of, one_turn
from tests.telemetry.outcomes import make_facts
from voxd.events import EndReason
from voxd.server.endings import end_call
from voxd.telemetry.follower import Follower
from voxd.telemetry.journal import Journal
from voxd.telemetry.latency import TurnTimings
from voxd.telemetry.outcome import CallFacts, CallOutcome, Switch


class Notes:
    """What an observer was told, in order."""

    def __init__(self) -> None:
        self.told: list[str] = []
        self.outcomes: list[CallOutcome] = []

    def turn_heard(self, facts: CallFacts, turn: TurnTimings) -> None:
        self.told.append(f"turn {turn.turn}")

    def engine_switched(self, facts: CallFacts, switch: Switch) -> None:
        raise AssertionError("no engine was left")

    def call_finished(self, outcome: CallOutcome) -> None:
        self.told.append("finished")
        self.outcomes.append(outcome)


def runtime_telling(notes: Any) -> Any:
    return make_runtime(Stage(), follower=Follower([notes]), observers=(notes,))


async def test_a_call_is_told_of_once_with_its_turns_before_it() -> None:
    notes, now = Notes(), asyncio.get_running_loop().time()
    runtime = runtime_telling(notes)
    journal = journal_of("CA1", one_turn())
    await end_call(runtime, make_facts(), journal, EndReason.AGENT_HUNG_UP, now)
    assert notes.told == ["turn 1", "finished"]
    (outcome,) = notes.outcomes
    assert (outcome.call_id, outcome.reason) == ("CA1", EndReason.AGENT_HUNG_UP)
    assert runtime.calls.end_reason("CA1") is EndReason.AGENT_HUNG_UP


async def test_whoever_holds_it_lets_go_in_the_moment_in_which_it_is_over() -> None:
    """A request of the same call finds it running, or over; never unknown."""
    notes, now = Notes(), asyncio.get_running_loop().time()
    runtime, held = runtime_telling(notes), []

    def let_go() -> None:
        held.append((list(notes.told), runtime.calls.end_reason("CA1")))

    reason = EndReason.AGENT_HUNG_UP
    await end_call(runtime, make_facts(), Journal("CA1"), reason, now, let_go)
    assert held == [(["finished"], None)]
    assert runtime.calls.end_reason("CA1") is reason


async def test_a_call_on_a_media_stream_is_told_of() -> None:
    notes = Notes()
    async with serving() as server:
        object.__setattr__(server.runtime, "observers", (notes,))
        async with server.call("CA1") as socket:
            await socket.receive()
            ((facts, _),) = server.runtime.calls.followed()
        assert await server.runtime.calls.wait_finished("CA1", 10.0)
    (outcome,) = notes.outcomes
    assert (outcome.call_id, outcome.transport, outcome.caller) == ("CA1", "stream", "+15550100")
    assert (outcome.tier, outcome.direction) == ("test", "inbound")
    assert outcome.reason is EndReason.LINE_LOST
    assert outcome.started_at == facts.started_at <= datetime.now(UTC)
    assert 0 <= outcome.duration_s < 60


async def test_a_call_in_turns_is_told_of_with_its_turns() -> None:
    notes = Notes()
    async with calling() as twilio:
        runtime = twilio.server.runtime
        object.__setattr__(runtime, "observers", (notes,))
        await twilio.dial()
        await twilio.say("What are your hours?")
        await twilio.post(twilio.last.gather["action"], {"CallStatus": "completed"})
        assert await runtime.calls.wait_finished("CA1", 10.0)
    (outcome,) = notes.outcomes
    assert (outcome.transport, outcome.reason) == ("turns", EndReason.CALLER_HUNG_UP)
    assert [turn.transcript for turn in outcome.turns] == ["What are your hours?"]


async def test_a_call_that_was_never_built_is_told_of_as_well() -> None:
    notes, now = Notes(), asyncio.get_running_loop().time()
    await end_call(runtime_telling(notes), make_facts(), None, EndReason.BUG, now)
    assert notes.told == ["finished"]


class Broken(Notes):
    """An observer with a bug."""

    def turn_heard(self, facts: CallFacts, turn: TurnTimings) -> None:
        raise RuntimeError("scripted")

    def call_finished(self, outcome: CallOutcome) -> None:
        raise RuntimeError("scripted")


async def test_a_bug_of_one_observer_keeps_the_call_from_no_other(
    caplog: pytest.LogCaptureFixture,
) -> None:
    notes, records, now = Notes(), Notes(), asyncio.get_running_loop().time()
    broken = Broken()
    runtime: Any = make_runtime(
        Stage(),
        follower=Follower([broken, notes]),
        observers=(broken, notes),
        records=records,
    )
    journal = journal_of("CA1", one_turn())
    await end_call(runtime, make_facts(), journal, EndReason.CALLER_HUNG_UP, now)
    assert notes.told == ["turn 1", "finished"]
    assert records.told == ["finished"]
    assert runtime.calls.end_reason("CA1") is EndReason.CALLER_HUNG_UP
    assert [record.message for record in caplog.records] == ["an observer failed"] * 2


async def test_a_call_whose_figures_nobody_can_compute_is_told_of_without(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def fail(entries: Any) -> list[TurnTimings]:
        if entries:
            raise RuntimeError("scripted")
        return []

    monkeypatch.setattr("voxd.telemetry.outcome.compute_turns", fail)
    notes, now = Notes(), asyncio.get_running_loop().time()
    runtime: Any = make_runtime(Stage(), observers=(notes,))
    journal = journal_of("CA1", one_turn())
    await end_call(runtime, make_facts(), journal, EndReason.CALLER_HUNG_UP, now)
    (outcome,) = notes.outcomes
    assert (outcome.call_id, outcome.turns) == ("CA1", ())
    assert runtime.calls.end_reason("CA1") is EndReason.CALLER_HUNG_UP
    assert runtime.follower.followed == 0
    assert [record.message for record in caplog.records] == ["call was not concluded"]


async def test_what_a_long_call_gives_to_write_and_count_is_no_work_of_the_loop() -> None:
    class Elsewhere(Notes):
        def call_finished(self, outcome: CallOutcome) -> None:
            self.told.append(threading.current_thread().name)

    notes, now = Elsewhere(), asyncio.get_running_loop().time()
    await end_call(runtime_telling(notes), make_facts(), None, EndReason.BUG, now)
    assert notes.told != [threading.current_thread().name]
