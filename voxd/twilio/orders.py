"""What is asked of Twilio's REST API about calls, and the words it has for them. Pure.

`voxd.telephony.calls` sends it; `voxd.server` reads the same words in Twilio's callbacks.
"""

from dataclasses import dataclass
from enum import StrEnum

MAX_TWIML_CHARS = 4000
"""Twilio takes no longer document with an order."""


class CallStatus(StrEnum):
    """Where a call is, as Twilio tells it."""

    QUEUED = "queued"
    INITIATED = "initiated"
    RINGING = "ringing"
    IN_PROGRESS = "in-progress"
    COMPLETED = "completed"
    BUSY = "busy"
    FAILED = "failed"
    NO_ANSWER = "no-answer"
    CANCELED = "canceled"

    @property
    def is_over(self) -> bool:
        """Nothing follows."""
        return self in _OVER


_OVER = frozenset(
    {
        CallStatus.COMPLETED,
        CallStatus.BUSY,
        CallStatus.FAILED,
        CallStatus.NO_ANSWER,
        CallStatus.CANCELED,
    }
)


def read_status(text: str) -> CallStatus | None:
    """A status as it stands in a form or an answer; None when Twilio has no such word."""
    return CallStatus(text) if text in CallStatus._value2member_map_ else None


class Detection(StrEnum):
    """What is to become of an outbound call that a machine answers."""

    OFF = "off"
    """Nobody finds out."""
    HANG_UP = "hang_up"
    """It is hung up as soon as that is known."""
    MESSAGE = "message"
    """After the machine's own message it gets the agent's, then it is hung up."""


_MACHINE_DETECTION = {Detection.HANG_UP: "Enable", Detection.MESSAGE: "DetectMessageEnd"}
_EVENTS = ["initiated", "ringing", "answered", "completed"]


@dataclass(frozen=True, slots=True)
class CallOrder:
    """A call that Twilio is to place."""

    to: str
    """E.164; so is `from_`, a number of the account's."""
    from_: str
    voice_url: str
    """Asked for TwiML when somebody answers."""
    status_url: str
    """Told how it goes."""
    ring_s: int
    """Given up after so long without an answer; Twilio may add 5 s."""
    detection: Detection = Detection.OFF
    detection_url: str = ""
    """Told who answered, while the call goes on."""

    def parameters(self) -> dict[str, str | int | list[str]]:
        """As arguments of the twilio package's `calls.create_async`."""
        parameters: dict[str, str | int | list[str]] = {
            "to": self.to,
            "from_": self.from_,
            "url": self.voice_url,
            "method": "POST",
            "status_callback": self.status_url,
            "status_callback_method": "POST",
            "status_callback_event": _EVENTS,
            "timeout": self.ring_s,
        }
        if self.detection is not Detection.OFF:
            parameters |= {
                "machine_detection": _MACHINE_DETECTION[self.detection],
                # Text: of Python's True the package makes "True", which Twilio reads as false.
                "async_amd": "true",
                "async_amd_status_callback": self.detection_url,
                "async_amd_status_callback_method": "POST",
            }
        return parameters
