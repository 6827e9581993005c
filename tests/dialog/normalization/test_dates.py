"""Dates, in the order that each language writes them."""

import pytest

from voxd.dialog.normalization.dates import say_dates


@pytest.mark.parametrize(
    ("written", "said"),
    [
        ("March 15, 2024", "March fifteenth, twenty twenty four"),
        ("on Mar. 3rd", "on March third"),
        ("the 4th of July", "the fourth of July"),
        ("15 March 2024", "the fifteenth of March, twenty twenty four"),
        ("March 2024", "March twenty twenty four"),
        ("2024-03-15", "March fifteenth, twenty twenty four"),
        ("3/15/2024", "March fifteenth, twenty twenty four"),
        ("25/12/2024", "December twenty-fifth, twenty twenty four"),
        ("3/15/24", "March fifteenth, twenty twenty four"),
        ("on 3/4", "on March fourth"),
        ("March 15-17", "March fifteenth to seventeenth"),
        ("Mon-Fri 9:00", "Monday to Friday 9:00"),
        ("Sat 10:00", "Saturday 10:00"),
        ("in Jan. and Feb.", "in January and Feb."),
        ("You may 5 times march", "You may 5 times march"),
        ("3/4 of it", "3/4 of it"),
        ("99/99/2024", "99/99/2024"),
        ("The sun sat", "The sun sat"),
    ],
)
def test_english_dates(written: str, said: str) -> None:
    assert " ".join(say_dates(written, "en").split()) == said


@pytest.mark.parametrize(
    ("written", "said"),
    [
        ("el 15 de marzo de 2024", "el quince de marzo de dos mil veinticuatro"),
        ("el 1 de mayo", "el primero de mayo"),
        ("15/03/2024", "quince de marzo de dos mil veinticuatro"),
        ("2024-03-15", "quince de marzo de dos mil veinticuatro"),
        ("el 3/4", "el tres de abril"),
        ("lun-vie 9:00", "lunes a viernes 9:00"),
        ("3 mar", "3 mar"),
    ],
)
def test_spanish_dates(written: str, said: str) -> None:
    assert " ".join(say_dates(written, "es").split()) == said
