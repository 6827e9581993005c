"""The failover bench: what it chooses, and how calls become figures."""

import math

import pytest

from benches.failover import (
    FAULT_TURN,
    MAX_EXTRA_MS,
    Calls,
    Row,
    choose_faults,
    find_normal,
    longest_hole_ms,
)
from benches.faults import FAULT_NAMES, STAGES
from benches.replies import Heard
from voxd.caller.report import CallReport, Hole, TurnReport, TurnStatus


def report(*voice_to_voice_ms: float | None) -> CallReport:
    """A call with these answers, a turn every ten seconds."""
    turns = []
    for number, ms in enumerate(voice_to_voice_ms, 1):
        status = TurnStatus.ANSWERED if ms is not None else TurnStatus.UNANSWERED
        turn = TurnReport(number, "said", status, voice_to_voice_ms=ms)
        turn.speech_start_s = number * 10.0
        turn.answer_s = None if ms is None else number * 10.0 + 2.0 + ms / 1000
        turns.append(turn)
    return CallReport("CA1", turns=turns)


def row(**changed: object) -> Row:
    usual: dict[str, object] = {
        "stage": "stt",
        "fault": "stall",
        "engines": ("a", "b", "c"),
        "answered": True,
        "extra_ms": 500.0,
        "hole_ms": 0.0,
        "question": Heard("", 0, 0, 0),
        "reply": Heard("", 1, 0, 1),
        "next_call_ms": 0.0,
        "next_hole_ms": 0.0,
        "next_engine": "a",
    }
    return Row(**(usual | changed))  # type: ignore[arg-type]


def test_every_stage_knows_the_same_faults() -> None:
    assert all(tuple(faults) == FAULT_NAMES for faults in STAGES.values())
    assert len(choose_faults((), ())) == 24


def test_what_was_named_is_chosen() -> None:
    assert choose_faults(("tts",), ()) == [("tts", fault) for fault in FAULT_NAMES]
    assert choose_faults(("stt", "llm"), ("401",)) == [("stt", "401"), ("llm", "401")]


def test_normal_is_the_median_of_each_turn_over_all_calls() -> None:
    calls = Calls(report(800.0, 900.0, 1000.0), report(700.0), ({}, {}))
    other = Calls(report(900.0, 920.0, None), report(None), ({}, {}))
    assert find_normal([calls, other]) == (800.0, 910.0, 1000.0)
    assert math.isnan(find_normal([Calls(report(None), report(None), ({}, {}))])[0])


def test_only_a_hole_in_the_answer_to_the_fault_counts() -> None:
    call = report(800.0, 900.0, 800.0)
    begin = call.turns[FAULT_TURN].answer_s or 0.0
    call.holes = [Hole(5.0, 900.0), Hole(begin + 1, 200.0), Hole(begin + 2, 300.0)]
    call.holes.append(Hole((call.turns[FAULT_TURN + 1].answer_s or 0.0) + 1, 700.0))
    assert longest_hole_ms(call, FAULT_TURN) == 300.0
    assert longest_hole_ms(call, FAULT_TURN + 1) == 700.0
    assert longest_hole_ms(report(None), 0) == 0.0


@pytest.mark.parametrize(
    ("changed", "is_good"),
    [
        ({}, True),
        ({"extra_ms": MAX_EXTRA_MS + 1}, False),
        ({"extra_ms": None}, False),
        ({"hole_ms": MAX_EXTRA_MS + 1}, False),
        ({"answered": False}, False),
        ({"question": Heard("", 1, 0, 0)}, False),
        ({"reply": Heard("", 0, 1, 0)}, False),
        ({"reply": None}, True),
    ],
)
def test_what_breaks_the_promise(changed: dict[str, object], is_good: bool) -> None:
    assert row(**changed).is_good is is_good
