"""Symbols, brackets, dashes, and what is left of punctuation."""

import pytest

from voxd.dialog.normalization.symbols import say_symbols, tidy


@pytest.mark.parametrize(
    ("written", "language", "said"),
    [
        ("fish & chips", "en", "fish and chips"),
        ("tapas & vino", "es", "tapas y vino"),
        ("pick-up/drop-off", "en", "pick-up or drop-off"),
        ("and/or", "en", "and or"),
        ("a + b = c", "en", "a plus b equals c"),
    ],
)
def test_symbols_become_words(written: str, language: str, said: str) -> None:
    assert " ".join(say_symbols(written, language).split()) == said


@pytest.mark.parametrize(
    ("written", "tidied"),
    [
        ("We open (on Sundays too) at nine.", "We open, on Sundays too, at nine."),
        ("We open (on Sundays).", "We open, on Sundays."),
        ("Yes — of course – now", "Yes, of course, now"),
        ("What?!! No!!", "What? No!"),
        ("well-known", "well-known"),
        ("a  b\n c", "a b c"),
        ("hello , there .", "hello, there."),
        ("one,, two ,. three", "one, two. three"),
        ("- hello", "hello"),
        (", hello", "hello"),
        ("Copyright © Acme™", "Copyright Acme"),
        ("Wait... what", "Wait... what"),
    ],
)
def test_pauses_are_single_marks(written: str, tidied: str) -> None:
    assert tidy(written) == tidied
