import pytest

from voxd.caller.report import CallReport, Hole, Outcome, TurnReport, TurnStatus
from voxd.caller.summary import exit_code, spread, summarize


def call(outcome: Outcome = Outcome.CONNECTED, *heard_ms: float) -> CallReport:
    turns = [
        TurnReport(n + 1, "a", TurnStatus.ANSWERED, voice_to_voice_ms=ms)
        for n, ms in enumerate(heard_ms)
    ]
    return CallReport("CA1", outcome=outcome, turns=turns)


def test_percentiles_are_taken_over_the_turns_of_all_calls() -> None:
    first, second = call(Outcome.CONNECTED, 100, 200), call(Outcome.CONNECTED, 300)
    second.holes.append(Hole(1.0, 40.0))
    whole = summarize([first, second, call(Outcome.REFUSED)])
    assert whole.voice_to_voice_ms is not None
    assert (whole.voice_to_voice_ms.p50, whole.voice_to_voice_ms.count) == (200, 3)
    assert whole.voice_to_voice_ms.p95 == pytest.approx(290)
    assert whole.outcomes == {"connected": 2, "refused": 1}
    assert (whole.holes, whole.longest_hole_ms) == (1, 40.0)
    assert whole.interruption_ms is None


def test_nothing_has_no_percentiles() -> None:
    assert spread([]) is None


def test_exit_code_is_the_worst_that_happened() -> None:
    good, refused = call(Outcome.CONNECTED, 1.0), call(Outcome.REFUSED)
    assert exit_code([good]) == 0
    assert exit_code([good, refused]) == 3
    assert exit_code([good, refused, call(Outcome.UNREACHABLE)]) == 1
