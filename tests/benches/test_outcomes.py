"""What `failover` calls kept, and what broken."""

import pytest

from benches.outcomes import MAX_EXTRA_MS, Result, Row, show_row, show_verdict
from benches.replies import Heard


def row(**changed: object) -> Row:
    usual: dict[str, object] = {
        "stage": "stt",
        "fault": "stall",
        "engines": ("a", "b", "c"),
        "unanswered": (),
        "extra_ms": 500.0,
        "hole_ms": 0.0,
        "question": Heard("", 0, 0, 0),
        "asked": 1,
        "reply": Heard("", 1, 0, 1),
        "next_call_ms": 0.0,
        "next_hole_ms": 0.0,
        "next_engine": "a",
    }
    return Row(**(usual | changed))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("changed", "is_good"),
    [
        ({}, True),
        ({"extra_ms": MAX_EXTRA_MS + 1}, False),
        ({"extra_ms": None}, False),
        ({"hole_ms": MAX_EXTRA_MS + 1}, False),
        ({"unanswered": ("2 unanswered",)}, False),
        ({"question": Heard("", 1, 0, 0)}, False),
        ({"asked": 0}, False),
        ({"asked": 2}, False),
        ({"reply": Heard("", 0, 1, 0)}, False),
        ({"reply": None}, False),
    ],
)
def test_what_breaks_the_promise(changed: dict[str, object], is_good: bool) -> None:
    assert row(**changed).is_good is is_good


def test_a_row_tells_what_went_wrong(capsys: pytest.CaptureFixture[str]) -> None:
    show_row(row(unanswered=("2 unanswered",), asked=2, question=Heard("Hello", 1, 0, 0)))
    shown = capsys.readouterr().out
    assert "NOT KEPT" in shown and "NOT, 2x" in shown
    assert "2 unanswered" in shown and "model was told: Hello" in shown


def test_the_verdict_counts_what_was_kept(capsys: pytest.CaptureFixture[str]) -> None:
    late = row(next_call_ms=900.0)
    show_verdict(Result((900.0,), row(), (row(), late, row(extra_ms=None))))
    shown = capsys.readouterr().out
    assert "kept with 2 of 3 faults" in shown
    assert "next calls with 250 ms more silence: stt stall" in shown
