"""What the caller has heard of the agent's words: the brain's ledger. Pure.

The speaker reports clauses as they are written to the line, with the time at which the caller
hears their first sample. Marks confirm; between marks the duration tells how far playback is.
"""

from dataclasses import dataclass

SPOKEN_CHARACTERS_PER_S = 15.0
"""Typical rate of synthetic speech (measured: Piper en_US-joe-medium, 27 characters in 1.7 s);
used only while a clause's duration is not known yet."""


@dataclass(slots=True)
class _Clause:
    clause: int
    text: str
    heard_at: float
    duration_s: float | None = None
    is_heard: bool = False


class PlayoutLedger:
    """The clauses of the reply or phrase that is sounding."""

    def __init__(self) -> None:
        self._clauses: list[_Clause] = []

    def start_clause(self, clause: int, text: str, heard_at: float) -> None:
        """The first frame of a clause was written; it is heard at `heard_at` (loop clock)."""
        self._clauses.append(_Clause(clause, text, heard_at))

    def end_clause(self, clause: int, duration_s: float) -> None:
        """The clause was written to its end and lasts this long."""
        for entry in self._clauses:
            if entry.clause == clause:
                entry.duration_s = duration_s

    def confirm(self, clause: int) -> None:
        """A mark came back: everything up to and with this clause was heard."""
        for entry in self._clauses:
            if entry.clause <= clause:
                entry.is_heard = True

    def clear(self) -> None:
        """Forget everything: another reply begins."""
        self._clauses.clear()

    def text(self) -> str:
        """All clauses that were begun, joined."""
        return " ".join(entry.text for entry in self._clauses)

    def ends_at(self, at: float) -> float:
        """When the caller will have heard all that was begun; not before `at`."""
        return max((entry.heard_at + _duration(entry) for entry in self._clauses), default=at)

    def heard(self, at: float) -> str:
        """The words heard by `at`, whole words, the one being spoken left out."""
        parts = []
        for entry in self._clauses:
            if entry.is_heard:
                parts.append(entry.text)
                continue
            fraction = (at - entry.heard_at) / _duration(entry)
            if fraction >= 1:
                parts.append(entry.text)
            elif fraction > 0:
                parts.append(_first_part(entry.text, fraction))
        return " ".join(part for part in parts if part)


def _duration(entry: _Clause) -> float:
    if entry.duration_s is not None:
        return max(entry.duration_s, 0.02)
    return max(len(entry.text) / SPOKEN_CHARACTERS_PER_S, 0.02)


def _first_part(text: str, fraction: float) -> str:
    """The words that end within the first `fraction` of the text, by characters."""
    limit = fraction * len(text)
    if limit >= len(text):
        return text
    cut = text.rfind(" ", 0, int(limit) + 1)
    return text[:cut].rstrip() if cut > 0 else ""
