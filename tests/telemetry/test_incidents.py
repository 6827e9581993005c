import pytest

from tests.telemetry.outcomes import make_facts, make_turn
from voxd.telemetry.incidents import (
    MOST_INCIDENTS,
    RECOVERED_TURNS,
    Alert,
    AlertKind,
    Blame,
    Incidents,
    find_blame,
)

REPEAT_S = 300.0


def told(
    incidents: Incidents, heard_ms: float, now: float, tier: str = "pro", **changed: object
) -> list[tuple[AlertKind, int]]:
    alerts = incidents.note(make_facts(tier=tier), make_turn(heard_ms, **changed), now)
    return [(alert.kind, alert.violations) for alert in alerts]


def test_a_violation_is_told_with_figures_and_names_and_nothing_else() -> None:
    (alert,) = Incidents(REPEAT_S).note(make_facts(agent="ana"), make_turn(2000.0), 0.0)
    assert alert == Alert(
        kind=AlertKind.VIOLATION,
        tier="pro",
        stage="endpoint",
        engine="",
        voice_to_voice_ms=2000.0,
        target_ms=1000.0,
        violations=1,
        call_id="CA1",
        turn=1,
        agent="ana",
        tenant="sol",
    )


def test_turns_within_the_limit_are_not_told() -> None:
    incidents = Incidents(REPEAT_S)
    assert told(incidents, 900.0, 0.0) == []
    assert told(incidents, 1400.0, 1.0) == []  # slower than the target: a line in the log
    assert len(incidents) == 0


def test_one_tier_and_engine_are_told_once_and_again_after_a_while() -> None:
    incidents = Incidents(REPEAT_S)
    assert told(incidents, 2000.0, 0.0) == [(AlertKind.VIOLATION, 1)]
    assert told(incidents, 2000.0, 10.0) == []
    assert told(incidents, 2000.0, 299.0) == []
    assert told(incidents, 2000.0, 300.0) == [(AlertKind.VIOLATION, 3)]
    assert told(incidents, 2000.0, 301.0) == []


def test_other_tiers_and_engines_have_limits_of_their_own() -> None:
    incidents = Incidents(REPEAT_S)
    assert told(incidents, 2000.0, 0.0, llm_clause_ms=1500.0)
    assert told(incidents, 2000.0, 0.0, tier="free", llm_clause_ms=1500.0)
    assert told(incidents, 2000.0, 0.0, tts_ttfa_ms=1500.0)
    assert told(incidents, 2000.0, 0.0, llm_clause_ms=1500.0, llm_engine="another")
    assert len(incidents) == 4


def test_recovery_is_told_once_after_good_turns_in_a_row() -> None:
    incidents = Incidents(REPEAT_S)
    told(incidents, 2000.0, 0.0, llm_clause_ms=1500.0)
    told(incidents, 2000.0, 1.0, llm_clause_ms=1500.0)
    for n in range(RECOVERED_TURNS - 1):
        assert told(incidents, 900.0, 2.0 + n) == []
    assert told(incidents, 900.0, 5.0) == [(AlertKind.RECOVERED, 1)]
    assert told(incidents, 900.0, 6.0) == []


def test_a_violation_among_good_turns_starts_the_count_again() -> None:
    incidents = Incidents(REPEAT_S)
    told(incidents, 2000.0, 0.0)
    told(incidents, 900.0, 1.0)
    told(incidents, 900.0, 2.0)
    told(incidents, 2000.0, 3.0)
    assert told(incidents, 900.0, 4.0) == []
    assert told(incidents, 900.0, 5.0) == []
    assert told(incidents, 900.0, 6.0) == [(AlertKind.RECOVERED, 1)]


@pytest.mark.parametrize("bad", [{"heard_ms": 1400.0}, {"heard_ms": 2000.0, "tts_ttfa_ms": 1500.0}])
def test_a_turn_that_missed_the_target_breaks_the_row_whatever_was_to_blame(
    bad: dict[str, float],
) -> None:
    """A slow one, or one that another stage was to blame for."""
    incidents = Incidents(REPEAT_S)
    told(incidents, 2000.0, 0.0, llm_clause_ms=1500.0)
    for n in range(10):
        assert told(incidents, 900.0, 1.0 + 3 * n) == []
        assert told(incidents, 900.0, 2.0 + 3 * n) == []
        told(incidents, now=3.0 + 3 * n, **bad)  # type: ignore[arg-type]
    assert told(incidents, 900.0, 100.0) == []


def test_what_comes_and_goes_is_told_of_twice_in_a_while() -> None:
    incidents = Incidents(REPEAT_S)
    heard = []
    for minute in range(20):
        now = 60.0 * minute
        heard += told(incidents, 2000.0, now)
        for n in range(RECOVERED_TURNS):
            heard += told(incidents, 900.0, now + 10.0 * (n + 1))
    opened, over = (AlertKind.VIOLATION, 1), (AlertKind.RECOVERED, 0)
    again = (AlertKind.VIOLATION, 5)  # with the four that nothing was said about
    assert heard == [opened, over, again, over, again, over, again, over]
    assert len(incidents) == 0


def test_what_is_over_for_long_makes_room(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("voxd.telemetry.incidents.MOST_INCIDENTS", 1)
    incidents = Incidents(REPEAT_S)
    told(incidents, 2000.0, 0.0)
    for n in range(RECOVERED_TURNS):
        told(incidents, 900.0, 1.0 + n)
    assert told(incidents, 2000.0, 10.0, tier="free") == []
    assert told(incidents, 2000.0, 300.0, tier="free") == [(AlertKind.VIOLATION, 1)]


def test_good_turns_with_another_engine_prove_nothing_until_it_was_quiet_for_long() -> None:
    incidents = Incidents(REPEAT_S)
    told(incidents, 2000.0, 0.0, llm_clause_ms=1500.0)
    for n in range(10):
        assert told(incidents, 900.0, 1.0 + n, llm_engine="local") == []
    assert told(incidents, 900.0, 300.0, llm_engine="local") == [(AlertKind.RECOVERED, 0)]


def test_good_turns_of_another_tier_prove_nothing() -> None:
    incidents = Incidents(REPEAT_S)
    told(incidents, 2000.0, 0.0)
    for n in range(10):
        assert told(incidents, 900.0, 1000.0 + n, tier="free") == []


def test_open_incidents_are_bounded() -> None:
    incidents = Incidents(REPEAT_S)
    for n in range(MOST_INCIDENTS):
        assert told(incidents, 2000.0, 0.0, tier=f"tier-{n}")
    assert told(incidents, 2000.0, 0.0, tier="one-more") == []
    assert len(incidents) == MOST_INCIDENTS


@pytest.mark.parametrize(
    ("changed", "blame"),
    [
        ({"stt_latency_ms": 900.0, "endpoint_ms": 800.0}, Blame("stt", "ear")),
        ({"stt_latency_ms": 250.0, "endpoint_ms": 1400.0}, Blame("endpoint", "")),
        ({"llm_clause_ms": 3000.0}, Blame("llm", "mind")),
        ({"llm_clause_ms": None, "llm_ttft_ms": 3000.0}, Blame("llm", "mind")),
        ({"tts_ttfa_ms": 3000.0}, Blame("tts", "mouth")),
    ],
)
def test_the_longest_stage_is_to_blame(changed: dict[str, float | None], blame: Blame) -> None:
    assert find_blame(make_turn(5000.0, **changed)) == blame
