"""What is left to say when a voice breaks off in the middle of a clause. Pure.

Voices break off in the middle of words. What the line does not have yet can be taken back, so the
cut is made before the broken word wherever that is still possible, and the next voice says it
whole: nothing is lost, nothing is heard twice. A word whose beginning the line has already is
judged by what the caller hears of it: less than half is no word, and it is said again, as a
speaker does who was interrupted; half of it or more is understood or nearly so, and saying it
again would be saying it twice.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from voxd.dialog.playout import SPOKEN_CHARACTERS_PER_S

BOUNDARY_S = 0.3
"""A last word that would not sound longer than this is not worth a change of voice."""
HEARD = 0.5
"""The part of a word from which on it counts as heard."""
_ROUNDING_S = 1e-6
_ROUNDING = 1e-6
"""Of a part of a word: exactly half is half, whichever way its seconds were added up."""
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


@dataclass(frozen=True, slots=True)
class Cut:
    """Where one voice ends and what the next one says."""

    keep_s: float
    """Seconds of the first one's audio that are to be heard, from its beginning."""
    rest: str
    """The words after it; empty when nothing is worth a change of voice."""


def choose_cut(
    text: str,
    delivered_s: float,
    sent_s: float,
    characters_per_s: float,
    timed: Sequence[TimedWord] = (),
) -> Cut:
    """Where to cut a clause whose voice has broken off.

    Args:
        text: the clause.
        delivered_s: seconds of its audio that were delivered.
        sent_s: seconds of it that the line has and that will be heard.
        characters_per_s: how fast the voice speaks, for words without a time.
        timed: words with their times from the beginning of the clause, as far as they are known.
    """
    if delivered_s <= 0:
        return Cut(0.0, text)
    words = list(_WORD.finditer(text))
    spans = _spans(words, characters_per_s, timed)
    said = sum(end <= delivered_s + _ROUNDING_S for _, end in spans)
    keep_s, is_word_lost = delivered_s, False
    if said < len(words) and spans[said][0] < delivered_s - _ROUNDING_S:
        begin, end = spans[said]
        if min(sent_s, delivered_s) - begin < (HEARD - _ROUNDING) * (end - begin):
            keep_s = min(max(begin, sent_s), delivered_s)
        else:
            is_word_lost = True
            said += 1
    rest = text[words[said].start() :] if said < len(words) else ""
    is_last_alone = said == len(words) - 1 and not is_word_lost
    if is_last_alone and len(rest) / characters_per_s <= BOUNDARY_S:
        return Cut(delivered_s, "")
    return Cut(keep_s, rest)


def _spans(
    words: Sequence["re.Match[str]"], characters_per_s: float, timed: Sequence[TimedWord]
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
        own = _letters(word.group())
        if index < len(timed):
            last, reached = index, timed_letters + _letters(timed[index].word)
            while reached < letters + own and last + 1 < len(timed):
                last += 1
                reached += _letters(timed[last].word)
            spans.append((timed[index].start_s, timed[last].end_s))
            known = (word.end() + 1, timed[last].end_s)
        else:
            begin, end = (
                known[1] + (character - known[0]) / characters_per_s for character in word.span()
            )
            spans.append((begin, end))
        letters += own
    return spans


def _letters(word: str) -> int:
    return len(_LETTER.findall(word))
