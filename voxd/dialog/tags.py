"""The tags by which a model changes its delivery, taken out of its text as it arrives. Pure.

The syntax is Cartesia's own, which models have met in its documentation, and XML they write well
anyway::

    <emotion value="sympathetic"/>I'm sorry to hear that.
    <speed ratio="0.9"/>Let me spell it for you. <volume ratio="1.2"/>Hello?
    [laughter] That is a good one.

A tag holds from where it stands to the next of its kind; a closing tag (`</emotion>`) brings back
the agent's own. Sloppy forms are understood, too: other quotes or none, no slash, `[sad]`.

Whether a tag has any effect is `delivery`'s business. Here every tag goes, also one that nobody
may use, one that is cut off by the end of the reply and one that comes token by token: none is
ever spoken, or becomes history. Other brackets (`[Your Name]`) are not tags and stay.
"""

import re
from dataclasses import dataclass
from enum import StrEnum

from voxd.contracts import EMOTIONS


class Control(StrEnum):
    """What a tag is about."""

    EMOTION = "emotion"
    SPEED = "speed"
    VOLUME = "volume"
    LAUGHTER = "laughter"


@dataclass(frozen=True, slots=True)
class Tag:
    """One tag."""

    control: Control
    value: str = ""
    """As it was written, in small letters; empty: back to the agent's own."""


MAX_TAG = 80
"""Characters of a tag's inside; what goes on longer is cut there."""

_NAMES = ("emotion", "speed", "volume", "laughter", "laugh", "break", "spell", "prosody", "speak")
"""Tags that voices know; the last four only ever go."""
_HELD = {str(control): control for control in (Control.EMOTION, Control.SPEED, Control.VOLUME)}
_LAUGHS = frozenset("laughter laughs laugh laughing chuckles chuckle giggles giggle".split())
_ANGLE = re.compile(
    rf"<\s{{0,2}}(?P<close>/?)\s{{0,2}}(?P<name>{'|'.join(_NAMES)})\b(?P<inside>[^<>]{{0,{MAX_TAG}}})"
    r"(?P<end>>?)",
    re.IGNORECASE,
)
_ANGLE_BEGUN = re.compile(r"<\s{0,2}/?\s{0,2}(?P<name>[a-z]{0,8})", re.IGNORECASE)
_ENDS_IN_NAME = re.compile(r"<\s{0,2}/?\s{0,2}[a-z]{3,8}", re.IGNORECASE)
_SQUARE = re.compile(r"\[\s?(?:emotion\s?[:=]\s?)?(?P<word>[a-z]{2,16})\s?\]", re.IGNORECASE)
_SQUARE_BEGUN = re.compile(
    r"\[\s?[a-z]{0,16}\s?(?:(?<=emotion)[:=]|(?<=emotion\s)[:=])?\s?[a-z]{0,16}\s?", re.IGNORECASE
)
_VALUE = re.compile(r"=\s*[\"'“”‘’]?\s*([\w.]+)")


class TagReader:
    """Separates the tags of one reply from its text."""

    def __init__(self) -> None:
        self._held = ""
        """What may become a tag."""
        self._is_after_space = True
        self._swallows_space = False
        """A tag went, and the space before it is there already."""

    def feed(self, text: str) -> list[str | Tag]:
        """Add text; return what is certain by now, in order."""
        return self._read(self._held + text, is_over=False)

    def finish(self) -> list[str | Tag]:
        """The text is over; a tag that was begun and never ended goes."""
        return self._read(self._held, is_over=True)

    def _read(self, text: str, *, is_over: bool) -> list[str | Tag]:
        found: list[str | Tag] = []
        at = 0
        while (begin := _next_bracket(text, at)) < len(text):
            self._put(found, text[at:begin])
            at = begin
            match = _ANGLE.match(text, at) or _SQUARE.match(text, at)
            is_open = _is_open(match, text, at)
            if is_open and not is_over:
                break
            tags = _judge(match) if match is not None else None
            if is_open and is_over and _ENDS_IN_NAME.fullmatch(text, at):
                at = len(text)
                break
            if match is None or tags is None:
                if not _is_torn(text, at):
                    self._put(found, text[at])
                at += 1
                continue
            found.extend(tags)
            self._swallows_space = self._is_after_space
            at = match.end()
        else:
            self._put(found, text[at:])
            at = len(text)
        self._held = text[at:]
        return found

    def _put(self, found: list[str | Tag], text: str) -> None:
        if self._swallows_space:
            text = text.lstrip()
        if not text:
            return
        self._swallows_space = False
        self._is_after_space = text[-1].isspace()
        if found and isinstance(found[-1], str):
            found[-1] += text
        else:
            found.append(text)


def _next_bracket(text: str, start: int) -> int:
    places = [place for mark in "<[" if (place := text.find(mark, start)) >= 0]
    return min(places, default=len(text))


def _is_open(match: "re.Match[str] | None", text: str, at: int) -> bool:
    """Whether more text may change what begins at `at`."""
    if match is not None and match.re is _SQUARE:
        return False
    if match is not None:
        is_cut = len(match["inside"]) == MAX_TAG
        return not match["end"] and not is_cut and match.end() == len(text)
    begun = (_ANGLE_BEGUN if text[at] == "<" else _SQUARE_BEGUN).match(text, at)
    if begun is None or begun.end() < len(text):
        return False
    return text[at] == "[" or any(name.startswith(begun["name"].lower()) for name in _NAMES)


def _is_torn(text: str, at: int) -> bool:
    """Whether another bracket stands in what may be the beginning of a tag: without that other one
    the two ends would make a tag of their own."""
    begun = _ANGLE_BEGUN.match(text, at)
    if begun is None or text[begun.end() : begun.end() + 1] not in ("<", "["):
        return False
    return any(name.startswith(begun["name"].lower()) for name in _NAMES)


def _judge(match: "re.Match[str]") -> list[Tag] | None:
    """What a match means; None: it is text."""
    if match.re is _SQUARE:
        word = match["word"].lower()
        if word in _LAUGHS:
            return [Tag(Control.LAUGHTER)]
        return [Tag(Control.EMOTION, word)] if word in EMOTIONS else None
    name = match["name"].lower()
    if name in ("laughter", "laugh"):
        return [] if match["close"] else [Tag(Control.LAUGHTER)]
    if name not in _HELD or not match["end"]:
        return []  # broken off: who knows what it would have said
    if match["close"]:
        return [Tag(_HELD[name])]
    value = _VALUE.search(match["inside"])
    return [Tag(_HELD[name], value[1].lower())] if value else []
