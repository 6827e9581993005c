"""What is left to say when a voice breaks off in the middle of a clause. Pure.

A word counts as said once it has begun to sound: said again, the caller would hear it twice.
So the word that was being spoken may be lost, and no other.
"""

import re
from collections.abc import Iterable, Sequence
from typing import Protocol

from voxd.dialog.playout import SPOKEN_CHARACTERS_PER_S

BOUNDARY_S = 0.3
"""A last word that would not sound longer than this is not worth a change of voice."""
_ROUNDING_S = 1e-6
_WORD = re.compile(r"\S+")
_LETTER = re.compile(r"\w")


class TimedWord(Protocol):
    """When one word is spoken, as some engines tell (`cartesia_messages.WordTime`)."""

    @property
    def word(self) -> str: ...
    @property
    def start_s(self) -> float: ...
    @property
    def end_s(self) -> float: ...


class SpeechRate:
    """How fast an engine speaks, learned from the clauses that it finished."""

    def __init__(self) -> None:
        self._characters = 0
        self._seconds = 0.0

    def learn(self, text: str, seconds: float) -> None:
        """A clause was this long as text and as sound."""
        self._characters += len(text)
        self._seconds += seconds

    @property
    def characters_per_s(self) -> float:
        """A typical rate until something was learned."""
        if not self._characters or self._seconds <= 0:
            return SPOKEN_CHARACTERS_PER_S
        return self._characters / self._seconds


def rest_of(
    text: str,
    delivered_s: float,
    characters_per_s: float,
    timed: Sequence[TimedWord] = (),
) -> str:
    """What another voice has to say of a clause; empty when nothing is worth it.

    Args:
        text: the clause.
        delivered_s: seconds of its audio that were delivered, all of which will be heard.
        characters_per_s: how fast the voice speaks, for words without a time.
        timed: words with their times from the beginning of the clause, as far as they are known.
    """
    if delivered_s <= 0:
        return text
    words = list(_WORD.finditer(text))
    spans = _spans(words, characters_per_s, timed)
    unsaid = sum(begin < delivered_s - _ROUNDING_S for begin, _ in spans)
    rest = text[words[unsaid].start() :] if unsaid < len(words) else ""
    is_boundary_near = len(rest) / characters_per_s <= BOUNDARY_S
    # Not a second one lost: the word before must have been said to its end.
    is_last_alone = unsaid == len(words) - 1 and (
        unsaid == 0 or spans[unsaid - 1][1] <= delivered_s + _ROUNDING_S
    )
    return "" if is_boundary_near and is_last_alone else rest


def _spans(
    words: Iterable["re.Match[str]"], characters_per_s: float, timed: Sequence[TimedWord]
) -> list[tuple[float, float]]:
    """When each word begins and ends, seconds from the beginning of the clause.

    Engines cut text into words in their own way, so words are matched by counting letters.
    """
    spans: list[tuple[float, float]] = []
    letters = 0
    timed_letters = 0
    index = 0
    known = (0, 0.0)
    """Character and second from which on only the rate is known."""
    for word in words:
        while index < len(timed) and timed_letters + _letters(timed[index].word) <= letters:
            timed_letters += _letters(timed[index].word)
            index += 1
        if index < len(timed):
            spans.append((timed[index].start_s, timed[index].end_s))
            known = (word.end() + 1, timed[index].end_s)
        else:
            begin, end = (
                known[1] + (character - known[0]) / characters_per_s for character in word.span()
            )
            spans.append((begin, end))
        letters += _letters(word.group())
    return spans


def _letters(word: str) -> int:
    return len(_LETTER.findall(word))
