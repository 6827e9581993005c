"""The audio of one attempt on its way to the line: clauses of whole frames. No I/O.

Filled by the replier, emptied by the speaker. It holds what `speaker.AUDIO_AHEAD_S` and
`replier.MAX_CLAUSE_S` allow, see there.
"""

import asyncio
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field

from voxd.audio.framing import FrameCutter
from voxd.contracts import FRAME_S, LINE_RATE_HZ, Priority, Urgency
from voxd.events import SpokenWord


@dataclass(slots=True, eq=False)
class Clause:
    """One clause of an attempt."""

    voice: "Voice"
    number: int
    text: str
    frames: deque[bytes] = field(default_factory=deque)
    """Whole frames of mu-law that were not sent yet."""
    is_ended: bool = False
    """No more audio will come."""
    is_whole: bool = True
    """False when synthesis broke off: what was sent of it never counts as heard."""
    is_started: bool = False
    sent_s: float = 0.0
    """Seconds of audio that were sent."""
    heard_by: float = 0.0
    """When its last sample is heard, by the playback model."""
    words: tuple[SpokenWord, ...] = ()
    """When its words are spoken, as far as text-to-speech told."""
    is_measured: bool = False
    """Its length was reported."""

    def put_back(self, frames: list[bytes]) -> None:
        """These were sent last and are to be sent again: it starts once more, with them."""
        self.frames.extendleft(reversed(frames))
        self.sent_s -= len(frames) * FRAME_S
        self.is_started = False


@dataclass(slots=True)
class Cost:
    """What was spent on an attempt so far."""

    tokens: int = 0
    """That the model wrote; by its own count once it has finished, until then by their length."""
    characters: int = 0
    """That were given to text-to-speech."""


class Voice:
    """One attempt's audio. `eq` is identity."""

    def __init__(self, reply_id: int, is_reply: bool, on_audio: Callable[[], None]) -> None:
        self.reply_id = reply_id
        self.is_reply = is_reply
        """The model's own words, not a phrase."""
        self.is_committed = False
        self.urgency = Urgency(Priority.SPECULATION)
        """Of all work for it; rises with its commit."""
        self.cost = Cost()
        self.is_dropped = False
        self.is_on_hold = False
        """Committed, but nothing of it is sent at the moment."""
        self.is_muted = False
        """It takes no audio at the moment."""
        self.is_ended = False
        """No more clauses will come."""
        self.is_audible = False
        """Some of it was sent."""
        self.clauses: deque[Clause] = deque()
        """Clauses that were not wholly sent, the first is the one being sent."""
        self.clause_count = 0
        self.has_room = asyncio.Event()
        """Set whenever less is unsent than before."""
        self._on_audio = on_audio
        self._cutter = FrameCutter()
        self._held_back = b""
        """Audio of the clause being spoken that is not to sound for now; less than a clause."""

    @property
    def current(self) -> Clause | None:
        """The clause to send from now."""
        return self.clauses[0] if self.clauses else None

    @property
    def is_sent(self) -> bool:
        """All of it was sent, marks included."""
        return self.is_ended and not self.clauses

    @property
    def unsent_s(self) -> float:
        """Seconds of audio that wait to be sent."""
        return sum(len(clause.frames) for clause in self.clauses) * FRAME_S

    def commit(self) -> None:
        """It may sound, and its work is urgent from now on."""
        self.is_committed = True
        self.urgency.raise_to(Priority.COMMITTED)
        self.has_room.set()

    def begin_clause(self, number: int, text: str) -> None:
        """Audio that follows belongs to this clause."""
        if self._takes_audio:
            self.clauses.append(Clause(self, number, text))
            self.clause_count += 1

    def write(self, mulaw: bytes) -> None:
        """Add audio of the clause that was begun last, any number of bytes."""
        if self._takes_audio:
            self._held_back = b""
            self._add(self._cutter.push(mulaw))

    def end_clause(self, words: tuple[SpokenWord, ...] = ()) -> None:
        """The clause is complete: pad its last frame with silence."""
        if self._takes_audio:
            self._held_back = b""
            self._add(self._cutter.flush())
            self.clauses[-1].words = words
            self.clauses[-1].is_ended = True
            self._on_audio()

    @property
    def sent_s(self) -> float:
        """See `contracts.Outlet`."""
        clause = self._spoken
        return clause.sent_s if clause is not None else 0.0

    def hold_back(self, keep_s: float) -> float:
        """See `contracts.Outlet`."""
        clause = self._spoken
        if clause is None:
            return keep_s
        unsent = b"".join(clause.frames) + self._cutter.take() + self._held_back
        kept = max(0, round((keep_s - clause.sent_s) * LINE_RATE_HZ))
        self._held_back = unsent[kept:]
        clause.frames = deque(self._cutter.push(unsent[:kept]))
        return clause.sent_s + len(unsent[:kept]) / LINE_RATE_HZ

    def release(self) -> None:
        """See `contracts.Outlet`."""
        if self._held_back:
            self.write(self._held_back)

    def break_off(self) -> None:
        """Synthesis failed: end the clause that was begun, if any, as one that is not whole."""
        if not self._takes_audio or not self.clauses or self.clauses[-1].is_ended:
            return
        clause = self.clauses[-1]
        clause.is_whole = False
        self.end_clause()
        if not clause.frames and not clause.is_started:
            self.clauses.pop()
            self.clause_count -= 1

    def mute(self) -> None:
        """Forget all audio, of which nothing may be audible, and take no more for now."""
        self.is_muted = True
        self.clauses.clear()
        self.clause_count = 0
        self._cutter = FrameCutter()
        self._held_back = b""
        self.has_room.set()

    def unmute(self) -> None:
        """Take audio again, from the beginning."""
        self.is_muted = False

    def end(self) -> None:
        """No clause will follow."""
        self.is_ended = True
        self._on_audio()

    def take_frames(self, clause: Clause, most: int) -> bytes:
        """The next frames to send, at most so many, as one piece."""
        self.has_room.set()
        count = min(most, len(clause.frames))
        return b"".join(clause.frames.popleft() for _ in range(count))

    def drop(self) -> None:
        """Forget all audio and take no more."""
        self.is_dropped = True
        self.clauses.clear()
        self.has_room.set()

    @property
    def _spoken(self) -> Clause | None:
        """The clause that is being spoken and sounds or will."""
        if not self._takes_audio or not self.clauses or self.clauses[-1].is_ended:
            return None
        return self.clauses[-1]

    @property
    def _takes_audio(self) -> bool:
        return not self.is_dropped and not self.is_muted

    def _add(self, frames: list[bytes]) -> None:
        if frames:
            self.clauses[-1].frames.extend(frames)
            self._on_audio()
