"""Every number that is left: ordinals, fractions, decades, years, codes, ranges, plain ones. Pure.

The last of those who say numbers: what leaves here has no digit in it.
"""

import re
from collections.abc import Callable

from voxd.dialog.normalization.numbers import (
    NUMBER,
    agree,
    cardinal,
    digits,
    is_feminine,
    number_words,
    ordinal,
    year,
)

_Match = re.Match[str]

_ORDINAL = {
    "en": re.compile(r"\b([0-9][0-9,]{0,8})(st|nd|rd|th)\b"),
    "es": re.compile(r"\b([0-9]{1,6})(?:\.?(º|ª|°|os?\b|as?\b)|(er)\b)(?!\w)"),
}
_NUMBER_SIGN = {
    "en": (re.compile(r"#\s?(?=[0-9])"), "number "),
    "es": (re.compile(r"#\s?(?=[0-9])"), "número "),
}
_VERSION = re.compile(r"(?<![\w.])[0-9]{1,6}(?:\.[0-9]{1,6}){2,}(?![\w])")
_POINT = {"en": " point ", "es": " punto "}

_FRACTION = re.compile(
    r"(?<![\w/.,])(?:([0-9]{1,3})\s)?([1-9])/(2|3|4|5|6|8|10)(?!\w|/|[.,]?[0-9])"
)
_GLYPHS = {"½": "1/2", "⅓": "1/3", "⅔": "2/3", "¼": "1/4", "¾": "3/4", "⅛": "1/8"}
_PARTS = {
    "en": {2: "half", 3: "third", 4: "quarter", 5: "fifth", 6: "sixth", 8: "eighth", 10: "tenth"},
    "es": {
        2: "medio",
        3: "tercio",
        4: "cuarto",
        5: "quinto",
        6: "sexto",
        8: "octavo",
        10: "décimo",
    },
}
_AND = {"en": "and", "es": "y"}

_DECADE = re.compile(r"(?<![\w.,])['’]?((?:1[0-9]|20)?[1-9]0)['’]?s\b")
_YEAR = {
    "en": re.compile(
        r"(?P<before>\b(?:in|since|until|till|by|before|after|from|to|of|year|during|between|and"
        r"|early|late|spring|summer|fall|autumn|winter)\s+(?:the\s+year\s+)?|©\s?)"
        r"(?P<year>1[1-9][0-9]{2}|20[0-9]{2})"
        r"(?![\w%/:-]|[.,][0-9]|\s+(?:[a-z]+s|people|percent|dollars?)\b)",
        re.IGNORECASE,
    )
}

# Behind these words a number is a name and is said digit by digit; behind some of them only if no
# noun in the plural follows, which would be counted ("call 300 customers").
_NAMES = {
    "en": "room|suite|apartment|extension|code|pin|zip|flight|account|number|id|ending in",
    "es": "habitación|extensión|código|pin|vuelo|cuenta|número|terminada en",
}
_MAYBE_NAMES = {
    "en": "confirmation|reference|ticket|invoice|order|case|policy|booking|reservation"
    "|call|dial|text",
    "es": "confirmación|referencia|pedido|factura|póliza|reserva|llame al|marque(?: el)?",
}
_LINKS = {"en": "number|code|id|is|at|in", "es": "número|es|el"}
_CODE = {
    language: re.compile(
        rf"(?P<before>\b(?:(?:{_NAMES[language]})|(?P<maybe>{_MAYBE_NAMES[language]}))"
        rf"(?:\s+(?:{_LINKS[language]}))*\s+)(?P<code>[0-9]{{3,}})(?![\w%/:]|[.,][0-9])"
        r"(?(maybe)(?!\s+\w+s\b))",
        re.IGNORECASE,
    )
    for language in _NAMES
}
_ZIP = re.compile(r"(?<=\b[A-Z]{2} )([0-9]{5})(?:-([0-9]{4}))?\b(?!-)")
_AROUND_THE_CLOCK = re.compile(r"\b24/7\b")

_TIMES = {"en": "times", "es": "veces"}
_BY = {"en": "by", "es": "por"}
_TO = {"en": "to", "es": "a"}
_MINUS = {"en": "minus ", "es": "menos "}
_ABOUT = {"en": "about ", "es": "unos "}


