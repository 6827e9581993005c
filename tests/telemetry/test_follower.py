import asyncio
import random
from typing import Any

import pytest

from tests.telemetry.journals import entries, greeting, journal_of, one_turn
from tests.telemetry.outcomes import make_facts
from voxd.errors import Category
from voxd.events import EngineSwitched, Kind
from voxd.runtime import background
from voxd.telemetry.follower import LOOK_S, WINDOW, Follower
from voxd.telemetry.journal import Entry, Journal
from voxd.telemetry.latency import TurnTimings, compute_turns
from voxd.telemetry.outcome import CallFacts, Switch, find_switches


class Notes:
    """What an observer was told."""

    def __init__(self) -> None:
        self.turns: list[TurnTimings] = []
        self.switches: list[Switch] = []

    def turn_heard(self, facts: CallFacts, turn: TurnTimings) -> None:
        self.turns.append(turn)

    def engine_switched(self, facts: CallFacts, switch: Switch) -> None:
        self.switches.append(switch)


def times(turns: list[TurnTimings]) -> list[dict[str, Any]]:
    """What is final once a turn's answer was heard; what it cost is not."""
    return [
        {
            name: value
            for name, value in turn.to_json().items()
            if name.endswith(("_ms", "_engine", "_end")) or name in ("turn", "is_premature")
        }
        for turn in turns
    ]


def test_a_turn_is_told_once_its_times_are_final() -> None:
    """It is heard at 10.9 s; whether the caller had gone on is known a little later."""
    notes, facts = Notes(), make_facts()
    follower, journal = Follower([notes]), Journal("CA1")
    for at, item in greeting() + one_turn():
        journal.record(at, item)
    follower.look(facts, journal, 11.0)
    assert notes.turns == []
    follower.look(facts, journal, 11.5)
    follower.look(facts, journal, 12.5)
    assert notes.turns == compute_turns(journal.entries)


def test_every_answered_turn_is_told_once_however_the_looks_fall() -> None:
    recorded = [item for n in range(1, 40) for item in one_turn(n, n + 1, 20.0 * n)]
    for seed in range(20):
        dice, notes, journal = random.Random(seed), Notes(), Journal("CA1")
        follower, facts = Follower([notes]), make_facts()
        for at, item in recorded:
            journal.record(at, item)
            if dice.random() < 0.1:
                follower.look(facts, journal, at + dice.random())
        follower.finish(facts, journal)
        assert times(notes.turns) == times(compute_turns(journal.entries))


def test_a_turn_without_an_answer_is_not_told() -> None:
    notes, journal = Notes(), journal_of("CA1", one_turn()[:7])
    Follower([notes]).finish(make_facts(), journal)
    assert notes.turns == []


def test_the_end_of_a_call_tells_what_no_look_has_seen() -> None:
    notes, journal = Notes(), journal_of("CA1", one_turn())
    Follower([notes]).finish(make_facts(), journal)
    assert [turn.turn for turn in notes.turns] == [1]


def test_a_switch_is_told_with_its_turn() -> None:
    notes, journal, facts = Notes(), journal_of("CA1", one_turn()), make_facts()
    follower = Follower([notes])
    follower.look(facts, journal, 12.0)
    for left in ("first", "second"):
        journal.record(12.5, EngineSwitched(12.5, Kind.TTS, left, "other", Category.SERVER))
    follower.look(facts, journal, 13.0)
    follower.finish(facts, journal)
    assert [(it.left, it.turn) for it in notes.switches] == [("first", 1), ("second", 1)]
    assert notes.switches == list(find_switches(journal.entries, journal.entries[0][0]))


def test_what_a_look_reads_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    """A call of an hour costs a look no more than one of a minute."""
    journal, notes, facts = Journal("CA1"), Notes(), make_facts()
    follower, latest, read = Follower([notes]), journal.latest, []

    def note(count: int) -> list[Entry]:
        read.append(count)
        return latest(count)

    monkeypatch.setattr(journal, "latest", note)
    for n in range(1, 400):
        for at, item in one_turn(n, n + 1, 20.0 * n):
            journal.record(at, item)
        follower.look(facts, journal, 20.0 * n + 15.0)
    assert len(notes.turns) == 399
    assert max(read) <= WINDOW


class Running:
    """One call that runs, or several."""

    def __init__(self, facts: CallFacts, journal: Journal) -> None:
        self.calls = [(facts, journal)]

    def followed(self) -> list[tuple[CallFacts, Journal]]:
        return list(self.calls)

    def is_active(self, call_id: str) -> bool:
        return any(facts.call_id == call_id for facts, _ in self.calls)


async def test_running_calls_are_looked_at_all_the_time() -> None:
    notes, now = Notes(), asyncio.get_running_loop().time()
    journal, facts = Journal("CA1"), make_facts()
    follower = Follower([notes])
    async with background(follower.run(Running(facts, journal))):
        for at, item in one_turn(base=now + 2.0):
            journal.record(at, item)
        await asyncio.sleep(2.0 + 0.9 + 0.5 + LOOK_S)
    assert [turn.turn for turn in notes.turns] == [1]


async def test_a_call_that_ends_while_others_are_looked_at_is_told_of_once() -> None:
    now = asyncio.get_running_loop().time()
    journals = {name: journal_of(name, one_turn(base=now - 5)) for name in ("CA1", "CA2")}
    running = Running(make_facts("CA1"), journals["CA1"])
    running.calls.append((make_facts("CA2"), journals["CA2"]))

    class Ending(Notes):
        def turn_heard(self, facts: CallFacts, turn: TurnTimings) -> None:
            super().turn_heard(facts, turn)
            if facts.call_id == "CA1":
                other, journal = running.calls.pop()
                follower.finish(other, journal)
                follower.forget(other.call_id)

    notes = Ending()
    follower = Follower([notes])
    async with background(follower.run(running)):
        await asyncio.sleep(3 * LOOK_S + 0.5)
    assert len(notes.turns) == 2
    assert follower.followed == 1


async def test_a_call_that_cannot_be_followed_does_not_keep_others_from_it(
    caplog: pytest.LogCaptureFixture,
) -> None:
    notes, now = Notes(), asyncio.get_running_loop().time()
    good = journal_of("CA2", one_turn(base=now))
    running = Running(make_facts("CA1"), None)  # type: ignore[arg-type]
    running.calls.append((make_facts("CA2"), good))
    async with background(Follower([notes]).run(running)):
        await asyncio.sleep(2 * LOOK_S + 0.5)
    assert [turn.turn for turn in notes.turns] == [1]
    assert {record.message for record in caplog.records} == {"a call could not be followed"}


def test_of_a_finished_call_nothing_is_kept() -> None:
    follower = Follower([])
    for n in range(10):
        facts, journal = make_facts(f"CA{n}"), journal_of(f"CA{n}", entries())
        follower.look(facts, journal, 1.0)
        follower.finish(facts, journal)
        assert follower.followed == 1
        follower.forget(facts.call_id)
        follower.forget(facts.call_id)
    assert follower.followed == 0
