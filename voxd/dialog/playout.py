"""What the caller has heard of the agent's words: the brain's ledger. Pure.

The speaker reports clauses as they are written to the line, with the time at which the caller
hears their first sample. Marks confirm; between marks the times of the words tell how far playback
is, or, where text-to-speech does not tell them, the clause's duration.
"""

import itertools
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from voxd.events import SpokenWord

SPOKEN_CHARACTERS_PER_S = 15.0
"""Typical rate of synthetic speech (measured: Piper en_US-joe-medium, 27 characters in 1.7 s);
what is believed of a clause before any has been measured."""
_PRIOR_S = 2.0
"""Until so much speech has been measured, it counts for less than that belief."""
_LETTER = re.compile(r"\w")


@dataclass(slots=True)
class _Clause:
    clause: int
    text: str
    heard_at: float
    is_heard: bool = False


@dataclass(frozen=True, slots=True)
class _Measure:
    duration_s: float
    words: Sequence[SpokenWord] = ()


class PlayoutLedger:
    """The clauses of the reply or phrase that is sounding."""

    def __init__(self) -> None:
        self._clauses: list[_Clause] = []
        self._measures: dict[int, _Measure] = {}
        self._held_at: float | None = None
        self._characters = SPOKEN_CHARACTERS_PER_S * _PRIOR_S
        self._seconds = _PRIOR_S
        """Of all clauses that were measured, earlier replies' too: how fast the agent speaks."""

    def start_clause(self, clause: int, text: str, heard_at: float, from_s: float = 0.0) -> None:
        """A frame of a clause is heard at `heard_at` (loop clock), its first or, after a hold,
        the one `from_s` seconds into it."""
        self._held_at = None
        for entry in self._clauses:
            if entry.clause == clause:
                entry.heard_at = heard_at - from_s
                return
        self._clauses.append(_Clause(clause, text, heard_at - from_s))

    def measure_clause(
        self, clause: int, duration_s: float, words: Sequence[SpokenWord] = ()
    ) -> None:
        """The clause lasts this long; its words are spoken then, if that is known."""
        known = self._measures.get(clause)
        if known is None and duration_s > 0:
            texts = (entry.text for entry in self._clauses if entry.clause == clause)
            for text in texts:
                self._characters += len(text)
                self._seconds += duration_s
        self._measures[clause] = _Measure(duration_s, words or (known.words if known else ()))

    def confirm(self, clause: int) -> None:
        """A mark came back: everything up to and with this clause was heard."""
        for entry in self._clauses:
            if entry.clause <= clause:
                entry.is_heard = True

    def hold(self, at: float) -> None:
        """Playback has stopped: what is heard stays as it is until a clause starts again.

        Stopped anew before that, it still stands where it stopped first.
        """
        if self._held_at is None:
            self._held_at = at
            self._clauses = [it for it in self._clauses if it.is_heard or it.heard_at < at]

    def clear(self) -> None:
        """Forget everything: another reply begins."""
        self._clauses.clear()
        self._measures.clear()
        self._held_at = None

    def text(self) -> str:
        """All clauses that were begun, joined."""
        return " ".join(entry.text for entry in self._clauses)

    def has_begun(self, clause: int) -> bool:
        """Whether some of this clause was written to the line."""
        return any(entry.clause == clause for entry in self._clauses)

    def ends_at(self, at: float) -> float:
        """When the caller will have heard all that was begun; not before `at`."""
        ends = (entry.heard_at + self._duration(entry) for entry in self._clauses)
        return max(ends, default=at)

    def heard(self, at: float) -> str:
        """The words heard by `at` (or by the hold), whole words, the one being spoken left out."""
        at = at if self._held_at is None else self._held_at
        parts = []
        for entry in self._clauses:
            elapsed_s = at - entry.heard_at
            if entry.is_heard or elapsed_s >= self._duration(entry):
                parts.append(entry.text)
            elif elapsed_s > 0:
                parts.append(self._first_part(entry, elapsed_s))
        return " ".join(part for part in parts if part)

    def _duration(self, entry: _Clause) -> float:
        measure = self._measures.get(entry.clause)
        if measure is not None:
            return max(measure.duration_s, 0.02)
        return max(len(entry.text) * self._seconds / self._characters, 0.02)

    def _first_part(self, entry: _Clause, elapsed_s: float) -> str:
        """The words of a clause that were spoken within this time."""
        measure = self._measures.get(entry.clause)
        if measure is not None and measure.words:
            spoken = [word.word for word in measure.words]
            ended = sum(word.end_s <= elapsed_s for word in measure.words)
            return _first_words(entry.text, spoken, ended)
        return _first_characters(entry.text, elapsed_s / self._duration(entry))


def _first_words(text: str, spoken: Sequence[str], ended: int) -> str:
    """The text up to where it is when the first `ended` of the spoken words are over.

    What is spoken may be written otherwise ("$5" for "five dollars"). Words before and after such
    a place are matched one by one; within it, its share counts.
    """
    written = [(match.end(), _letters(match.group())) for match in re.finditer(r"\S+", text)]
    written = [(end, letters) for end, letters in written if letters]
    heard = [_letters(word) for word in spoken]
    ended = sum(bool(letters) for letters in heard[:ended])
    heard = [letters for letters in heard if letters]
    shorter = min(len(written), len(heard))
    before = _matching((it for _, it in written), heard, shorter)
    after = _matching((it for _, it in reversed(written)), reversed(heard), shorter - before)
    if ended <= before:
        count = ended
    elif len(heard) - ended <= after:
        count = len(written) - (len(heard) - ended)
    else:
        share = (ended - before) / (len(heard) - before - after)
        count = before + int(share * (len(written) - before - after))
    return text[: written[count - 1][0]] if count else ""


def _letters(word: str) -> str:
    return "".join(_LETTER.findall(word)).casefold()


def _matching(one: Iterable[str], other: Iterable[str], most: int) -> int:
    """How many items are equal from the beginning, at most so many."""
    pairs = itertools.islice(zip(one, other, strict=False), most)
    return sum(1 for _ in itertools.takewhile(lambda pair: pair[0] == pair[1], pairs))


def _first_characters(text: str, fraction: float) -> str:
    """The words that end within the first `fraction` of the text, by characters."""
    limit = fraction * len(text)
    if limit >= len(text):
        return text
    cut = text.rfind(" ", 0, int(limit) + 1)
    return text[:cut].rstrip() if cut > 0 else ""
