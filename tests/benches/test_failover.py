"""The failover bench: what it chooses, and how calls become figures."""

import math

from benches.failover import (
    FAULT_TURN,
    Calls,
    choose_faults,
    find_normal,
    longest_hole_ms,
)
from benches.faults import MATRIX, MID_STREAM, SCENARIOS
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


def calls_of(first: CallReport, following: CallReport | None) -> Calls:
    return Calls(first, FAULT_TURN, following, ({}, {}), ())


def test_every_stage_knows_the_same_faults() -> None:
    names = tuple(MATRIX["stt"])
    assert all(tuple(faults) == names for faults in MATRIX.values())
    assert len(choose_faults((), (), matrix=True)) == 24
    assert set(choose_faults((), (), matrix=True)) < set(choose_faults((), ()))


def test_every_pair_of_stages_fails_in_every_combination() -> None:
    pairs = {stage: tuple(faults) for stage, faults in SCENARIOS.items() if "+" in stage}
    assert set(pairs) == {"stt+llm", "stt+tts", "llm+tts"}
    both = {f"{one}+{other}" for one in MID_STREAM for other in MID_STREAM}
    assert all(set(faults) == both for faults in pairs.values())


def test_what_was_named_is_chosen() -> None:
    assert choose_faults(("tts",), ()) == [("tts", fault) for fault in SCENARIOS["tts"]]
    assert choose_faults(("stt", "llm"), ("401",)) == [("stt", "401"), ("llm", "401")]


def test_normal_is_the_median_of_each_turn_over_all_calls() -> None:
    calls = calls_of(report(800.0, 900.0, 1000.0), report(700.0))
    other = calls_of(report(900.0, 920.0, None), report(None))
    assert find_normal([calls, other]) == (800.0, 910.0, 1000.0)
    assert math.isnan(find_normal([calls_of(report(None), None)])[0])


def test_only_a_hole_in_the_answer_to_the_fault_counts() -> None:
    call = report(800.0, 900.0, 800.0)
    begin = call.turns[FAULT_TURN].answer_s or 0.0
    call.holes = [Hole(5.0, 900.0), Hole(begin + 1, 200.0), Hole(begin + 2, 300.0)]
    call.holes.append(Hole((call.turns[FAULT_TURN + 1].answer_s or 0.0) + 1, 700.0))
    assert longest_hole_ms(call, FAULT_TURN) == 300.0
    assert longest_hole_ms(call, FAULT_TURN + 1) == 700.0
    assert longest_hole_ms(report(None), 0) == 0.0
