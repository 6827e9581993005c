"""Amounts of money."""

import pytest

from voxd.dialog.normalization.money import say_money


@pytest.mark.parametrize(
    ("written", "said"),
    [
        ("$5", "five dollars"),
        ("$1", "one dollar"),
        ("$3.50", "three dollars and fifty cents"),
        ("$3.5", "three dollars and fifty cents"),
        ("$0.99", "ninety-nine cents"),
        ("$0.01", "one cent"),
        ("$1,250.00", "one thousand two hundred and fifty dollars"),
        ("$1.5M", "one point five million dollars"),
        ("$2 billion", "two billion dollars"),
        ("$20k", "twenty thousand dollars"),
        ("$5-10", "five to ten dollars"),
        ("$5 - $10.50", "five to ten dollars and fifty cents"),
        ("-$5", "minus five dollars"),
        ("$5/month", "five dollars per month"),
        ("$50/hr.", "fifty dollars per hour."),
        ("5 €", "five euros"),
        ("€20", "twenty euros"),
        ("£2.01", "two pounds and one penny"),
        ("5 USD", "five dollars"),
        ("$5 USD", "five dollars"),
        ("no money, 5 things", "no money, 5 things"),
    ],
)
def test_english_money(written: str, said: str) -> None:
    assert say_money(written, "en") == said


@pytest.mark.parametrize(
    ("written", "said"),
    [
        ("20 €", "veinte euros"),
        ("1 €", "un euro"),
        ("3,50 €", "tres euros con cincuenta céntimos"),
        ("$21", "veintiún dólares"),
        ("£21", "veintiuna libras"),
        ("1.500 €", "mil quinientos euros"),
        ("$1.5 millones", "uno coma cinco millones de dólares"),
        ("$1,000,000", "un millón de dólares"),
        ("20 €/hora", "veinte euros por hora"),
    ],
)
def test_spanish_money(written: str, said: str) -> None:
    assert say_money(written, "es") == said
