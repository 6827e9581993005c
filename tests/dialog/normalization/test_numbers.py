"""Number words in both languages, and what is a number at all."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from voxd.dialog.normalization import LANGUAGES
from voxd.dialog.normalization.numbers import (
    agree,
    cardinal,
    digits,
    number_words,
    ordinal,
    split_number,
    year,
)
from voxd.dialog.normalization.sentence_end import ends_sentence


@pytest.mark.parametrize(
    ("written", "language", "said"),
    [
        ("0", "en", "zero"),
        ("21", "en", "twenty-one"),
        ("1,234", "en", "one thousand two hundred and thirty-four"),
        ("3.50", "en", "three point five zero"),
        ("007", "en", "zero zero seven"),
        ("1234567", "en", "one two three four five six seven"),
        ("1,234,567", "en", "one million two hundred and thirty-four thousand"
         " five hundred and sixty-seven"),
        ("3,5", "es", "tres coma cinco"),
        ("3.75", "es", "tres coma setenta y cinco"),
        ("1.500", "es", "mil quinientos"),
        ("1,500", "es", "mil quinientos"),
        ("1.234,56", "es", "mil doscientos treinta y cuatro coma cincuenta y seis"),
        ("0,125", "es", "cero coma uno dos cinco"),
    ],
)  # fmt: skip
def test_numbers_are_said_as_amounts(written: str, language: str, said: str) -> None:
    assert number_words(written, language) == said


@pytest.mark.parametrize(
    ("written", "language", "parts"),
    [
        ("1,234.50", "en", ("1234", "50")),
        ("1.234,50", "es", ("1234", "50")),
        ("1,234.50", "es", ("1234", "50")),
        ("12.5", "es", ("12", "5")),
        ("12.500", "en", ("12", "500")),
        ("12.500", "es", ("12500", "")),
    ],
)
def test_the_mark_that_divides_depends_on_the_language(
    written: str, language: str, parts: tuple[str, str]
) -> None:
    assert split_number(written, language) == parts


def test_spanish_thousands_drop_their_vowel() -> None:
    assert cardinal(21_000, "es") == "veintiún mil"
    assert cardinal(31_000_000, "es") == "treinta y un millones"
    assert cardinal(21, "es") == "veintiuno"


@pytest.mark.parametrize(
    ("words", "following", "agreed"),
    [
        ("uno", " día", "un"),
        ("veintiuno", " días", "veintiún"),
        ("uno", " hora", "una"),
        ("treinta y uno", " personas", "treinta y una"),
        ("doscientos", " personas", "doscientas"),
        ("uno", " problema", "un"),
        ("uno", " habitación", "una"),
        ("uno", " y dos", "uno"),
        ("uno", ".", "uno"),
    ],
)
def test_spanish_numbers_agree_with_their_noun(words: str, following: str, agreed: str) -> None:
    assert agree(words, following, "es") == agreed


def test_ordinals_and_years() -> None:
    assert ordinal(22, "en") == "twenty-second"
    assert ordinal(3, "es", is_feminine=True) == "tercera"
    assert year(1998, "en") == "nineteen ninety eight"
    assert year(2024, "en") == "twenty twenty four"
    assert year(2024, "es") == "dos mil veinticuatro"


def test_digits_leave_everything_else_out() -> None:
    assert digits("(55) 5-0", "en") == "five five five zero"


@pytest.mark.parametrize(
    ("after", "is_end"),
    [
        ("", True),
        (" Please", True),
        (" ¿Qué", True),
        ('" Then', True),
        (" and", False),
        (",", False),
    ],
)
def test_a_full_stop_ends_a_sentence_before_a_capital_or_nothing(after: str, is_end: bool) -> None:
    assert ends_sentence(f"5 p.m.{after}", 6) == is_end


@given(st.text("0123456789.,", min_size=1, max_size=60), st.sampled_from(LANGUAGES))
def test_whatever_digits_come_no_digit_leaves(written: str, language: str) -> None:
    assert not any(character.isdigit() for character in number_words(written, language))
