"""From a turn's times to its floor, what came on top and what was wasted."""

from typing import Any

import pytest

from benches.floor import Work, find_floor_ms, find_own_overhead_ms, sum_up_work
from voxd.caller.report import DaemonTurn


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


def test_the_floor_is_that_of_the_turn_s_own_wait() -> None:
    patient = daemon_turn(wait_ms=1200.0)
    assert find_floor_ms(patient, 400, True) == 1200
    assert find_floor_ms(patient, 400, False) == 1200 + 100 + 90
    assert find_floor_ms(daemon_turn(), 400, True) == 440
    assert find_floor_ms(daemon_turn(stt_latency_ms=500.0), 400, False) == 690
    assert find_floor_ms(daemon_turn(tts_ttfa_ms=None), 400, True) is None


def test_what_was_thrown_away_is_counted_per_turn() -> None:
    guessed = daemon_turn(attempts=3, wasted_tokens=30, wasted_characters=50)
    once = daemon_turn(attempts=1, wasted_tokens=0, wasted_characters=0)
    assert sum_up_work([guessed, once]) == Work(2.0, 15.0, 25.0)
    assert sum_up_work([]) == Work(0.0, 0.0, 0.0)


def test_own_overhead_is_what_no_stage_explains() -> None:
    assert find_own_overhead_ms([daemon_turn()]) == pytest.approx(610 - 400 - 100 - 90)
    late = daemon_turn(stt_latency_ms=500.0, voice_to_voice_ms=700.0)
    assert find_own_overhead_ms([late]) == pytest.approx(10)


def test_own_overhead_cannot_be_told_when_stages_overlap() -> None:
    assert find_own_overhead_ms([daemon_turn(voice_to_voice_ms=420.0)]) is None
    assert find_own_overhead_ms([daemon_turn(llm_clause_ms=None)]) is None
