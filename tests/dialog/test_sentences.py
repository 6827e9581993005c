"""Clauses: short first, never cut inside a number, an abbreviation or an address."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from voxd.dialog.sentences import MAX_CHARACTERS, ClauseSplitter
from voxd.dialog.spoken import to_spoken


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
        "See example.com now.",
        "We open at 10:30 sharp.",
        "That is 1,000 euros.",
        "Until 5 p.m. on Monday.",
        "Ask for J. Smith.",
        "Call Dr. Lee.",
        "It's on March 15, 2024.",
        "Open 9 - 5 daily.",
        "At 5 p. m. on Monday.",
        "Press no. 5 now.",
        "Fruit e.g. apples.",
        "En EE. UU. y aquí.",
        "Con la Sra. Gil.",
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


@pytest.mark.parametrize(
    ("text", "first"),
    [
        ("I'm sorry for any inconvenience.", "I'm sorry"),
        ("We are open from nine to five.", "We are open"),
        ("No, so for now we wait.", "No, so for now we wait."),  # too short a beginning
        ("Please hold on to it, friend.", "Please hold on to it,"),  # belongs to the verb
        ("They are not so bad.", "They are not so bad."),
        ("Let me check that for it.", "Let me check that for it."),  # nothing behind the phrase
        ("I agree but if you like I wait.", "I agree but if you like"),  # no "but" at an end
        ("This one forms a pair.", "This one forms a pair."),  # no "for"
        ("There are 12 for you.", "There are 12 for you."),  # a number goes with what follows
    ],
)
@pytest.mark.parametrize("step", [1, 4, 99])
def test_a_first_clause_ends_where_a_phrase_begins(text: str, first: str, step: int) -> None:
    assert split(text, step)[0] == first


@pytest.mark.parametrize("before", ["", "Sure thing. "])
def test_a_phrase_far_away_makes_no_long_clause(before: str) -> None:
    clauses = split(before + "lorem ipsum dolor " * 40 + "for us now", 9999)
    assert all(len(clause) <= MAX_CHARACTERS for clause in clauses)


def test_a_second_clause_ends_before_a_phrase_once_it_is_long_enough() -> None:
    text = "I'm sorry for any of the trouble with that order which you may have because of rain."
    assert split(text)[:2] == ["I'm sorry", "for any of the trouble with that order"]


def test_sentences_after_the_first_stay_whole() -> None:
    text = "Sure thing. We open at nine, close at five. Bye."
    assert split(text) == ["Sure thing.", "We open at nine, close at five.", "Bye."]


def test_a_time_before_a_capital_ends_the_sentence() -> None:
    assert split("We close at 5 p.m. Please come.") == ["We close at 5 p.m.", "Please come."]


@pytest.mark.parametrize(
    "text",
    [
        "Please do call us at (555) 123-4567 today or on any other day.",
        "You can now reach us at +1 555 123 4567 today or on any other day.",
        "Your next visit will be March 15, 2024 at nine in the morning sharp.",
        "We are going to close at 5 p.m. sharp on every day of the week.",
        "You may ask at reception for Dr. Smith when you come to see us.",
        "We will be there from 9 - 5 on every single day of the week.",
        "Please just write to us at info@example.com or https://example.com/a?b=1,2 today.",
    ],
)
@pytest.mark.parametrize("step", [1, 3, 99])
def test_what_must_be_seen_whole_stays_in_one_clause(text: str, step: int) -> None:
    whole = to_spoken(text, "en").replace(",", "").split()
    spoken = " ".join(to_spoken(clause, "en") for clause in split(text, step))
    assert spoken.replace(",", "").split() == whole


def test_a_paragraph_of_numbers_is_cut_between_them() -> None:
    text = "well " * 30 + "call 555 123 4567 " * 4
    clauses = split(text)
    assert all(len(clause) <= MAX_CHARACTERS for clause in clauses)
    assert not any(clause.endswith(("555", "123")) for clause in clauses)


def test_a_first_clause_of_numbers_alone_is_bounded() -> None:
    clauses = split("12 34 " * 100)
    assert all(len(clause) <= MAX_CHARACTERS for clause in clauses)


def test_no_is_a_word_before_a_capital() -> None:
    assert split("Certainly not. I said no. Please call.")[1:] == ["I said no.", "Please call."]


def test_a_number_ends_a_sentence_but_not_as_the_first_of_a_list() -> None:
    assert split("We close at 5. Come in.") == ["We close at 5.", "Come in."]
    assert split("1. Call us today.") == ["1. Call us today."]


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


@pytest.mark.parametrize("white", [" ", "\n", "\n\n ", " \t ", "\u00a0", "\x1c"])
def test_white_space_before_the_first_word_is_none_between_words(white: str) -> None:
    text = "Our shop opens every single day"
    for step in (1, 3, 7, 99):
        assert split(white + text, step) == [text]


WHITE = st.text(" \n\t\u00a0\u2028\x1c", min_size=1, max_size=3)
WORDS = st.sampled_from(["our", "shop", "and", "for", "Dr.", "5", "p.m.", "[Name", "]", ",", "so!"])


@given(st.lists(WORDS | WHITE, max_size=60).map("".join), WHITE, st.integers(1, 20))
def test_white_space_of_any_kind_anywhere_is_only_white_space(
    text: str, white: str, step: int
) -> None:
    clauses = split(white + text, step)
    assert "".join("".join(clauses).split()) == "".join(text.split())
    assert all(clause == clause.strip() and clause for clause in clauses)
    assert ClauseSplitter().feed(white + text) == ClauseSplitter().feed(text.lstrip())


@pytest.mark.parametrize("step", [1, 2, 5, 99])
def test_a_placeholder_stays_whole(step: int) -> None:
    text = "Hello there my name is [Your Name. Or so] and I can help you. Bye, [Company, Inc. now"
    clauses = split(text, step)
    assert " ".join(clauses) == text
    assert any("[Your Name. Or so]" in clause for clause in clauses)


def test_a_bracket_that_never_closes_does_not_hold_up_the_reply() -> None:
    assert len(split("[never closed " + "word " * 200)) > 3
