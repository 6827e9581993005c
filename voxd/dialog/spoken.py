"""Text for the ear: what a model writes, as a person would say it. Pure.

Called by the replier on every clause before text-to-speech, and for every stock phrase. Only the
voice gets the result: the history keeps the model's own text, so that its KV cache stays valid.
Times of words, and what a next voice goes on with, are counted in the spoken text.
"""

import re

from voxd.dialog.normalization import LANGUAGES
from voxd.dialog.normalization.abbreviations import has_abbreviation
from voxd.dialog.normalization.letters import plain_letters
from voxd.dialog.normalization.markup import strip_markup
from voxd.dialog.normalization.symbols import tidy

MAX_CHARACTERS = 800
"""Digits grow as they become words. The result is cut at a word when it is longer than this and
longer than the text was: a minute of digits is nothing that anybody asked for."""

_WORD = r"[A-Za-zÀ-ÖØ-öø-ÿ'’]+"
_PLAIN = re.compile(rf"[¿¡]?(?=[^\W_]){_WORD}(?:[,;:!?]? {_WORD})*[,;:.!?]?")
"""Most clauses by far: nothing would change them. A caller waits for the first of them, and the
steps take 0.1 to 0.2 ms to find nothing in a plain sentence."""
_NEEDS_WORDS = re.compile(r"[0-9½⅓⅔¼¾⅛@&%+=×÷±≈≥≤°§$€£¥/]|\w\.")
"""Words with marks alone need none of the steps."""
_HAS_SPEECH = re.compile(r"\w", re.UNICODE)


def to_spoken(text: str, language: str) -> str:
    """A text as it should be spoken; empty when nothing in it can be.

    Markup, emoji and placeholders such as `[Your Name]` go in every language; numbers, money,
    dates, times, addresses, units and abbreviations become words in those of
    `normalization.LANGUAGES`. Never raises; at most `MAX_CHARACTERS` long, or as long as
    the text was.

    Args:
        language: BCP-47 primary subtag of the text.
    """
    if _PLAIN.fullmatch(text) and not has_abbreviation(text):
        return text
    spoken = strip_markup(text)
    if not _HAS_SPEECH.search(spoken):
        return ""
    if language in LANGUAGES:
        spoken = plain_letters(spoken)
        if _NEEDS_WORDS.search(spoken):
            from voxd.dialog.normalization.words import say_words  # late, see there

            spoken = say_words(spoken, language)
    return _cut(tidy(spoken), max(MAX_CHARACTERS, len(text)))


def is_speakable(text: str) -> bool:
    """Whether anything in a text can be spoken, in any language."""
    return bool(_PLAIN.fullmatch(text) or _HAS_SPEECH.search(strip_markup(text)))


def _cut(text: str, limit: int) -> str:
    if len(text) <= limit:
        return text
    return text[: limit + 1].rpartition(" ")[0] or text[:limit]
