"""Twilio's playback buffer in virtual time. Pure; fed by `stream`, read by `measure`.

Audio plays from its receipt, or behind what is still playing. Nothing here ticks: the times of
the messages say all there is to know. Every time is stream time and never goes back.
"""

from collections import deque
from dataclasses import dataclass, field

from voxd.caller.mulaw import RATE_HZ


@dataclass(slots=True)
class Run:
    """Audio that played without a stop."""

    start: float
    """Stream time of its first sample."""
    is_after_clear: bool
    """A `clear` came between the run before and this one: the stop between them was ordered."""
    samples: int = 0
    """Samples received and not dropped; some may still lie in the future."""
    pieces: list[bytes] = field(default_factory=list)
    """The mu-law itself, as received; only its first `samples` bytes count."""

    @property
    def end(self) -> float:
        """Stream time just after its last sample."""
        return self.start + self.samples / RATE_HZ

    def mulaw(self) -> bytes:
        """Return what of it was (or will be) played."""
        return b"".join(self.pieces)[: self.samples]


class Playback:
    """The far end of the line: what was sent to it, and when the caller hears it."""

    def __init__(self) -> None:
        self.runs: list[Run] = []
        """Everything played so far and still to play, in order."""
        self._marks: deque[tuple[float, str]] = deque()
        self._is_after_clear = False

    def write(self, mulaw: bytes, at: float) -> float:
        """Take audio received at `at`; return when its first sample is heard."""
        if not self.runs or self._is_after_clear or self.runs[-1].end < at:
            self.runs.append(Run(at, self._is_after_clear))
            self._is_after_clear = False
        run = self.runs[-1]
        start = run.end
        run.pieces.append(mulaw)
        run.samples += len(mulaw)
        return start

    def mark(self, name: str, at: float) -> None:
        """Take a mark received at `at`; it is due when all audio before it has played."""
        self._marks.append((max(at, self.ends_at), name))

    def clear(self, at: float) -> list[str]:
        """Drop what has not played by `at`; return all outstanding marks, in order."""
        while self.runs and self.runs[-1].start >= at:
            self.runs.pop()
        if self.runs and self.runs[-1].end > at:
            self.runs[-1].samples = round((at - self.runs[-1].start) * RATE_HZ)
        self._is_after_clear = True
        names = [name for _, name in self._marks]
        self._marks.clear()
        return names

    def take_marks(self, at: float) -> list[str]:
        """Return the marks that playback has reached by `at`, each once, in order."""
        names = []
        while self._marks and self._marks[0][0] <= at:
            names.append(self._marks.popleft()[1])
        return names

    @property
    def next_mark_at(self) -> float | None:
        """When the next mark is due, or None when none is outstanding."""
        return self._marks[0][0] if self._marks else None

    @property
    def marks_outstanding(self) -> int:
        """Marks that were received and have not been returned."""
        return len(self._marks)

    @property
    def ends_at(self) -> float:
        """When the buffer runs dry, or ran dry."""
        return self.runs[-1].end if self.runs else 0.0
