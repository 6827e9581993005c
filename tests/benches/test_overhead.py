"""voxd's own part of a turn, from the records of all who took part."""

from typing import Any

import pytest

from benches.names import build_reply, build_utterance, spell
from benches.overhead import Records, Reply, Speech, decode_records, find_overhead
from voxd.caller.report import DaemonTurn, TurnReport, TurnStatus

SAID, ANSWERED = spell(3), spell(9)
RECORDS = Records(
    finals={SAID: (100.33, 100.36, 100.5)},
    replies={ANSWERED: Reply(received_at=100.375, clause_at=100.600)},
    speech={ANSWERED: Speech(received_at=100.602, first_audio_at=100.800)},
    llm_requests=1,
)


def turn(**changes: Any) -> TurnReport:
    """Speech ended at 100.0, the daemon ended the turn at 100.37."""
    figures: dict[str, Any] = {
        "speech_end": 100.0,
        "endpoint_ms": 370.0,
        "transcript": build_utterance(3),
        "reply": "".join(build_reply(9)),
    }
    daemon = DaemonTurn(**{**figures, **changes})
    report = TurnReport(1, "x", TurnStatus.ANSWERED, answer_s=50.801, daemon=daemon)
    return report


def test_what_the_providers_take_is_left_out() -> None:
    overhead = find_overhead(turn(), 50.0, RECORDS, wait_s=0.35)
    assert overhead is not None
    assert overhead.turn_s == pytest.approx(0.005)
    assert overhead.clause_s == pytest.approx(0.002)
    assert overhead.audio_s == pytest.approx(0.001)
    assert overhead.total_s == pytest.approx(0.008)
    assert overhead.is_possible


@pytest.mark.parametrize(("wait_s", "decision_s"), [(0.35, 0.01), (0.3, 0.01), (0.365, 0.005)])
def test_the_decision_is_told_apart(wait_s: float, decision_s: float) -> None:
    overhead = find_overhead(turn(), 50.0, RECORDS, wait_s=wait_s)
    assert overhead is not None
    assert overhead.decision_s == pytest.approx(decision_s)
    assert overhead.turn_s == pytest.approx(0.005)


def test_an_effect_before_its_cause_is_impossible() -> None:
    overhead = find_overhead(turn(endpoint_ms=380.0), 50.0, RECORDS, wait_s=0.35)
    assert overhead is not None
    assert not overhead.is_possible


@pytest.mark.parametrize(
    "changes", [{"reply": None}, {"reply": "Sorry."}, {"transcript": ""}, {"speech_end": None}]
)
def test_a_turn_that_cannot_be_found_is_not_judged(changes: dict[str, Any]) -> None:
    assert find_overhead(turn(**changes), 50.0, RECORDS, wait_s=0.35) is None


def test_records_are_sorted_by_name() -> None:
    tokens = [[1.0 + n / 10, token] for n, token in enumerate(build_reply(9))]
    records = decode_records(
        {"finals": [[2.0, build_utterance(3)], [3.0, build_utterance(3)]], "late_s": [0.1]},
        {"replies": [[0.5, tokens], [0.6, []]], "late_s": []},
        {
            "clauses": [
                [1.4, f"{spell(9).capitalize()} is here.", 1.6],
                [1.5, f"{spell(8)} is here.", None],
                [1.6, "Hello!", 1.7],
            ],
            "late_s": [0.2],
        },
    )
    assert records.finals == {SAID: (2.0, 3.0)}
    assert records.replies == {ANSWERED: Reply(0.5, pytest.approx(1.3))}
    assert records.speech == {ANSWERED: Speech(1.4, 1.6)}
    assert (records.llm_requests, records.late_s) == (2, (0.1, 0.2))
