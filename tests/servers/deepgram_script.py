"""What the loopback Deepgram server is told to do, and what it writes down."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

KEY = "test-key"


@dataclass(frozen=True, slots=True)
class Utterance:
    """One thing that the caller says, whatever the audio really contains."""

    text: str
    seconds: float | None = None
    """How long it is; words come evenly over it. None: about three words a second, and all of
    them at the first pause."""
    start: float | None = None
    """Second of the stream; None: at the next speech that the audio's energy shows."""


class Trouble(StrEnum):
    """What may go wrong in an open stream."""

    MUTE = "mute"
    """Takes everything, sends nothing any more."""
    STALL = "stall"
    """Neither reads nor sends, not even the answer to a close."""
    CLOSE = "close"
    """Closes with `Fault.code` and `Fault.reason`."""
    DROP = "drop"
    """The TCP connection is reset."""
    GARBAGE = "garbage"
    """A text message that is no JSON."""
    BINARY = "binary"
    """A binary message."""
    ERROR = "error"
    """An `Error` message."""
    ODD_RESULTS = "odd results"
    """Results whose fields are missing or of the wrong type; then it goes on."""


@dataclass(frozen=True, slots=True)
class Fault:
    """One scripted mishap in a stream."""

    trouble: Trouble
    after_results: int = 0
    """Results (or TurnInfos) that are sent before it."""
    at_s: float = 0.0
    """Seconds of audio that are received before it."""
    code: int = 1011
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Refusal:
    """One scripted mishap at the handshake."""

    status: int = 500
    """HTTP status; 0: the connection is dropped, -1: no answer ever comes."""
    reason: str = "Internal server error."
    retry_after: str = ""


@dataclass(slots=True)
class Script:
    """How the server behaves; may be changed at any time, counts for the next connections."""

    utterances: tuple[Utterance, ...] = (Utterance("Hello there."),)
    """Said one after the other, then again from the first."""
    key: str = KEY
    interim_s: float = 1.0
    """Seconds of audio between two interims (v1); Flux sends four updates a second."""
    interim_delay_s: float = 0.0
    """From the audio to an interim (v1) or any TurnInfo but an end of turn (v2)."""
    final_delay_s: float = 0.0
    """From the audio, or Finalize, to a final (v1) or an end of turn (v2)."""
    tail_s: float = 0.0
    """The newest part of the audio in which an interim has no words yet."""
    segment_s: float = 5.0
    """A final comes after this much audio even without a pause (v1)."""
    deaf_below_s: float = 0.0
    """Finalize with less than this pending stays unanswered (v1)."""
    utterance_gap_s: float = 0.7
    """Speech after this much silence is the next utterance."""
    eager_s: float = 0.24
    """Silence that makes an eager end of turn (v2)."""
    end_s: float = 0.64
    """Silence that makes an end of turn (v2)."""
    idle_s: float = 10.0
    """A client that sends neither audio nor text for this long is closed."""
    unknown_every: int = 5
    """Every so many results an unknown message type is sent; 0: never."""
    refusals: list[Refusal] = field(default_factory=list)
    """Used up one by one, by the next connections."""
    refusal: Refusal | None = None
    """For every connection, as long as it is there."""
    fault: Fault | None = None


@dataclass(slots=True)
class Connection:
    """One WebSocket; seconds of `time.monotonic`."""

    path: str
    query: Mapping[str, list[str]]
    headers: Mapping[str, str]
    opened_at: float
    audio_bytes: int = 0
    received: list[tuple[float, str]] = field(default_factory=list)
    """Text messages by their type, audio as `audio N` (bytes); with the time of their coming."""
    sent: list[tuple[float, dict[str, Any]]] = field(default_factory=list)
    closed_with: int | None = None
    """The code of the close; 1006 without one; None while it is open."""

    def controls(self) -> list[str]:
        """Types of the text messages that came."""
        return [word for _, word in self.received if not word.startswith("audio")]
