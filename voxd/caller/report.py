"""What came of a call. Pure data; filled by `call`, shown by `show`, summed up by `summary`."""

from dataclasses import dataclass, field, fields, is_dataclass
from enum import StrEnum
from typing import Any

import numpy as np
from numpy.typing import NDArray


class Outcome(StrEnum):
    """How far the call came."""

    CONNECTED = "connected"
    """A media stream was open; the turns say the rest."""
    REFUSED = "refused"
    """The webhook answered with a sentence and a hang-up, or a rejection."""
    UNREACHABLE = "unreachable"
    """Nobody answers at the webhook's address."""
    FAILED = "failed"
    """Answered with something that Twilio could not use."""


class TurnStatus(StrEnum):
    """What became of a turn."""

    ANSWERED = "answered"
    UNANSWERED = "unanswered"
    CUT = "cut"
    """The caller hung up in it, as planned: no answer was due."""
    NOT_SPOKEN = "not_spoken"
    """The server ended the call before it."""


@dataclass(frozen=True, slots=True)
class DaemonTurn:
    """The daemon's own times of one turn, milliseconds; None where it gave none."""

    speech_end: float | None = None
    """Seconds on the daemon's loop clock, which on one Linux machine is this process's too."""
    endpoint_ms: float | None = None
    wait_ms: float | None = None
    """Silence that its rule for the end of a turn asked for."""
    stt_latency_ms: float | None = None
    llm_ttft_ms: float | None = None
    llm_clause_ms: float | None = None
    tts_ttfa_ms: float | None = None
    total_latency_ms: float | None = None
    voice_to_voice_ms: float | None = None
    underrun_s: float | None = None
    """Silence inside its reply for want of audio, seconds."""
    attempts: int | None = None
    """Replies that it began for the turn."""
    wasted_tokens: int | None = None
    """Written for those of them that were thrown away."""
    wasted_characters: int | None = None
    """Given to text-to-speech for those."""
    transcript: str | None = None
    """What it heard, when it is allowed to say."""
    reply: str | None = None
    """What it said, when it is allowed to say."""


@dataclass(slots=True)
class TurnReport:
    """One turn at the caller's ear; times in stream time unless in `_ms`."""

    number: int
    """From 1."""
    name: str
    status: TurnStatus
    speech_start_s: float | None = None
    speech_end_s: float | None = None
    answer_s: float | None = None
    """First audible audio of the answer."""
    voice_to_voice_ms: float | None = None
    """`speech_end` to `answer`."""
    is_premature: bool = False
    """A sound began while the caller was still speaking. It never counts as the answer."""
    premature_s: float | None = None
    """When that sound began."""
    interruption_ms: float | None = None
    """The agent was speaking when this turn began: from the caller's onset until silence."""
    daemon: DaemonTurn | None = None
    is_confirmed: bool | None = None
    """The daemon, too, says that a reply of the model to this turn was heard. False: what the
    ear took for the answer was an apology or "are you still there?". None: it was not asked."""


@dataclass(frozen=True, slots=True)
class Hole:
    """A stop in the agent's audio that nobody ordered."""

    at_s: float
    """Stream time at which the buffer ran dry."""
    length_ms: float


@dataclass(slots=True)
class Traffic:
    """Counts of what travelled on the stream."""

    frames_sent: int = 0
    frames_lost: int = 0
    """Frames of a planned stall."""
    media_received: int = 0
    ragged_media: int = 0
    """Media whose length is no multiple of 20 ms: allowed, reported as audible jitter."""
    marks_received: int = 0
    marks_echoed: int = 0
    clears_received: int = 0
    late_frames: int = 0
    """Frames that left more than 20 ms late: this machine is too busy to measure well."""
    latest_frame_ms: float = 0.0
    """The latest of them."""


@dataclass(slots=True)
class CallReport:
    """One call."""

    call_sid: str
    stream_sid: str = ""
    outcome: Outcome = Outcome.FAILED
    problem: str = ""
    """Why it was refused or failed: the sentence of the refusal, or what was wrong."""
    greeting_s: float | None = None
    """First audible audio before the first turn, stream time."""
    turns: list[TurnReport] = field(default_factory=list)
    holes: list[Hole] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)
    """Protocol warnings: what Twilio would have put into its debugger, each kind once."""
    warning_count: int = 0
    """Every single occurrence."""
    traffic: Traffic = field(default_factory=Traffic)
    ended_by: str = ""
    """`caller` or `server`; empty when there was no stream."""
    duration_s: float = 0.0
    origin: float = 0.0
    """Loop time of the stream's first sample."""
    after: list[str] = field(default_factory=list)
    """The TwiML that answered `<Connect action>`, one line a verb."""
    has_daemon_times: bool = False
    daemon_turns: list[DaemonTurn] = field(default_factory=list)
    """As the daemon counted them; in a call without trouble one for each of `turns`."""
    recording: NDArray[np.int16] | None = None
    """int16, shape (samples, 2), 8000 Hz from the start of the stream: caller, agent as played."""

    @property
    def is_good(self) -> bool:
        """Every turn was answered (or cut as planned), none by a mere apology as far as the daemon
        tells, and the server kept to the protocol."""
        due = (TurnStatus.ANSWERED, TurnStatus.CUT)
        return (
            self.outcome is Outcome.CONNECTED
            and not self.warning_count
            and all(t.status in due and t.is_confirmed is not False for t in self.turns)
        )

    def warn(self, text: str) -> None:
        """Note a protocol warning; like Twilio, each kind is listed once."""
        self.warning_count += 1
        if text not in self.warnings and len(self.warnings) < 50:
            self.warnings.append(text)

    def to_json(self) -> dict[str, Any]:
        """Return every number, ready for `json.dumps`; without the recording."""
        plain: dict[str, Any] = _plain(self)
        return {"is_good": self.is_good, **plain}


def _plain(value: Any) -> Any:
    if is_dataclass(value):
        names = (item.name for item in fields(value) if item.name != "recording")
        return {name: _plain(getattr(value, name)) for name in names}
    if isinstance(value, list):
        return [_plain(item) for item in value]
    return round(value, 4) if isinstance(value, float) else value
