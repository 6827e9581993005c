"""How the calls of `v2v` become figures; no call is placed."""

from typing import Any

import pytest

from benches.v2v import find_own_overhead_ms, judge_pauses, sum_up
from voxd.caller.report import CallReport, DaemonTurn, Outcome, TurnReport, TurnStatus


def daemon_turn(**changes: Any) -> DaemonTurn:
    figures: dict[str, Any] = {
        "endpoint_ms": 400.0,
        "stt_latency_ms": 250.0,
        "llm_ttft_ms": 60.0,
        "llm_clause_ms": 100.0,
        "tts_ttfa_ms": 90.0,
        "voice_to_voice_ms": 610.0,
    }
    return DaemonTurn(**{**figures, **changes})


def turn(ms: float, number: int = 1, **changes: Any) -> TurnReport:
    report = TurnReport(number, "x", TurnStatus.ANSWERED)
    report.voice_to_voice_ms, report.daemon, report.is_confirmed = ms, daemon_turn(), True
    for name, value in changes.items():
        setattr(report, name, value)
    return report


def call(*turns: TurnReport) -> CallReport:
    return CallReport("CA1", outcome=Outcome.CONNECTED, turns=list(turns))


def test_promises_are_kept_when_every_turn_is_quick() -> None:
    result = sum_up("free", [call(turn(600), turn(700), turn(650))], [], wait_ms=400)
    assert result.is_good
    assert result.p50_ms == 650
    assert result.first_turn_ratio == pytest.approx(600 / 650)
    assert result.to_json()["is_good"] is True


def test_an_apology_is_no_answer() -> None:
    result = sum_up("free", [call(turn(600), turn(100, is_confirmed=False))], [], wait_ms=400)
    assert result.heard.answered == 1
    assert result.heard.voice_to_voice_ms == (600,)
    assert not result.is_good


def test_a_slow_first_turn_breaks_the_promise() -> None:
    result = sum_up("free", [call(turn(890), turn(600), turn(600))], [], wait_ms=400)
    assert result.first_turn_ratio == pytest.approx(890 / 600)
    assert not result.is_good


def test_the_causal_floor_is_the_larger_of_wait_and_work() -> None:
    assert sum_up("free", [call(turn(600))], [], wait_ms=400).floor_ms == 440
    assert sum_up("free", [call(turn(600))], [], wait_ms=500).floor_ms == 500


def test_own_overhead_is_what_no_stage_explains() -> None:
    assert find_own_overhead_ms([daemon_turn()]) == pytest.approx(610 - 400 - 100 - 90)
    late = daemon_turn(stt_latency_ms=500.0, voice_to_voice_ms=700.0)
    assert find_own_overhead_ms([late]) == pytest.approx(10)


def test_own_overhead_cannot_be_told_when_stages_overlap() -> None:
    assert find_own_overhead_ms([daemon_turn(voice_to_voice_ms=420.0)]) is None
    assert find_own_overhead_ms([daemon_turn(llm_clause_ms=None)]) is None


def test_a_reply_in_the_pause_counts_as_premature_although_the_turn_was_answered() -> None:
    result = judge_pauses(500, call(turn(600), turn(600, is_premature=True)))
    assert (result.turns, result.premature, result.answered) == (2, 1, 2)
