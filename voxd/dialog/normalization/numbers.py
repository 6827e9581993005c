"""Numbers to words, in English and Spanish. Pure; the words are num2words'.

Everything else in the package builds on these; digits are ASCII only.
"""

import re

from num2words import num2words

MAX_WHOLE_DIGITS = 12
"""A number with more digits is said digit by digit: nobody follows quadrillions by ear."""
MAX_BARE_DIGITS = 6
"""So is one with more digits and no separators, which is an account rather than an amount."""

# One number as it is written. In English the comma groups and the point divides. In Spanish both
# do both, depending on the country: three digits behind a mark are a group, fewer a fraction.
NUMBER = {
    "en": r"(?:[0-9]{1,3}(?:,[0-9]{3})+|[0-9]+)(?:\.[0-9]+)?",
    "es": r"(?:[0-9]{1,3}(?:\.[0-9]{3})+(?:,[0-9]+)?|[0-9]{1,3}(?:,[0-9]{3})+(?:\.[0-9]+)?"
    r"|[0-9]+(?:[.,][0-9]+)?)",
}
_GROUPED = {
    "en": re.compile(r"([0-9]{1,3}(?:,[0-9]{3})+|[0-9]+)(?:\.([0-9]+))?"),
    "es": re.compile(
        r"([1-9][0-9]{0,2}(?:\.[0-9]{3})+|[1-9][0-9]{0,2}(?:,[0-9]{3})+|[0-9]+)(?:[.,]([0-9]+))?"
    ),
}
_POINT = {"en": "point", "es": "coma"}

# Spanish nouns: "a" at the end is feminine but in these; some others are feminine without it.
_MASCULINE = re.compile(r"(?:ma|mas|día|días|mapa|mapas|planeta|planetas)$")
_FEMININE = re.compile(
    r"(?:a|as|ción|ciones|sión|siones|dad|dades|tud|noches?|tardes?|clases?|partes?|llaves?"
    r"|calles?|manos?|vez|veces|luz|luces)$"
)
_NOT_NOUNS = frozenset(
    "y o u e ni de del a al en con por para que es son está hasta más menos punto coma mil".split()
)


def cardinal(number: int, language: str) -> str:
    """A whole number: 21 is "twenty-one"; no commas in it, because a voice pauses there."""
    words = str(num2words(number, lang=language)).replace(",", "")
    if language == "es":  # num2words 0.5.14 says "veintiuno mil"
        words = re.sub(r"veintiuno(?= (?:mil|mill|bill))", "veintiún", words)
        words = re.sub(r"\buno(?= (?:mil|mill|bill))", "un", words)
    return words


def digits(written: str, language: str) -> str:
    """Each digit by itself; everything else in the text is left out."""
    return " ".join(cardinal(int(digit), language) for digit in re.findall("[0-9]", written))


def ordinal(number: int, language: str, *, is_feminine: bool = False) -> str:
    """21 is "twenty-first"; Spanish gives the gender."""
    if number == 0 or number > 999_999:
        return cardinal(number, language)
    words = str(num2words(number, lang=language, to="ordinal")).replace(",", "")
    return re.sub(r"o\b", "a", words) if is_feminine else words


def year(number: int, language: str) -> str:
    """1998 is "nineteen ninety-eight"."""
    if language == "es":
        return cardinal(number, language)
    return str(num2words(number, lang=language, to="year")).replace("-", " ").replace(",", "")


def split_number(written: str, language: str) -> tuple[str, str]:
    """The digits before and behind the mark that divides: "1,234.50" is ("1234", "50")."""
    match = _GROUPED[language].fullmatch(written)
    if match is None:
        return re.sub("[^0-9]", "", written), ""
    return re.sub("[^0-9]", "", match[1]), match[2] or ""


def number_words(written: str, language: str) -> str:
    """A number as it is written, said as an amount; a leading zero makes it a code."""
    whole, fraction = split_number(written, language)
    is_code = len(whole) > 1 and whole.startswith("0")
    is_bare = re.fullmatch("[0-9]+", written) is not None and len(whole) > MAX_BARE_DIGITS
    if is_code or is_bare or len(whole) > MAX_WHOLE_DIGITS:
        words = digits(whole, language)
    else:
        words = cardinal(int(whole or "0"), language)
    if not fraction:
        return words
    as_amount = language == "es" and len(fraction) <= 2 and not fraction.startswith("0")
    said = cardinal(int(fraction), language) if as_amount else digits(fraction, language)
    return f"{words} {_POINT[language]} {said}"


def agree(words: str, following: str, language: str) -> str:
    """Number words before a noun: Spanish says "un día", "veintiuna horas", "doscientas personas".

    Args:
        following: the text behind the number.
    """
    if language != "es":
        return words
    noun = re.match(r"\s+([^\W\d_]+)", following)
    if noun is None or noun[1].lower() in _NOT_NOUNS:
        return words
    return gendered(words, is_feminine=is_feminine(noun[1]))


def gendered(words: str, *, is_feminine: bool) -> str:
    """Spanish number words as they stand before a noun of this gender."""
    if is_feminine:
        words = re.sub(r"uno$", "una", words)
        return words.replace("cientos", "cientas").replace("quinientos", "quinientas")
    return re.sub(r"\buno$", "un", re.sub(r"veintiuno$", "veintiún", words))


def is_feminine(noun: str) -> bool:
    """A guess by the ending of a Spanish noun."""
    noun = noun.lower()
    return not _MASCULINE.search(noun) and _FEMININE.search(noun) is not None


def is_one(written: str, language: str) -> bool:
    """Whether what is counted stands in the singular."""
    return split_number(written, language) == ("1", "")
