"""What a call in turns has to say: words written, words handed to Twilio, words heard. No I/O.

A reply or phrase is a `Part`. Its clauses arrive one by one; each request of Twilio's takes those
that are there. When the caller hears them nobody tells, so playback is a model: speech of a usual
pace, begun when the document was answered. It decides what the history believes was heard when
the caller cuts the agent short.

Bound: `clauses.CLAUSES_AHEAD` of what waits of one part is kept by its writer; all in all a reply
has at most `agent.max_tokens`.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field

from voxd.call.clauses import Written
from voxd.call.voice import Voice
from voxd.dialog.playout import SPOKEN_CHARACTERS_PER_S
from voxd.twilio.turns import Spoken


@dataclass(slots=True, eq=False)
class Part:
    """One reply, phrase or sequence of keys."""

    voice: Voice
    """Of the attempt: its urgency and cost. It never holds audio here."""
    clauses: list[Written] = field(default_factory=list)
    digits: str = ""
    is_filler: bool = False
    is_written: bool = False
    """No clause will come any more."""
    taken: int = 0
    """Clauses that Twilio was told to say."""
    started: int = 0
    """Clauses of which the caller has heard the beginning, by the model."""
    heard_at: list[float] = field(default_factory=list)
    """When each of the taken clauses begins to be heard, loop clock."""

    @property
    def reply_id(self) -> int:
        return self.voice.reply_id

    @property
    def has_more(self) -> bool:
        """Something of it was not taken yet."""
        return self.taken < len(self.clauses) or bool(self.digits)

    @property
    def is_taken(self) -> bool:
        """All of it was."""
        return self.is_written and not self.has_more


@dataclass(frozen=True, slots=True)
class Begun:
    """The caller hears a clause begin."""

    part: Part
    clause: Written
    heard_at: float


class TurnScript:
    """The parts of one call that are not over, oldest first."""

    def __init__(self) -> None:
        self._parts: list[Part] = []
        self.plays_until = 0.0
        """When the caller has heard all that was taken, loop clock, by the model."""

    def open(
        self,
        reply_id: int,
        *,
        is_reply: bool = False,
        is_committed: bool = True,
        is_filler: bool = False,
    ) -> Part:
        """Begin an attempt, a phrase or a sequence of keys."""
        voice = Voice(reply_id, is_reply, on_audio=_nothing)
        if is_committed:
            voice.commit()
        part = Part(voice, is_filler=is_filler)
        self._parts.append(part)
        return part

    def find(self, reply_id: int) -> Part | None:
        """An attempt that is not over."""
        return next((part for part in self._parts if part.reply_id == reply_id), None)

    def remove(self, part: Part) -> None:
        """It is over: heard, or dropped."""
        if part in self._parts:
            self._parts.remove(part)

    @property
    def is_making(self) -> bool:
        """Something that is to be said is being written."""
        return any(part.voice.is_committed and not part.is_written for part in self._parts)

    @property
    def has_words(self) -> bool:
        """Something can be said now that is no filler."""
        return any(part.has_more and not part.is_filler for part in self._committed())

    def take(self, now: float) -> list[Spoken]:
        """What can be said now, as Twilio is to say it; it is heard from `now` on.

        A filler is left out, and over, where the reply it was to bridge to has come.
        """
        has_words = self.has_words
        spoken: list[Spoken] = []
        self.plays_until = max(self.plays_until, now)
        for part in list(self._committed()):
            if part.is_filler and has_words:
                self.remove(part)
                continue
            for clause in part.clauses[part.taken :]:
                spoken.append(Spoken(clause.spoken))
                part.heard_at.append(self.plays_until)
                self.plays_until += len(clause.spoken) / SPOKEN_CHARACTERS_PER_S
                part.voice.is_audible = True
            part.taken = len(part.clauses)
            if part.digits:
                spoken.append(Spoken(digits=part.digits))
                part.digits = ""
        return spoken

    def begin(self, until: float) -> list[Begun]:
        """The taken clauses that begin to be heard by `until` and were not told of before.

        The first of a part counts as begun once it was taken: the caller waits no more.
        """
        begun = []
        for part in self._parts:
            while part.started < part.taken and (
                part.started == 0 or part.heard_at[part.started] <= until
            ):
                clause = part.clauses[part.started]
                begun.append(Begun(part, clause, part.heard_at[part.started]))
                part.started += 1
        return begun

    def end_taken(self) -> list[Part]:
        """Remove the parts that were taken whole, and return them: they are heard, or cut."""
        ended = [part for part in self._committed() if part.is_taken]
        for part in ended:
            self.remove(part)
        return ended

    def _committed(self) -> Iterator[Part]:
        parts = list(self._parts)  # a muted one broke off and is about to be made again
        return (part for part in parts if part.voice.is_committed and not part.voice.is_muted)


def _nothing() -> None:
    """No audio comes here."""
