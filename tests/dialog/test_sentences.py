"""Clauses: short first, never cut inside a number, an abbreviation or an address."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from voxd.dialog.sentences import MAX_CHARACTERS, ClauseSplitter


def split(text: str, step: int = 3) -> list[str]:
    splitter = ClauseSplitter()
    clauses = []
    for start in range(0, len(text), step):
        clauses += splitter.feed(text[start : start + step])
    return clauses + splitter.finish()


@pytest.mark.parametrize(
    "text",
    [
        "It costs 3.50 dollars.",
        "Dr. Smith is in.",
        "See example.com for it.",
        "We open at 10:30 sharp.",
        "That is 1,000 euros.",
        "Until 5 p.m. on Monday.",
        "Ask for J. Smith.",
    ],
)
def test_these_do_not_split(text: str) -> None:
    assert split(text) == [text]


def test_a_first_clause_ends_at_the_first_comma_that_is_far_enough() -> None:
    assert split("Yes, of course we do, and we open at nine.")[0] == "Yes, of course we do,"
    assert split("Certainly, we open at nine.") == ["Certainly,", "we open at nine."]


def test_a_long_first_clause_is_cut_before_a_phrase() -> None:
    first = split("We are open every single day from nine in the morning until five")[0]
    assert first == "We are open every single day"


def test_sentences_after_the_first_stay_whole() -> None:
    text = "Sure thing. We open at nine, close at five. Bye."
    assert split(text) == ["Sure thing.", "We open at nine, close at five.", "Bye."]


def test_a_time_before_a_capital_ends_the_sentence() -> None:
    assert split("We close at 5 p.m. Please come.") == ["We close at 5 p.m.", "Please come."]


def test_quotes_stay_with_their_sentence() -> None:
    assert split('She said "Go." Then left.') == ['She said "Go."', "Then left."]


def test_a_paragraph_without_punctuation_is_bounded() -> None:
    clauses = split("word " * 200)
    assert all(len(clause) <= MAX_CHARACTERS for clause in clauses)
    assert " ".join(clauses).split() == ["word"] * 200


@given(st.text("ab .,!?\n1—", max_size=200), st.integers(1, 20))
def test_nothing_is_lost_whatever_the_chunks(text: str, step: int) -> None:
    clauses = split(text, step)
    assert "".join("".join(clauses).split()) == "".join(text.split())
    assert all(clause == clause.strip() and clause for clause in clauses)


@pytest.mark.parametrize("step", [1, 2, 5, 99])
def test_a_placeholder_stays_whole(step: int) -> None:
    text = "Hello there my name is [Your Name. Or so] and I can help you. Bye, [Company, Inc. now"
    clauses = split(text, step)
    assert " ".join(clauses) == text
    assert any("[Your Name. Or so]" in clause for clause in clauses)


def test_a_bracket_that_never_closes_does_not_hold_up_the_reply() -> None:
    assert len(split("[never closed " + "word " * 200)) > 3
