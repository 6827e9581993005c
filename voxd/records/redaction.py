"""What must not be kept of words and numbers. Pure.

Numbers are what callers tell that is worth stealing: telephone numbers, cards, codes, dates of
birth. Whoever redacts them loses little of what a conversation was about.
"""

import re

REDACTED_NUMBER = "[number]"
REDACTED_ADDRESS = "[e-mail]"

_ADDRESS = re.compile(r"[^\s@<>]{1,64}@[^\s@<>]{1,255}\.[A-Za-z]{2,24}")
_DIGITS = re.compile(r"\+?\(?\d(?:[\s().,/:-]{0,3}\d){2,}")
"""Three digits or more, however they are grouped."""
_SMALL = (
    *("zero", "oh", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine"),
    *("double", "cero", "un", "uno", "una", "dos", "tres", "cuatro", "cinco", "seis", "siete"),
    *("ocho", "nueve"),
)
_TENS = (
    *("ten", "eleven", "twelve", "thirteen", "fourteen", "fifteen", "sixteen", "seventeen"),
    *("eighteen", "nineteen", "twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty"),
    *("ninety", "diez", "once", "doce", "trece", "catorce", "quince", "diecis[eé]is"),
    *("diecisiete", "dieciocho", "diecinueve", "veinte", "veinti[uú]n", "veintiun[oa]"),
    *("veintid[oó]s", "veintitr[eé]s", "veinticuatro", "veinticinco", "veintis[eé]is"),
    *("veintisiete", "veintiocho", "veintinueve", "treinta", "cuarenta", "cincuenta", "sesenta"),
    *("setenta", "ochenta", "noventa"),
)
"""Of two digits: two of them, one after the other, are a number of four."""
_LARGE = ("hundred", "thousand", "million", "triple", "cien", "ciento", "mil", "mill[oó]n(?:es)?")
"""They make three digits or more of the word beside them. Alone they are figures of speech."""
_EXACT = (
    *("doscient[oa]s", "trescient[oa]s", "cuatrocient[oa]s", "quinient[oa]s", "seiscient[oa]s"),
    *("setecient[oa]s", "ochocient[oa]s", "novecient[oa]s"),
)
"""Three digits even if alone."""
_WORD = rf"(?:{'|'.join((*_SMALL, *_TENS, *_LARGE, *_EXACT))}|\d{{1,2}})"
_SPOKEN = re.compile(rf"\b{_WORD}(?:[\s,.-]{{1,3}}(?:(?:and|y)\s)?{_WORD})*\b", re.IGNORECASE)
"""Words for numbers, one after the other."""
_EACH = re.compile(rf"\b{_WORD}\b", re.IGNORECASE)
_IS_TEN = re.compile(rf"{'|'.join(_TENS)}|\d\d", re.IGNORECASE)
_IS_LARGE = re.compile("|".join(_LARGE), re.IGNORECASE)
_IS_EXACT = re.compile("|".join(_EXACT), re.IGNORECASE)
_KEPT_DIGITS = 2


def redact(text: str) -> str:
    """The text without e-mail addresses and without numbers of three digits or more.

    Of numbers in words: three words or more, and two that are such a number by themselves.
    """
    text = _ADDRESS.sub(REDACTED_ADDRESS, text)
    text = _SPOKEN.sub(_judge, text)
    return _DIGITS.sub(REDACTED_NUMBER, text)


def _judge(found: re.Match[str]) -> str:
    """What is kept of words for numbers."""
    words = _EACH.findall(found[0])
    if len(words) > 2 or any(_IS_EXACT.fullmatch(word) for word in words):
        return REDACTED_NUMBER
    # "At ten. Twenty people" is no number of four digits; digits alone are judged by `_DIGITS`.
    if len(words) == 1 or re.search(r"[,.]", found[0]) or all(map(str.isdecimal, words)):
        return found[0]
    is_large = any(_IS_LARGE.fullmatch(word) for word in words)
    is_long = is_large or all(_IS_TEN.fullmatch(word) for word in words)
    return REDACTED_NUMBER if is_long else found[0]


def mask_number(number: str) -> str:
    """A telephone number of which only the end can be recognised: `+*********00`."""
    plus = "+" if number.startswith("+") else ""
    rest = number.removeprefix("+")
    hidden = max(0, len(rest) - _KEPT_DIGITS)
    return f"{plus}{'*' * hidden}{rest[hidden:]}"
