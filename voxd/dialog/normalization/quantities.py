"""Percentages, temperatures and units of measure. Pure.

A unit counts only behind a number: "5 m" is five metres, "m" is a letter.
"""

import re

from voxd.dialog.normalization.numbers import (
    NUMBER,
    agree,
    is_one,
    number_words,
)
from voxd.dialog.normalization.sentence_end import ends_sentence

# Written -> (one, many) by language. American spelling, as the shipped voice speaks.
_UNITS: dict[str, dict[str, tuple[str, str]]] = {
    "en": {
        "km/h": ("kilometer per hour", "kilometers per hour"),
        "mph": ("mile per hour", "miles per hour"),
        "sq ft": ("square foot", "square feet"),
        "m²": ("square meter", "square meters"),
        "m2": ("square meter", "square meters"),
        "km": ("kilometer", "kilometers"),
        "cm": ("centimeter", "centimeters"),
        "mm": ("millimeter", "millimeters"),
        "m": ("meter", "meters"),
        "mi": ("mile", "miles"),
        "ft": ("foot", "feet"),
        "yd": ("yard", "yards"),
        "kg": ("kilogram", "kilograms"),
        "mg": ("milligram", "milligrams"),
        "g": ("gram", "grams"),
        "lbs": ("pound", "pounds"),
        "lb": ("pound", "pounds"),
        "oz": ("ounce", "ounces"),
        "ml": ("milliliter", "milliliters"),
        "l": ("liter", "liters"),
        "gal": ("gallon", "gallons"),
        "hrs": ("hour", "hours"),
        "hr": ("hour", "hours"),
        "h": ("hour", "hours"),
        "mins": ("minute", "minutes"),
        "min": ("minute", "minutes"),
        "secs": ("second", "seconds"),
        "sec": ("second", "seconds"),
        "ms": ("millisecond", "milliseconds"),
        "gb": ("gigabyte", "gigabytes"),
        "mb": ("megabyte", "megabytes"),
        "kb": ("kilobyte", "kilobytes"),
        "tb": ("terabyte", "terabytes"),
        "mbps": ("megabit per second", "megabits per second"),
        "ghz": ("gigahertz", "gigahertz"),
        "mhz": ("megahertz", "megahertz"),
        "kwh": ("kilowatt hour", "kilowatt hours"),
        "kw": ("kilowatt", "kilowatts"),
    },
    "es": {
        "km/h": ("kilómetro por hora", "kilómetros por hora"),
        "m²": ("metro cuadrado", "metros cuadrados"),
        "m2": ("metro cuadrado", "metros cuadrados"),
        "km": ("kilómetro", "kilómetros"),
        "cm": ("centímetro", "centímetros"),
        "mm": ("milímetro", "milímetros"),
        "m": ("metro", "metros"),
        "kg": ("kilo", "kilos"),
        "mg": ("miligramo", "miligramos"),
        "g": ("gramo", "gramos"),
        "lbs": ("libra", "libras"),
        "lb": ("libra", "libras"),
        "ml": ("mililitro", "mililitros"),
        "l": ("litro", "litros"),
        "hrs": ("hora", "horas"),
        "hr": ("hora", "horas"),
        "h": ("hora", "horas"),
        "min": ("minuto", "minutos"),
        "seg": ("segundo", "segundos"),
        "gb": ("gigabyte", "gigabytes"),
        "mb": ("megabyte", "megabytes"),
    },
}
_DEGREES = {
    "en": ("degree", "degrees", {"c": "Celsius", "f": "Fahrenheit"}),
    "es": ("grado", "grados", {"c": "centígrados", "f": "Fahrenheit"}),
}
_PERCENT = {"en": "percent", "es": "por ciento"}
_MINUS = {"en": "minus ", "es": "menos "}
_TO = {"en": "to", "es": "a"}
_FEET = re.compile(r"(?<![\w.,'])([3-8])\s?['′’]\s?(1[01]|[0-9])(?:\s?[\"″”])?(?![\w'])")


def _compile(language: str) -> "re.Pattern[str]":
    names = "|".join(sorted(map(re.escape, _UNITS[language]), key=len, reverse=True))
    number = NUMBER[language]
    return re.compile(
        rf"(?<![\w.,:/])(?P<minus>[-−])?(?:(?P<low>{number})\s?[-–—]\s?)?(?P<number>{number})"
        rf"(?:\s?(?P<percent>%)|\s?(?P<degrees>°\s?[CFcf]?|º\s?[CF])(?![a-z])"
        rf"|\s?(?P<unit>{names})(?![\w'/²-])(?P<stop>\.)?)",
        re.IGNORECASE,
    )


_QUANTITY = {language: _compile(language) for language in _UNITS}


def say_quantities(text: str, language: str) -> str:
    """ "50%" is "fifty percent", "5 km" "five kilometers", "20°C" "twenty degrees Celsius"."""
    text = _QUANTITY[language].sub(lambda match: _say(match, language), text)
    return _FEET.sub(_say_feet, text) if language == "en" else text


def _say(match: "re.Match[str]", language: str) -> str:
    is_single = is_one(match["number"], language) and not match["low"]
    if match["percent"]:
        name = _PERCENT[language]
    elif match["degrees"]:
        one, many, scales = _DEGREES[language]
        scale = scales.get(match["degrees"][-1].lower(), "")
        name = f"{one if is_single else many} {scale}".strip()
    else:
        one, many = _UNITS[language][match["unit"].lower()]
        name = one if is_single else many
    words = number_words(match["number"], language)
    if not match["percent"]:
        words = agree(words, f" {name}", language)
    low = f"{number_words(match['low'], language)} {_TO[language]} " if match["low"] else ""
    minus = _MINUS[language] if match["minus"] else ""
    stop = "." if match["stop"] and ends_sentence(match.string, match.end()) else ""
    following = match.string[match.end() : match.end() + 1]
    return f"{minus}{low}{words} {name}{stop}" + (" " if following.isalnum() else "")


def _say_feet(match: "re.Match[str]") -> str:
    feet, inches = number_words(match[1], "en"), number_words(match[2], "en")
    return f"{feet} feet {inches}" if int(match[2]) else f"{feet} feet"