def _compile(language: str) -> "tuple[re.Pattern[str], ...]":
    number = NUMBER[language]
    return (
        re.compile(rf"(?<![\w.,-])({number})\s?[-–—]\s?({number})(?![\w-]|[.,][0-9])"),
        re.compile(rf"({number})\s?[x×]\s?(?={number})"),
        re.compile(rf"({number})[x×]\b"),
        re.compile(rf"(?<![\w)-])[-−](?={number})"),
        re.compile(rf"~\s?(?={number})"),
        re.compile(number),
    )


_PATTERNS = {language: _compile(language) for language in NUMBER}


def say_counts(text: str, language: str) -> str:
    """ "the 3rd of 12" is "the third of twelve", "since 1998" "since nineteen ninety-eight"."""
    for glyph, written in _GLYPHS.items():
        text = text.replace(glyph, f" {written}")
    sign, name = _NUMBER_SIGN[language]
    text = _ORDINAL[language].sub(lambda match: _say_ordinal(match, language), sign.sub(name, text))
    text = _AROUND_THE_CLOCK.sub(_say_around_the_clock(language), text)
    text = _FRACTION.sub(lambda match: _say_fraction(match, language), text)
    text = _VERSION.sub(lambda match: _say_version(match[0], language), text)
    text = _CODE[language].sub(lambda m: m["before"] + digits(m["code"], language), text)
    if language == "en":
        text = _DECADE.sub(_say_decade, text)
        text = _ZIP.sub(lambda m: digits(m[1] + (m[2] or ""), language), text)
        text = _YEAR["en"].sub(lambda m: m["before"] + year(int(m["year"]), "en"), text)
    a_range, by, times, minus, about, number = _PATTERNS[language]
    text = a_range.sub(rf"\1 {_TO[language]} \2", text)
    text = by.sub(rf"\1 {_BY[language]} ", text)
    text = times.sub(rf"\1 {_TIMES[language]}", text)
    text = about.sub(_ABOUT[language], minus.sub(_MINUS[language], text))
    return number.sub(_say_number(language), text)


def _say_number(language: str) -> Callable[[_Match], str]:
    def say(match: _Match) -> str:
        """Letters around it are kept apart: "A12" is "A-twelve", where the hyphen makes voices read
        a letter and no article; "AA1234" is a code."""
        text, start, end = match.string, match.start(), match.end()
        before = ""
        if start and text[start - 1].isalnum():
            before = "-" if text[start - 1].isupper() else " "
        if before and len(match[0]) > 2:
            words = digits(match[0], language)
        else:
            words = agree(number_words(match[0], language), text[end:], language)
        after = " " if end < len(text) and text[end].isalnum() else ""
        return f"{before}{words}{after}"

    return say


def _say_ordinal(match: _Match, language: str) -> str:
    number = int(match[1].replace(",", ""))
    if language == "en":
        return ordinal(number, "en")
    if match[3]:  # "1er piso": the short form before a noun
        return re.sub(r"(primer|tercer)o$", r"\1", ordinal(number, "es"))
    mark = match[2]
    following = re.match(r"\s+(\w+)", match.string[match.end() :])
    feminine = mark.startswith(("ª", "a")) or (
        mark == "°" and following is not None and is_feminine(following[1])
    )
    return ordinal(number, "es", is_feminine=feminine)


def _say_fraction(match: _Match, language: str) -> str:
    whole, over, under = match[1], int(match[2]), int(match[3])
    if over >= under:
        return match[0]
    name = _PARTS[language][under]
    if over == 1:
        part = f"{'a' if whole else 'one'} {name}" if language == "en" else f"un {name}"
        part = "medio" if language == "es" and under == 2 else part
    else:
        many = "halves" if name == "half" else f"{name}s"
        part = f"{cardinal(over, language)} {many}"
    return f"{number_words(whole, language)} {_AND[language]} {part}" if whole else part


def _say_version(written: str, language: str) -> str:
    parts = (cardinal(int(part), language) for part in written.split("."))
    return _POINT[language].join(parts)


def _say_decade(match: _Match) -> str:
    written = int(match[1])
    words = year(written, "en") if written > 99 else cardinal(written, "en")
    return f"{words[:-1]}ies" if words.endswith("y") else f"{words}s"


def _say_around_the_clock(language: str) -> str:
    return {"en": "twenty-four seven", "es": "las veinticuatro horas"}[language]
