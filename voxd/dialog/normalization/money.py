"""Amounts of money as one says them. Pure."""

import re
from dataclasses import dataclass

from voxd.dialog.normalization.numbers import (
    NUMBER,
    cardinal,
    gendered,
    number_words,
    split_number,
)


@dataclass(frozen=True, slots=True)
class _Currency:
    one: str
    many: str
    cent: str
    cents: str
    is_feminine: bool = False


_DOLLAR = {
    "en": _Currency("dollar", "dollars", "cent", "cents"),
    "es": _Currency("dólar", "dólares", "centavo", "centavos"),
}
_EURO = {
    "en": _Currency("euro", "euros", "cent", "cents"),
    "es": _Currency("euro", "euros", "céntimo", "céntimos"),
}
_POUND = {
    "en": _Currency("pound", "pounds", "penny", "pence"),
    "es": _Currency("libra", "libras", "penique", "peniques", is_feminine=True),
}
_YEN = {"en": _Currency("yen", "yen", "sen", "sen"), "es": _Currency("yen", "yenes", "sen", "sen")}
_PESO = {
    "en": _Currency("peso", "pesos", "centavo", "centavos"),
    "es": _Currency("peso", "pesos", "centavo", "centavos"),
}
_CURRENCIES = {
    "$": _DOLLAR,
    "us$": _DOLLAR,
    "c$": _DOLLAR,
    "usd": _DOLLAR,
    "cad": _DOLLAR,
    "€": _EURO,
    "eur": _EURO,
    "£": _POUND,
    "gbp": _POUND,
    "¥": _YEN,
    "mx$": _PESO,
    "mxn": _PESO,
}
_SIGN = r"(?:US\$|C\$|MX\$|[$€£¥])"
_CODE = r"(?:USD|EUR|GBP|MXN|CAD)"
_MAGNITUDES = {
    "en": {"k": "thousand", "m": "million", "b": "billion"},
    "es": {"k": "mil", "m": "millones", "b": "mil millones"},
}
_MAGNITUDE = r"(?:\s?(?P<big>[kKM]|bn|B|million|billion|thousand|mil(?:lones|lón)?)\b)?"
_TO = {"en": "to", "es": "a"}
_PER = {"en": "per", "es": "por"}
_AND = {"en": "and", "es": "con"}
_PERIODS = {
    "mo": "month",
    "hr": "hour",
    "yr": "year",
    "wk": "week",
    "ea": "piece",
}
_PERIOD = (
    r"month|mo|hour|hr|day|night|week|wk|year|yr|person|visit|session|unit|ea"
    r"|mes|hora|día|noche|semana|año|persona|sesión|unidad"
)
_PATTERNS = {
    language: (
        re.compile(
            rf"(?P<sign>{_SIGN})\s?(?P<low>{number})\s?[-–—]\s?(?:{_SIGN})?\s?(?P<high>{number})"
            rf"{_MAGNITUDE}(?![\w])"
        ),
        re.compile(
            rf"(?P<minus>(?<!\w)[-−]\s?)?(?P<sign>{_SIGN})\s?(?P<number>{number}){_MAGNITUDE}"
            rf"(?:\s?{_CODE}\b)?"
        ),
        re.compile(
            rf"(?<![\w.,])(?P<minus>[-−])?(?P<number>{number}){_MAGNITUDE}\s?"
            rf"(?P<sign>{_SIGN}|{_CODE}\b)(?![0-9])"
        ),
    )
    for language, number in NUMBER.items()
}
_PER_PERIOD = re.compile(rf"(?<=[a-zéó])\s?/\s?({_PERIOD})\b", re.IGNORECASE)


def say_money(text: str, language: str) -> str:
    """ "$3.50" is "three dollars and fifty cents", "5 €" "five euros", "$1.5M" as one says it."""
    a_range, before, behind = _PATTERNS[language]
    if not re.search(rf"{_SIGN}|{_CODE}", text):
        return text
    text = a_range.sub(lambda match: _say_range(match, language), text)
    text = before.sub(lambda match: _say_amount(match, language), text)
    text = behind.sub(lambda match: _say_amount(match, language), text)
    return _PER_PERIOD.sub(lambda match: _say_period(match[1], language), text)


def _say_amount(match: "re.Match[str]", language: str) -> str:
    minus = {"en": "minus ", "es": "menos "}[language] if match["minus"] else ""
    said = _amount(match["number"], match["sign"], match["big"], language)
    following = match.string[match.end() : match.end() + 1]
    return minus + said + (" " if following.isalnum() else "")


def _say_range(match: "re.Match[str]", language: str) -> str:
    low = number_words(match["low"], language)
    high = _amount(match["high"], match["sign"], match["big"], language)
    return f"{low} {_TO[language]} {high}"


def _say_period(period: str, language: str) -> str:
    return f" {_PER[language]} {_PERIODS.get(period.lower(), period)}"


def _amount(number: str, sign: str, magnitude: str | None, language: str) -> str:
    currency = _CURRENCIES[sign.lower()][language]
    if magnitude:
        return _large(number, magnitude, currency, language)
    whole, fraction = split_number(number, language)
    fraction = fraction + "0" if len(fraction) == 1 else fraction
    if len(fraction) > 2 or len(whole) > 12:
        words = number_words(number, language)
        return f"{_agreeing(words, currency, language)} {currency.many}"
    units, cents = int(whole or "0"), int(fraction or "0")
    parts = []
    if units or not cents:
        words = _agreeing(cardinal(units, language), currency, language)
        is_round = language == "es" and units >= 1_000_000 and units % 1_000_000 == 0
        name = currency.one if units == 1 else currency.many
        parts.append(f"{words} {'de ' if is_round else ''}{name}")
    if cents:
        name = currency.cent if cents == 1 else currency.cents
        words = cardinal(cents, language)
        parts.append(f"{gendered(words, is_feminine=False) if language == 'es' else words} {name}")
    return f" {_AND[language]} ".join(parts)


def _large(number: str, magnitude: str, currency: _Currency, language: str) -> str:
    words = number_words(number, language)
    name = _MAGNITUDES[language].get(magnitude[0].lower(), magnitude)
    if language == "es":
        if name == "millones" and words == "uno":
            name = "millón"
        words = gendered(words, is_feminine=False)
        return f"{words} {name} {'' if name == 'mil' else 'de '}{currency.many}"
    return f"{words} {name} {currency.many}"


def _agreeing(words: str, currency: _Currency, language: str) -> str:
    return gendered(words, is_feminine=currency.is_feminine) if language == "es" else words
