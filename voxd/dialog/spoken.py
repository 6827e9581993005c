"""Text for the ear: what a model writes, without what only an eye can use. Pure.

Called by the replier on every clause before text-to-speech.
"""

import re

_PLACEHOLDER = re.compile(
    r"\[(?=[^\[\]]*[^\W\d_])[^\[\]]{1,60}\](?!\()"  # [Your Name], [laughs]; not [5]
    r"|<(?=[^<>]*[^\W\d_])\S[^<>]{0,58}\S>"
    r"|\{(?=[^{}]*[^\W\d_])[^{}]{1,60}\}"
)
_LINK = re.compile(r"\[([^\]]+)\]\([^)]*\)")
_MARKUP = re.compile(r"[*_`~#|<>{}\[\]]+")
_BULLET = re.compile(r"^\s*(?:[-•·–—]|\d{1,2}[.)])\s+")
_EMOJI = re.compile(
    "[\U0001f000-\U0001faff\U00002600-\U000027bf\U0001f1e6-\U0001f1ff\u2190-\u21ff\ufe0f\u200d]+"
)
_WORDS = {"&": " and ", "%": " percent", "@": " at ", "+": " plus ", "=": " equals "}
_HAS_SPEECH = re.compile(r"\w", re.UNICODE)


def to_spoken(text: str) -> str:
    """A clause as it should be spoken; empty when nothing in it can be.

    Placeholders such as `[Your Name]`, Markdown marks, bullets, list numbers and emoji go; links
    keep their text; a few symbols become words; white space collapses to single spaces.
    """
    text = _PLACEHOLDER.sub(" ", text)
    text = _LINK.sub(r"\1", text)
    text = _BULLET.sub("", text)
    text = _EMOJI.sub(" ", text)
    text = _MARKUP.sub(" ", text)
    for symbol, word in _WORDS.items():
        text = text.replace(symbol, word)
    text = re.sub(r"\s+", " ", text).strip()
    text = re.sub(r"\s+([,.!?;:])", r"\1", text)
    return text if _HAS_SPEECH.search(text) else ""
