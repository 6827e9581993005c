"""Decoding what both Deepgram protocols have in common. Pure.

The SDK checks no field: a missing one is None, a wrong one has whatever type it came with.
"""

import math
from typing import Any

from voxd.engines.stt.segments import Word

MAX_CODE = 64
"""Characters of Deepgram's word for a failure; it is meant to be a constant."""


def decode_number(value: Any) -> float | None:
    """A finite number, or None."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        return None
    return float(value)


def decode_words(words: Any) -> tuple[Word, ...]:
    """Words with their times; nothing at all when one of them is not whole."""
    if not isinstance(words, list):
        return ()
    decoded = []
    for word in words:
        text = getattr(word, "punctuated_word", None) or getattr(word, "word", None)
        start = decode_number(getattr(word, "start", None))
        end = decode_number(getattr(word, "end", None))
        if not isinstance(text, str) or start is None or end is None:
            return ()
        decoded.append(Word(text, start, end))
    return tuple(decoded)


def decode_code(value: Any) -> str:
    """Deepgram's constant word for a failure."""
    return value[:MAX_CODE] if isinstance(value, str) and value else "unnamed error"
