"""The ledger knows which words were heard."""

from hypothesis import given
from hypothesis import strategies as st

from voxd.dialog.playout import PlayoutLedger
from voxd.events import SpokenWord


def test_half_a_clause_is_half_of_its_words() -> None:
    ledger = PlayoutLedger()
    ledger.start_clause(0, "one two three four", 10.0)
    ledger.measure_clause(0, 2.0)
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


def test_with_the_times_of_its_words_a_clause_is_exact() -> None:
    ledger = PlayoutLedger()
    ledger.start_clause(0, "one, two three!", 10.0)
    words = [SpokenWord("one,", 0.9), SpokenWord("two", 1.0), SpokenWord("three!", 2.0)]
    ledger.measure_clause(0, 2.2, words)
    ledger.measure_clause(0, 2.2)  # sent to its end: the words stay known
    assert ledger.heard(10.8) == ""
    assert ledger.heard(10.95) == "one,"
    assert ledger.heard(11.9) == "one, two"
    assert ledger.heard(12.1) == "one, two three!"


def test_what_is_spoken_otherwise_than_written_is_heard_with_its_last_word() -> None:
    ledger = PlayoutLedger()
    ledger.start_clause(0, "It is $5 in all.", 0.0)
    spoken = ["It", "is", "five", "dollars", "in", "all."]
    ledger.measure_clause(0, 3.0, [SpokenWord(word, i * 0.5) for i, word in enumerate(spoken, 1)])
    assert ledger.heard(1.1) == "It is"
    assert ledger.heard(1.6) == "It is"
    assert ledger.heard(2.1) == "It is $5"
    assert ledger.heard(2.6) == "It is $5 in"


def test_while_playback_is_held_nothing_more_is_heard() -> None:
    ledger = PlayoutLedger()
    ledger.start_clause(0, "one two three four", 10.0)
    ledger.measure_clause(0, 2.0)
    ledger.start_clause(1, "five six", 12.0)
    ledger.measure_clause(1, 1.0)
    ledger.hold(11.0)
    assert ledger.heard(20.0) == "one two"
    ledger.start_clause(0, "one two three four", 20.0, from_s=1.0)
    assert ledger.heard(20.5) == "one two three"
    ledger.start_clause(1, "five six", 21.0)
    assert ledger.heard(21.6) == "one two three four five"
    assert ledger.ends_at(20.0) == 22.0


def test_held_again_before_it_went_on_it_stands_where_it_stopped_first() -> None:
    ledger = PlayoutLedger()
    ledger.start_clause(0, "one two three four", 10.0)
    ledger.measure_clause(0, 2.0)
    ledger.hold(11.0)
    ledger.hold(11.6)
    assert ledger.heard(0.0) == "one two"
    assert ledger.has_begun(0) and not ledger.has_begun(1)


def test_how_fast_the_agent_speaks_is_learned_from_clauses_before() -> None:
    ledger = PlayoutLedger()
    ledger.start_clause(0, "x" * 40, 1.0)
    ledger.measure_clause(0, 2.0)
    ledger.measure_clause(0, 2.0)
    ledger.clear()
    ledger.start_clause(0, "y" * 20, 10.0)
    assert 11.0 < ledger.ends_at(0.0) < 10.0 + 20 / 15  # on its way from 15 to 20 a second


@given(st.lists(st.text("ab ", min_size=1, max_size=40), min_size=1, max_size=5), st.floats(0, 60))
def test_what_was_heard_is_a_beginning_of_what_was_said(texts: list[str], at: float) -> None:
    ledger = PlayoutLedger()
    start = 0.0
    for clause, text in enumerate(texts):
        ledger.start_clause(clause, text, start)
        ledger.measure_clause(clause, 3.0)
        start += 3.0
    heard = "".join(ledger.heard(at).split())
    assert "".join(ledger.text().split()).startswith(heard)
