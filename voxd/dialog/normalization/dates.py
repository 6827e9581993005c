"""Days, months and years as one says them. Pure.

A year alone is `counting`'s; a month written short ("Jan.") becomes whole here wherever it stands.
"""

import re

from voxd.dialog.normalization.numbers import cardinal, ordinal, year
from voxd.dialog.normalization.sentence_end import ends_sentence

_MONTHS = {
    "en": "January February March April May June July August September October November December",
    "es": "enero febrero marzo abril mayo junio julio agosto septiembre octubre noviembre"
    " diciembre",
}
_MONTH_EN = (
    r"(?P<month>Jan(?:uary)?|Feb(?:ruary)?|Mar(?:ch)?|Apr(?:il)?|May|June?|July?|Aug(?:ust)?"
    r"|Sept?(?:ember)?|Oct(?:ober)?|Nov(?:ember)?|Dec(?:ember)?)\b\.?"
)
_MONTH_ES = (
    r"(?P<month>ene(?:ro)?|feb(?:rero)?|mar(?:zo)?|abr(?:il)?|mayo?|jun(?:io)?|jul(?:io)?"
    r"|ago(?:sto)?|sept?(?:iembre)?|setiembre|oct(?:ubre)?|nov(?:iembre)?|dic(?:iembre)?)\b\.?"
)
_DAY = r"(?P<day>[0-2]?[0-9]|3[01])"
_TO_DAY = r"(?:\s?[-–—]\s?(?P<to>[0-2]?[0-9]|3[01])(?![0-9]))?"
_YEAR = r"(?P<year>1[0-9]{3}|20[0-9]{2})(?![0-9.,]*[0-9])"
_NO_MORE = r"(?![\w:/]|[.,][0-9])"

_ISO = re.compile(
    rf"(?<![\w/.-]){_YEAR.replace('(?![0-9.,]*[0-9])', '')}-(?P<month>0?[1-9]|1[0-2])-{_DAY}"
    r"(?![\w-]|\.[0-9])(?:T(?=[0-9]))?"
)
_SLASHES = re.compile(
    r"(?<![\w/.,-])(?P<first>[0-3]?[0-9])(?P<mark>[/.])(?P<second>[0-3]?[0-9])(?P=mark)"
    r"(?P<year>(?:19|20)[0-9]{2}|[0-9]{2})(?![\w/-]|[.,][0-9])"
)
_SHORT_SLASHES = re.compile(
    r"(?P<before>\b(?:on|by|until|since|before|after|from|el|al|del|hasta|desde)\s+)"
    r"(?P<first>[0-3]?[0-9])/(?P<second>[0-3]?[0-9])(?![\w/-]|[.,][0-9])",
    re.IGNORECASE,
)
_MONTH_DAY_EN = re.compile(
    rf"\b{_MONTH_EN}\s+{_DAY}(?:st|nd|rd|th)?{_TO_DAY}(?:st|nd|rd|th)?{_NO_MORE}(?:,?\s+{_YEAR})?"
)
_DAY_MONTH_EN = re.compile(
    rf"(?P<the>\bthe\s+)?(?<![\w:/.,-]){_DAY}(?:st|nd|rd|th)?(?:\s+of)?\s+{_MONTH_EN}(?:,?\s+{_YEAR})?"
)
_MONTH_YEAR_EN = re.compile(rf"\b{_MONTH_EN},?\s+{_YEAR}")
_DAY_MONTH_ES = re.compile(
    rf"(?<![\w:/.,-]){_DAY}[º°]?(?:\s+de)?\s+{_MONTH_ES}(?:,?\s+(?:del?\s+)?{_YEAR})?",
    re.IGNORECASE,
)
_SHORT_MONTH_EN = re.compile(r"\b(Jan|Feb|Apr|Aug|Sept?|Oct|Nov|Dec)\.(?=\s*[\w,])")

_WEEKDAYS = {
    "en": {
        "mon": "Monday",
        "tue": "Tuesday",
        "wed": "Wednesday",
        "thu": "Thursday",
        "fri": "Friday",
        "sat": "Saturday",
        "sun": "Sunday",
    },
    "es": {
        "lun": "lunes",
        "mar": "martes",
        "mié": "miércoles",
        "mie": "miércoles",
        "jue": "jueves",
        "vie": "viernes",
        "sáb": "sábado",
        "sab": "sábado",
        "dom": "domingo",
    },
}
_TO = {"en": "to", "es": "a"}
_DAY_EN = r"(?:Mon|Tues?|Wed|Thu(?:rs?)?|Fri|Sat|Sun)(?:day|sday|nesday|rsday|urday)?"
_DAY_ES = (
    r"(?:lunes|martes|mi[ée]rcoles|jueves|viernes|s[áa]bado|domingo|lun|mar|mi[ée]|jue|vie|s[áa]b"
    r"|dom)"
)
_WEEKDAY_RANGE = {
    "en": re.compile(rf"\b({_DAY_EN})\.?\s?[-–—/]\s?({_DAY_EN})\b\.?(?=[^.]|$)"),
    "es": re.compile(rf"\b({_DAY_ES})\.?\s?[-–—/]\s?({_DAY_ES})\b\.?(?=[^.]|$)", re.IGNORECASE),
}
_WEEKDAY_BEFORE_TIME = {
    "en": re.compile(r"\b(Mon|Tues?|Wed|Thu(?:rs?)?|Fri|Sat|Sun)\b\.?(?=[,:]?\s[0-9])"),
    "es": re.compile(rf"\b({_DAY_ES})\.(?=[,:]?\s[0-9])"),
}


