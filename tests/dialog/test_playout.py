"""The ledger knows which words were heard."""

from hypothesis import given
from hypothesis import strategies as st

from voxd.dialog.playout import PlayoutLedger


def test_half_a_clause_is_half_of_its_words() -> None:
    ledger = PlayoutLedger()
    ledger.start_clause(0, "one two three four", 10.0)
    ledger.end_clause(0, 2.0)
    assert ledger.heard(9.0) == ""
    assert ledger.heard(11.0) == "one two"
    assert ledger.heard(12.0) == "one two three four"


def test_a_mark_proves_all_before_it() -> None:
    ledger = PlayoutLedger()
    ledger.start_clause(0, "first", 0.0)
    ledger.start_clause(1, "second", 5.0)
    ledger.start_clause(2, "third", 6.0)
    ledger.confirm(1)
    assert ledger.heard(0.0) == "first second"


def test_an_unknown_duration_is_estimated_from_the_text() -> None:
    ledger = PlayoutLedger()
    ledger.start_clause(0, "x" * 15, 1.0)
    assert ledger.ends_at(0.0) == 2.0


@given(st.lists(st.text("ab ", min_size=1, max_size=40), min_size=1, max_size=5), st.floats(0, 60))
def test_what_was_heard_is_a_beginning_of_what_was_said(texts: list[str], at: float) -> None:
    ledger = PlayoutLedger()
    start = 0.0
    for clause, text in enumerate(texts):
        ledger.start_clause(clause, text, start)
        ledger.end_clause(clause, 3.0)
        start += 3.0
    heard = "".join(ledger.heard(at).split())
    assert "".join(ledger.text().split()).startswith(heard)
