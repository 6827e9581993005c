"""How the calls of `v2v` become figures; no call is placed."""

from typing import Any

import pytest

from benches.v2v import judge_pauses, show, sum_up
from tests.benches.test_floor import daemon_turn
from voxd.caller.report import CallReport, Outcome, TurnReport, TurnStatus


def turn(ms: float, number: int = 1, **changes: Any) -> TurnReport:
    report = TurnReport(number, "x", TurnStatus.ANSWERED)
    report.voice_to_voice_ms, report.daemon, report.is_confirmed = ms, daemon_turn(), True
    for name, value in changes.items():
        setattr(report, name, value)
    return report


def call(*turns: TurnReport) -> CallReport:
    return CallReport("CA1", outcome=Outcome.CONNECTED, turns=list(turns))


def test_promises_are_kept_when_every_turn_is_quick() -> None:
    result = sum_up("free", [call(turn(480), turn(500), turn(490))], [], wait_ms=400)
    assert result.is_good
    assert (result.p50_ms, result.floor_ms, result.own_cost_ms) == (490, 440, 50)
    assert result.first_turn_ratio == pytest.approx(480 / 490)
    assert result.to_json()["is_good"] is True


def test_much_above_the_floor_is_a_broken_promise_however_soon() -> None:
    result = sum_up("free", [call(turn(510), turn(510))], [], wait_ms=400)
    assert result.own_cost_ms == 70
    assert not result.is_good


def test_without_speculation_nothing_is_promised_but_an_answer() -> None:
    slow = [call(turn(2000), turn(3000))]
    assert sum_up("free", slow, [], wait_ms=400, speculates=False).is_good
    lost = [call(turn(600), turn(100, is_confirmed=False))]
    assert not sum_up("free", lost, [], wait_ms=400, speculates=False).is_good


def test_an_apology_is_no_answer() -> None:
    result = sum_up("free", [call(turn(600), turn(100, is_confirmed=False))], [], wait_ms=400)
    assert result.heard.answered == 1
    assert result.heard.voice_to_voice_ms == (600,)
    assert not result.is_good


def test_a_slow_first_turn_breaks_the_promise() -> None:
    result = sum_up("free", [call(turn(700), turn(480), turn(480))], [], wait_ms=400)
    assert result.first_turn_ratio == pytest.approx(700 / 480)
    assert not result.is_good


def test_the_causal_floor_is_the_larger_of_wait_and_work() -> None:
    assert sum_up("free", [call(turn(600))], [], wait_ms=400).floor_ms == 440
    assert sum_up("free", [call(turn(600))], [], wait_ms=500).floor_ms == 500


def test_a_reply_in_the_pause_counts_as_premature_although_the_turn_was_answered() -> None:
    result = judge_pauses(500, call(turn(600), turn(600, is_premature=True)))
    assert (result.turns, result.premature, result.answered) == (2, 1, 2)


def test_what_is_wasted_in_the_pauses_is_shown_with_them(
    capsys: pytest.CaptureFixture[str],
) -> None:
    twice = daemon_turn(attempts=2, wasted_tokens=12, wasted_characters=30)
    pause = judge_pauses(500, call(turn(600, daemon=twice)))
    assert pause.work.attempts == 2.0
    show(sum_up("free", [call(turn(480))], [pause], wait_ms=400))
    shown = capsys.readouterr().out
    assert "per turn 2.00 replies begun, 12.0 tokens, 30 characters wasted" in shown
    assert "own cost above it 40 ms (promised 60)" in shown
