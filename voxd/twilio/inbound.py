"""What Twilio sends on a media stream, and how each message's content is read. Pure.

`voxd.twilio.media` decides whether a message may come at this moment; here is what it says. Every
`read_` raises `LineError` with a constant word and nothing else, whatever JSON it is given.
"""

import binascii
import re
from dataclasses import dataclass, field
from typing import Any

from voxd.errors import LineError

MAX_PAYLOAD_BYTES = 16_000
"""Most audio in one message (2 s). Twilio sends 160 bytes, others send what they like."""
MAX_TIMESTAMP_S = 7 * 86_400.0
"""Twilio ends a call after 24 hours; a timestamp beyond a week is nonsense."""
MAX_NAME_CHARS = 256
"""Longest name of a mark, far above ours."""

_SID = re.compile(r"[A-Za-z0-9_-]{1,64}")
_MAX_DIGITS = 15
_FORMAT = {"encoding": "audio/x-mulaw", "sampleRate": 8000, "channels": 1}
_DIGITS = frozenset("0123456789*#ABCD")


@dataclass(frozen=True, slots=True)
class Connected:
    """The first message: the peer speaks this protocol."""


@dataclass(frozen=True, slots=True)
class Start:
    """The second message: what call this is."""

    stream_sid: str
    """At most 64 letters, digits, `_` and `-`; so is `call_sid`."""
    call_sid: str
    parameters: dict[str, str] = field(default_factory=dict)
    """`customParameters`; untrusted text."""


@dataclass(frozen=True, slots=True)
class Media:
    """A piece of the caller's audio."""

    timestamp_s: float
    """Presentation time from the start of the stream, seconds; 0 up to a week."""
    mulaw: bytes
    """Mu-law 8000 Hz, at least one byte, usually 160."""


@dataclass(frozen=True, slots=True)
class Dtmf:
    """The caller pressed a key."""

    digit: str
    """One of `0123456789*#ABCD`."""


@dataclass(frozen=True, slots=True)
class Mark:
    """A mark came back: everything before it was played, or a `clear` dropped it."""

    name: str


@dataclass(frozen=True, slots=True)
class Stop:
    """The stream is over."""


InboundMessage = Connected | Start | Media | Dtmf | Mark | Stop


def read_start(message: dict[str, Any]) -> Start:
    start = _read_body(message, "start", "bad_start")
    stream_sid = _read_sid(message.get("streamSid", start.get("streamSid")))
    if start.get("streamSid", stream_sid) != stream_sid:
        raise LineError("bad_start")
    call_sid = _read_sid(start.get("callSid"))
    media_format = start.get("mediaFormat", _FORMAT)
    parameters = start.get("customParameters", {})
    if not isinstance(media_format, dict) or not isinstance(parameters, dict):
        raise LineError("bad_start")
    if any(media_format.get(key) != value for key, value in _FORMAT.items()):
        raise LineError("bad_format")
    # Twilio sends strings only; another value is somebody's experiment and of no use to us.
    texts = {name: value for name, value in parameters.items() if isinstance(value, str)}
    return Start(stream_sid, call_sid, texts)


def read_media(message: dict[str, Any]) -> Media:
    media = _read_body(message, "media", "bad_media")
    if media.get("track", "inbound") != "inbound":
        raise LineError("wrong_track")
    timestamp_ms = _read_number(media.get("timestamp"))
    if timestamp_ms is None or timestamp_ms / 1000 > MAX_TIMESTAMP_S:
        raise LineError("bad_timestamp")
    payload = media.get("payload")
    if not isinstance(payload, str):
        raise LineError("bad_payload")
    try:
        mulaw = binascii.a2b_base64(payload, strict_mode=True)
    except ValueError:  # binascii.Error is one; text beyond ASCII is another
        raise LineError("bad_payload") from None
    if not 0 < len(mulaw) <= MAX_PAYLOAD_BYTES:
        raise LineError("bad_payload")
    return Media(timestamp_ms / 1000, mulaw)


def read_dtmf(message: dict[str, Any]) -> Dtmf:
    digit = _read_body(message, "dtmf", "bad_dtmf").get("digit")
    if not isinstance(digit, str) or digit not in _DIGITS:
        raise LineError("bad_dtmf")
    return Dtmf(digit)


def read_mark(message: dict[str, Any]) -> Mark:
    name = _read_body(message, "mark", "bad_mark").get("name")
    if not isinstance(name, str) or len(name) > MAX_NAME_CHARS:
        raise LineError("bad_mark")
    return Mark(name)


def read_stop(message: dict[str, Any]) -> Stop:
    return Stop()


def _read_body(message: dict[str, Any], key: str, reason: str) -> dict[str, Any]:
    body = message.get(key)
    if not isinstance(body, dict):
        raise LineError(reason)
    return body


def read_sequence(message: dict[str, Any]) -> int | None:
    """The sequence number; None when the message has none."""
    if "sequenceNumber" not in message:
        return None
    number = _read_number(message["sequenceNumber"])
    if number is None:
        raise LineError("bad_sequence")
    return number


def _read_number(value: object) -> int | None:
    """A whole number >= 0, as Twilio writes it (a string) or as JSON has it; None otherwise."""
    if isinstance(value, str) and len(value) <= _MAX_DIGITS:
        # Without `isascii` other scripts' digits would do.
        return int(value) if value.isascii() and value.isdigit() else None
    if isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 10**15:
        return value
    return None


def _read_sid(value: object) -> str:
    if not isinstance(value, str) or not _SID.fullmatch(value):
        raise LineError("bad_start")
    return value
