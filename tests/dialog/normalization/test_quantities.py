"""Percentages, temperatures, units."""

import pytest

from voxd.dialog.normalization.quantities import say_quantities


@pytest.mark.parametrize(
    ("written", "said"),
    [
        ("50%", "fifty percent"),
        ("3.5 %", "three point five percent"),
        ("10-20% off", "ten to twenty percent off"),
        ("20°C", "twenty degrees Celsius"),
        ("-5 °F", "minus five degrees Fahrenheit"),
        ("1°", "one degree"),
        ("5 km", "five kilometers"),
        ("1 kg", "one kilogram"),
        ("60 mph", "sixty miles per hour"),
        ("in 5 min.", "in five minutes."),
        ("in 5 min. or so", "in five minutes or so"),
        ("5-10 min", "five to ten minutes"),
        ("2 hrs", "two hours"),
        ("6'2\"", "six feet two"),
        ("5 minutes", "5 minutes"),
        ("m and km", "m and km"),
        ("the '90s", "the '90s"),
    ],
)
def test_english_quantities(written: str, said: str) -> None:
    assert say_quantities(written, "en") == said


@pytest.mark.parametrize(
    ("written", "said"),
    [
        ("50 %", "cincuenta por ciento"),
        ("21%", "veintiuno por ciento"),
        ("21 km", "veintiún kilómetros"),
        ("1 h", "una hora"),
        ("20 °C", "veinte grados centígrados"),
    ],
)
def test_spanish_quantities(written: str, said: str) -> None:
    assert say_quantities(written, "es") == said
