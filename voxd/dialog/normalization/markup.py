"""What only an eye can use: Markdown, HTML, emoji, placeholders, stage directions. Pure."""

import html
import re

_ENDLESS_REFERENCE = re.compile(r"&#[0-9]{8,};?")
"""Of no character; `html.unescape` raises where its number is too long for Python."""
_PLACEHOLDER = re.compile(
    r"\[(?=[^\[\]]*[^\W\d_])[^\[\]]{1,60}\](?!\()"  # [Your Name], [laughs]; not [5]
    r"|</?[^\W\d_][^<>]{0,60}>"
    r"|\{(?=[^{}]*[^\W\d_])[^{}]{1,60}\}"
)
_STAGE_DIRECTION = re.compile(
    r"[*(_]{1,3}(?:(?:softly|gently|slightly|warmly|brief) )?"
    r"(?:laugh(?:s|ing|ter)?|chuckl(?:es|ing)|giggl(?:es|ing)|smil(?:es|ing)|sigh(?:s|ing)?"
    r"|paus(?:e|es|ing)|nods|clears throat"
    r"|ríe|risas|sonríe|suspira|pausa)(?: (?:softly|gently|slightly|warmly|briefly))?[*)_]{1,3}",
    re.IGNORECASE,
)
_FENCE = re.compile(r"```[^\n`]*\n?")
_IMAGE = re.compile(r"!\[[^\]]{0,200}\]\([^)\s]{0,500}\)")
_LINK = re.compile(r"\[([^\[\]]{1,200})\]\([^)]{0,500}\)")
_LINE_END = re.compile(r"[ \t]*[\n\r\v\f]\s*")
_RULE = re.compile(r"^(?:[-*_=][ \t]*){3,}$", re.MULTILINE)
_TABLE_RULE = re.compile(r"^\|?[ \t]*:?-{2,}[ \t:|-]*$", re.MULTILINE)
_HEADING = re.compile(r"^#{1,6}[ \t]+", re.MULTILINE)
_QUOTE = re.compile(r"^>+[ \t]?", re.MULTILINE)
_ITEM = re.compile(r"^(?:[-*+•·–—▪◦]|\d{1,2}[.)])[ \t]+(?:\[[ xX]\][ \t]+)?(.*)$", re.MULTILINE)
_CELLS = re.compile(r"\s*\|\s*")
_MARKS = re.compile(r"[*_`~|<>{}\[\]\\^]+")
_WORDS_WITH_LINES = re.compile(r"(?<=[^\W_])_(?=[^\W_])")
_EMOJI = re.compile(
    "[\U0001f000-\U0001faff\U00002600-\U000027bf\U0001f1e6-\U0001f1ff\u2190-\u21ff\u2300-\u23ff"
    "\u25a0-\u25ff\u2b00-\u2bff\u3030\u303d\u3297\u3299\ufe00-\ufe0f\u200b-\u200f\u2060\ufeff"
    "\u20e3\U000e0000-\U000e007f]+"
)
_CONTROL = re.compile(r"[\x00-\x08\x0e-\x1f\x7f-\x9f\ud800-\udfff]+")
_LAST_IS_OPEN = re.compile(r"[^\W_][\"'”’)]*$")


def strip_markup(text: str) -> str:
    """The words without marks. Links keep their text; an item of a list ends with a comma, so
    that a voice pauses there; `~` before a number, and `#`, are left for those who say them."""
    text = html.unescape(_ENDLESS_REFERENCE.sub(" ", text))
    text = _LINE_END.sub("\n", _CONTROL.sub(" ", text).strip())
    text = _RULE.sub("", _TABLE_RULE.sub("", text))
    text = _IMAGE.sub(" ", _FENCE.sub("", text))
    text = _STAGE_DIRECTION.sub(" ", text)
    text = _LINK.sub(r"\1", _PLACEHOLDER.sub(" ", text))
    text = _QUOTE.sub("", _HEADING.sub("", text))
    text = _ITEM.sub(_say_item, text)
    text = re.sub(r"~(?=[0-9$€£])", "\ue000", text)
    text = _EMOJI.sub(" ", text)
    if "|" in text:
        text = _CELLS.sub(", ", text.strip("| \n"))
    text = _MARKS.sub(" ", _WORDS_WITH_LINES.sub(" ", text))
    return text.replace("\ue000", "~")


def _say_item(match: "re.Match[str]") -> str:
    words = match[1].rstrip().rstrip("*_`")
    return f"{words}," if _LAST_IS_OPEN.search(words) else match[1]
