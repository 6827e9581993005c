"""Decoding what both Deepgram protocols have in common. Pure.

Messages are read here and not by the SDK, which checks no field either but takes 0.5 ms for each,
25 times as long, on the loop that carries every call's audio. A missing field is None, a wrong one
has whatever type it came with.
"""

import json
import math
from typing import Any

from voxd.engines.stt.segments import Word

MAX_CODE = 64
"""Characters of Deepgram's word for a failure; it is meant to be a constant."""


class Fields:
    """A JSON object of a message, its fields as attributes."""

    def __init__(self, fields: dict[str, Any]) -> None:
        self._fields = fields

    def __getattr__(self, name: str) -> Any:
        return self._fields.get(name)


def read_message(text: str) -> Any:
    """A message, its objects as `Fields`.

    Raises:
        ValueError: it is no JSON.
    """
    return json.loads(text, object_hook=Fields)


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
