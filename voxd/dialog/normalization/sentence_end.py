"""Whether an abbreviation's full stop is its sentence's as well. Pure."""

import re

_SENTENCE_BOUNDARY = re.compile(r"[\"'”’)\]]*(?:\s*$|\s+[\"'“‘(]*(?:[A-ZÁÉÍÓÚÑ](?![A-Z])|[¿¡]))")


def ends_sentence(text: str, end: int) -> bool:
    """Whether a full stop that ends an abbreviation before `end` ends its sentence as well: a
    capital letter follows (but no "EST"), or nothing."""
    return _SENTENCE_BOUNDARY.match(text, end) is not None
