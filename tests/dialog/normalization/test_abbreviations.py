"""Abbreviations that stand for one thing."""

import pytest

from voxd.dialog.normalization.abbreviations import say_abbreviations


@pytest.mark.parametrize(
    ("written", "said"),
    [
        ("Dr. Smith and Mr. Jones", "Doctor Smith and Mister Jones"),
        ("fruit, e.g. apples", "fruit, for example apples"),
        ("apples, pears, etc.", "apples, pears, et cetera."),
        ("etc. and so on", "et cetera and so on"),
        ("Acme Inc. We help", "Acme Incorporated. We help"),
        ("123 Main St.", "123 Main Street."),
        ("123 Main St. We open", "123 Main Street. We open"),
        ("on Main St, please", "on Main Street, please"),
        ("at St. John's", "at Saint John's"),
        ("No. 5", "Number 5"),
        ("coffee w/ milk, w/o sugar", "coffee with milk, without sugar"),
        ("in the p.m. hours", "in the PM hours"),
        ("I said no. Please", "I said no. Please"),
        ("www.dr.com", "www.dr.com"),
    ],
)
def test_english_abbreviations(written: str, said: str) -> None:
    assert say_abbreviations(written, "en") == said


@pytest.mark.parametrize(
    ("written", "said"),
    [
        ("el Sr. Pérez y la Dra. Gil", "el Señor Pérez y la Doctora Gil"),
        ("a Ud. le", "a Usted le"),
        ("p. ej. hoy", "por ejemplo hoy"),
        ("en EE. UU. y", "en Estados Unidos y"),
        ("nº 5", "número 5"),
        ("manzanas, etc.", "manzanas, etcétera."),
    ],
)
def test_spanish_abbreviations(written: str, said: str) -> None:
    assert say_abbreviations(written, "es") == said
