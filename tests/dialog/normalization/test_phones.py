"""Telephone numbers digit by digit, and what only looks like one."""

import pytest

from voxd.dialog.normalization.phones import say_phones


@pytest.mark.parametrize(
    ("written", "language", "said"),
    [
        ("555-0100", "en", "five five five, zero one zero zero"),
        ("(555) 123-4567", "en", "five five five, one two three, four five six seven"),
        ("555.123.4567", "en", "five five five, one two three, four five six seven"),
        ("+1 555 123 4567", "en",
         "plus one, five five five, one two three, four five six seven"),
        ("1-800-555-0199", "en", "one, eight hundred, five five five, zero one nine nine"),
        ("5551234567", "en", "five five five, one two three, four five six seven"),
        ("555-123-4567 ext. 12", "en",
         "five five five, one two three, four five six seven, extension one two"),
        ("912 345 678", "es", "nueve uno dos, tres cuatro cinco, seis siete ocho"),
        ("+34 912345678", "es",
         "más tres cuatro, nueve uno dos, tres cuatro cinco, seis siete ocho"),
        ("4111 1111 1111 1111", "en", "four one one one, one one one one, one one one one,"
         " one one one one"),
    ],
)  # fmt: skip
def test_telephone_numbers_are_said_in_groups(written: str, language: str, said: str) -> None:
    assert say_phones(written, language) == said


@pytest.mark.parametrize(
    "text",
    ["10-15", "1990-2000", "from 9 to 5", "$5,000", "3.50", "100 200", "12:30"],
)
def test_other_numbers_are_left_for_others(text: str) -> None:
    assert say_phones(text, "en") == text
