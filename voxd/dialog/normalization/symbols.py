"""Symbols to words, brackets and dashes to the pauses that they stand for. Pure.

The last step of `voxd.dialog.spoken`; `tidy` alone also serves languages whose words are unknown.
"""

import re

_WORDS = {
    "en": {
        "&": "and",
        "%": "percent",
        "@": "at",
        "+": "plus",
        "=": "equals",
        "×": "times",
        "÷": "divided by",
        "±": "plus or minus",
        "≈": "about",
        "≥": "at least",
        "≤": "at most",
        "°": "degrees",
        "§": "section",
        "$": "dollars",
        "€": "euros",
        "£": "pounds",
        "¥": "yen",
    },
    "es": {
        "&": "y",
        "%": "por ciento",
        "@": "arroba",
        "+": "más",
        "=": "igual a",
        "×": "por",
        "÷": "entre",
        "±": "más o menos",
        "≈": "unos",
        "≥": "al menos",
        "≤": "como mucho",
        "°": "grados",
        "§": "sección",
        "$": "dólares",
        "€": "euros",
        "£": "libras",
        "¥": "yenes",
    },
}
_OR = {"en": "or", "es": "o"}
_AND_OR = {"en": (re.compile(r"\band/or\b"), "and or"), "es": (re.compile(r"\by/o\b"), "y o")}
_SLASH = re.compile(r"(?<=\w)\s?/\s?(?=\w)")

_SILENT = re.compile(r"[#~\"“”„«»©®™†‡•·…]*[#~©®™†‡•·]+[#~©®™†‡•·]*")
_BRACKETS = re.compile(r"\s*[()]+\s*")
_DASH = re.compile(r"\s+[-–—]+\s+|\s*[–—]+\s*|-{2,}")
_COLON_BETWEEN = re.compile(r"(?<=\w):(?=\w)")
_LONELY = re.compile(r"(?<!\S)[/:;,.\-−]+(?!\S)")
_WEAK_BEFORE_STRONG = re.compile(r"[,;:]\s*(?=[,;:.!?])")
_WEAK_AFTER_STRONG = re.compile(r"(?<=[.!?]),+")
_MANY_STRONG = re.compile(r"([!?])[!?]+")
_SPACE_BEFORE_MARK = re.compile(r"\s+([,.!?;:])")


def say_symbols(text: str, language: str) -> str:
    """ "fish & chips" is "fish and chips", "pick-up/drop-off" "pick-up or drop-off"."""
    pattern, words = _AND_OR[language]
    text = _SLASH.sub(f" {_OR[language]} ", pattern.sub(words, text))
    for symbol, word in _WORDS[language].items():
        if symbol in text:
            text = text.replace(symbol, f" {word} ")
    return text


def tidy(text: str) -> str:
    """Pauses where brackets and dashes were, one mark where several met, single spaces."""
    text = _SILENT.sub(" ", text)
    text = _BRACKETS.sub(", ", text)
    text = _COLON_BETWEEN.sub(" ", _DASH.sub(", ", text))
    text = re.sub(r"[\s/]+", " ", text)
    text = _LONELY.sub(" ", _SPACE_BEFORE_MARK.sub(r"\1", text))
    text = _WEAK_BEFORE_STRONG.sub("", text)
    text = _MANY_STRONG.sub(r"\1", _WEAK_AFTER_STRONG.sub("", text))
    return re.sub(r"\s+", " ", text).strip().lstrip(",;:.!? ")
