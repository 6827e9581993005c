"""What the caller will do in one call. Pure; made by `command` and by benches."""

from dataclasses import dataclass
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

from voxd.caller.messages import FRAME_S, FRAME_SAMPLES
from voxd.caller.mulaw import RATE_HZ
from voxd.caller.speech import find_speech
from voxd.errors import VoxdError

DEFAULT_URL = "http://127.0.0.1:8080/twilio/voice"
"""The daemon's voice webhook on its default address."""


class PlanError(VoxdError):
    """A plan that cannot be carried out; the message says why."""


@dataclass(frozen=True, slots=True)
class Turn:
    """One thing the caller says."""

    name: str
    """For reports: the stem of its file."""
    pcm: NDArray[np.int16]
    """int16, mono, 8000 Hz, a whole number of 20 ms frames."""
    start_s: float
    """Where speech begins, seconds from the first sample."""
    end_s: float
    """Where speech ends: the `speech_end` of every latency."""

    @property
    def frames(self) -> int:
        """Length in 20 ms frames."""
        return len(self.pcm) // FRAME_SAMPLES


def build_turn(name: str, pcm: NDArray[np.int16], end_s: float | None = None) -> Turn:
    """Make a turn of samples (int16, 8000 Hz); pads the last frame.

    Args:
        end_s: labelled end of speech; without it, found by energy.

    Raises:
        PlanError: nothing in the samples is speech, or the label lies outside them.
    """
    bounds = find_speech(pcm)
    if bounds is None:
        raise PlanError(f"{name}: no speech found in it")
    if end_s is not None and not bounds.start_s < end_s <= len(pcm) / RATE_HZ:
        raise PlanError(f"{name}: its label {end_s} s lies outside its speech")
    padded = np.zeros(-(-len(pcm) // FRAME_SAMPLES) * FRAME_SAMPLES, np.int16)
    padded[: len(pcm)] = pcm
    return Turn(name, padded, bounds.start_s, bounds.end_s if end_s is None else end_s)


class HangupMoment(StrEnum):
    """When in a turn the caller hangs up."""

    MID_WORD = "mid_word"
    """Halfway through the turn's own speech."""
    AFTER_TURN = "after_turn"
    """As soon as it is spoken, while the agent thinks."""
    MID_REPLY = "mid_reply"
    """Half a second into the agent's answer."""


@dataclass(frozen=True, slots=True)
class Hangup:
    """The caller hangs up early."""

    turn: int
    """Which turn, counted from 1."""
    moment: HangupMoment


@dataclass(frozen=True, slots=True)
class Stall:
    """The line carries nothing of the caller for a while; what he says meanwhile is lost."""

    at_s: float
    """Stream time of its begin."""
    for_s: float
    """Its length, seconds."""


@dataclass(frozen=True, slots=True)
class CallPlan:
    """One call: where to, what to say and how to behave."""

    turns: tuple[Turn, ...]
    """Spoken one after the other."""
    url: str = DEFAULT_URL
    """The voice webhook."""
    gap_s: float = 0.8
    """The agent must have been quiet this long before the next turn."""
    turn_timeout_s: float = 12.0
    """A turn without an answer this long after its end is unanswered; also for the greeting."""
    noise_dbfs: float = -62.0
    """RMS level of the line's noise, under and between the turns."""
    seed: int = 1
    """Of the noise."""
    interrupt_after_s: float | None = None
    """Begin the next turn this long after the answer began, instead of waiting for its end."""
    digits: str = ""
    """Keys pressed after the greeting, before the first turn."""
    hangup: Hangup | None = None
    """Hang up early; turns after that are not spoken and do not count."""
    echoes_marks: bool = True
    """False: a client that never returns a mark."""
    stall: Stall | None = None
    """Interrupt the caller's media."""
    auth_token: str | None = None
    """Signs webhook and WebSocket as Twilio does; None leaves them unsigned."""
    from_number: str = "+15555550100"
    to_number: str = "+15555550199"
    delay_s: float = 0.0
    """Wait before dialling (many calls at once are staggered with it)."""
    fetches_daemon_times: bool = True
    """Ask the daemon for its own times after the call (loopback only)."""

    def is_stalled(self, frame: int) -> bool:
        """Whether the frame with this number is lost on the stalled line."""
        if self.stall is None:
            return False
        first = round(self.stall.at_s / FRAME_S)
        return first <= frame < first + round(self.stall.for_s / FRAME_S)
