"""Times of day as one says them. Pure.

Hours from 13 to 23 become the half of the day that they belong to.
"""

import re

from voxd.dialog.normalization.numbers import cardinal
from voxd.dialog.normalization.sentence_end import ends_sentence

_CLOCK = r"(?:[01]?[0-9]|2[0-4])"
_HALF = r"\s?(?P<half>[aApP])(?:\.\s?[mM]\b\.?|[mM]\b\.?)"
_WITH_HALF = re.compile(
    rf"(?<![\w:.,/$€£-])(?P<hour>1[0-2]|0?[1-9])(?:[:.](?P<minute>[0-5][0-9]))?{_HALF}(?!\w)"
)
_WITH_MINUTES = re.compile(
    rf"(?<![\w:.,/$€£-])(?P<hour>{_CLOCK}):(?P<minute>[0-5][0-9])(?::[0-5][0-9])?"
    r"(?:\s?(?:hrs?\b|h\b|[aApP]\.?\s?[mM]\b)\.?)?(?![\w:]|\.[0-9])"
)
_TIME = rf"{_CLOCK}(?::[0-5][0-9])?(?:\s?[aApP]\.?[mM]\b\.?)?"
_RANGE = re.compile(rf"(?<![\w:.,/$€£-])({_TIME})\s?[-–—]\s?({_TIME})(?![\w:/]|[.,]?[0-9])")
_IS_TIME = re.compile(r":|[mM]")
_TO = {"en": "to", "es": "a"}


def say_times(text: str, language: str) -> str:
    """ "9:30am" is "nine thirty AM", "9-5pm" is "9 to five PM"."""
    text = _RANGE.sub(lambda match: _open_range(match, language), text)
    text = _WITH_HALF.sub(lambda match: _say(match, language), text)
    return _WITH_MINUTES.sub(lambda match: _say(match, language), text)


def _open_range(match: "re.Match[str]", language: str) -> str:
    if not _IS_TIME.search(match[0]):
        return match[0]  # two numbers, and nothing says that they are times
    return f"{match[1]} {_TO[language]} {match[2]}"


def _say(match: "re.Match[str]", language: str) -> str:
    groups = match.groupdict()
    hour, minute = int(match["hour"]), int(groups["minute"] or 0)
    half = (groups.get("half") or "").lower()
    said = (_say_es if language == "es" else _say_en)(hour, minute, half)
    is_end = match[0].endswith(".") and ends_sentence(match.string, match.end())
    return f"{said}." if is_end else said


def _say_en(hour: int, minute: int, half: str) -> str:
    if not half and hour in (0, 24):
        half = "a"
    elif not half and hour > 12:
        half = "p"
    words = cardinal(hour % 12 or 12, "en")
    if minute >= 10:
        words += f" {cardinal(minute, 'en')}"
    elif minute:
        words += f" oh {cardinal(minute, 'en')}"
    elif not half:
        words += " o'clock"
    return f"{words} {half.upper()}M" if half else words


def _say_es(hour: int, minute: int, half: str) -> str:
    if half == "p" and hour != 12:
        hour += 12
    elif half == "a" and hour == 12:
        hour = 0
    has_part = bool(half) or hour > 12 or hour == 0
    hour %= 24
    words = "una" if hour % 12 == 1 else cardinal(hour % 12 or 12, "es")
    if minute:
        words += {15: " y cuarto", 30: " y media"}.get(minute, f" y {cardinal(minute, 'es')}")
    return f"{words} {_part_of_day(hour)}" if has_part else words


def _part_of_day(hour: int) -> str:
    if 1 <= hour < 12:
        return "de la mañana"
    if 12 <= hour < 20:
        return "de la tarde"
    return "de la noche"
