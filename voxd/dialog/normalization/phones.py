"""Telephone and card numbers: digit by digit, a short pause between the groups. Pure."""

import re

from voxd.dialog.normalization.numbers import cardinal, digits

_GROUPS = re.compile(
    r"(?<![\w.,/$€£:-])"
    r"(?P<plus>\+[0-9]{1,3}[ .-]?)?"
    r"(?P<first>1[ .-])?"
    r"(?P<area>\([0-9]{2,5}\)[ .-]{0,2})?"
    r"(?P<rest>[0-9]{2,4}(?:[ .-][0-9]{2,4}){0,5})"
    r"(?P<extension>,? ?(?:x|ext\.?|extension|extensión)\s?(?P<inner>[0-9]{1,6}))?"
    r"(?![\w/%:°-]|[.,][0-9]|\s?[€£%])"
)
_BARE = re.compile(
    r"(?<![\w.,/$€£:-])(\+(?:[0-9]{1,3}[ .-])?)?([0-9]{9,11})(?![\w/%:-]|[.,][0-9]|\s?[€£%])"
)
_YEAR = re.compile(r"(?:19|20)[0-9]{2}")
_PLUS = {"en": "plus", "es": "más"}
_EXTENSION = {"en": "extension", "es": "extensión"}
_MIN_DIGITS, _MAX_DIGITS = 7, 19


def say_phones(text: str, language: str) -> str:
    """ "(555) 123-4567" is "five five five, one two three, four five six seven"."""
    text = _GROUPS.sub(lambda match: _say_groups(match, language), text)
    return _BARE.sub(lambda match: _say_bare(match, language), text)


def _say_groups(match: "re.Match[str]", language: str) -> str:
    rest = re.split("[ .-]", match["rest"])
    before = [match["plus"], match["first"], match["area"]]
    groups = [re.sub("[^0-9]", "", part) for part in before if part] + rest
    count = sum(map(len, groups))
    if not _MIN_DIGITS <= count <= _MAX_DIGITS or not _is_phone(match, rest):
        return match[0]
    said = ", ".join(_say_group(group, language) for group in groups)
    plus = f"{_PLUS[language]} " if match["plus"] else ""
    inner = f", {_EXTENSION[language]} {digits(match['inner'], language)}" if match["inner"] else ""
    return f"{plus}{said}{inner}"


def _is_phone(match: "re.Match[str]", rest: list[str]) -> bool:
    """Digits in groups may be a telephone number, a range of years or just numbers in a row."""
    if match["plus"] or match["area"] or match["first"]:
        return True
    if len(rest) == 2:
        a_range = all(_YEAR.fullmatch(group) for group in rest)
        return not a_range and "-" in match["rest"] and [len(group) for group in rest] == [3, 4]
    return len(rest) > 2


def _say_bare(match: "re.Match[str]", language: str) -> str:
    """Digits in a row, as long as a telephone number: in the groups that its country uses."""
    number = match[2]
    cuts = {9: (3, 6), 10: (3, 6), 11: (1, 4, 7)}[len(number)]
    groups = [number[a:b] for a, b in zip((0, *cuts), (*cuts, len(number)), strict=True)]
    if match[1] and len(match[1]) > 1:
        groups = [match[1][1:-1], *groups]
    plus = f"{_PLUS[language]} " if match[1] else ""
    return plus + ", ".join(_say_group(group, language) for group in groups)


def _say_group(group: str, language: str) -> str:
    return (
        cardinal(800, language) if group == "800" and language == "en" else digits(group, language)
    )