def say_dates(text: str, language: str) -> str:
    """ "3/15/2024" is "March fifteenth, twenty twenty-four"; Spanish reads day before month."""

    def weekday(word: str) -> str:
        return _WEEKDAYS[language].get(word[:3].lower(), word)

    def by_numbers(match: "re.Match[str]") -> str:
        return _say_slashes(match, language)

    def weekdays(match: "re.Match[str]") -> str:
        is_end = match[0].endswith(".") and ends_sentence(match.string, match.end())
        stop = "." if is_end else ""
        return f"{weekday(match[1])} {_TO[language]} {weekday(match[2])}{stop}"

    text = _WEEKDAY_RANGE[language].sub(weekdays, text)
    text = _WEEKDAY_BEFORE_TIME[language].sub(lambda match: weekday(match[1]), text)
    text = _ISO.sub(
        lambda match: _say(match[0], match["day"], match["month"], match["year"], language) + " ",
        text,
    )
    text = _SHORT_SLASHES.sub(by_numbers, _SLASHES.sub(by_numbers, text))
    if language == "es":
        return _DAY_MONTH_ES.sub(_say_day_month_es, text)
    text = _MONTH_DAY_EN.sub(_say_month_day_en, text)
    text = _DAY_MONTH_EN.sub(_say_day_month_en, text)
    text = _MONTH_YEAR_EN.sub(lambda match: f"{_month(match['month'])} {_year(match)}", text)
    return _SHORT_MONTH_EN.sub(lambda match: _month(match[1]), text)


def _month(word: str, language: str = "en") -> str:
    """A month by its first letters or its number."""
    names = _MONTHS[language].split()
    if word.isdigit():
        return names[int(word) - 1]
    start = "sep" if word.lower().startswith("set") else word[:3].lower()
    return next(name for name in names if name.lower().startswith(start))


def _year(match: "re.Match[str]", language: str = "en") -> str:
    return year(int(match["year"]), language)


def _say(written: str, day: str, month: str, a_year: str, language: str) -> str:
    """A date of numbers; what is none stays as it is."""
    if not (1 <= int(day) <= 31 and 1 <= int(month) <= 12):
        return written
    if a_year and len(a_year) == 2:
        a_year = f"20{a_year}"
    if language == "es":
        said_year = f" de {year(int(a_year), 'es')}" if a_year else ""
        return f"{_day_es(int(day))} de {_month(month, 'es')}{said_year}"
    said_year = f", {year(int(a_year), 'en')}" if a_year else ""
    return f"{_month(month)} {ordinal(int(day), 'en')}{said_year}"


def _say_slashes(match: "re.Match[str]", language: str) -> str:
    groups = match.groupdict()
    before, first, second = groups.get("before") or "", match["first"], match["second"]
    day_first = language == "es" or groups.get("mark") == "." or int(first) > 12
    day, month = (first, second) if day_first else (second, first)
    said = _say("", day, month, groups.get("year") or "", language)
    return before + said if said else match[0]


def _say_month_day_en(match: "re.Match[str]") -> str:
    if not int(match["day"]):
        return match[0]
    said = f"{_month(match['month'])} {ordinal(int(match['day']), 'en')}"
    if match["to"]:
        said += f" to {ordinal(int(match['to']), 'en')}"
    return f"{said}, {_year(match)}" if match["year"] else said


def _say_day_month_en(match: "re.Match[str]") -> str:
    if not int(match["day"]):
        return match[0]
    said = f"{match['the'] or 'the '}{ordinal(int(match['day']), 'en')} of {_month(match['month'])}"
    return f"{said}, {_year(match)}" if match["year"] else said


def _say_day_month_es(match: "re.Match[str]") -> str:
    is_short_without_de = " de " not in match[0] and len(match["month"]) <= 4 and not match["year"]
    if not int(match["day"]) or (is_short_without_de and not match[0].endswith(".")):
        return match[0]  # "3 mar" may be anything
    said = f"{_day_es(int(match['day']))} de {_month(match['month'], 'es')}"
    return f"{said} de {_year(match, 'es')}" if match["year"] else said


def _day_es(day: int) -> str:
    return "primero" if day == 1 else cardinal(day, "es")
