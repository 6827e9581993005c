"""The WebSocket messages of Twilio's side: what it sends, and what it accepts. Pure.

Written from Twilio's "Media Streams - WebSocket Messages". What the server sends is judged as
strictly as Twilio does where it reports warning 31951 (and then ignores the message): exactly
three events, `streamSid` always there and right, no field too many and none missing.
"""

import base64
import binascii
import json
from dataclasses import dataclass
from typing import Any

from voxd.caller.mulaw import RATE_HZ

FRAME_SAMPLES = 160
"""20 ms, the size of every message with the caller's voice."""
FRAME_S = FRAME_SAMPLES / RATE_HZ
"""Seconds in one frame."""


class Outbox:
    """Numbers and encodes what Twilio sends on one stream. Numbers travel as JSON strings."""

    def __init__(
        self, stream_sid: str, account_sid: str, call_sid: str, parameters: dict[str, str]
    ) -> None:
        self._stream_sid = stream_sid
        self._account_sid = account_sid
        self._call_sid = call_sid
        self._parameters = parameters
        self._sequence = 0
        self._chunk = 0

    def connected(self) -> str:
        """The first message; it alone has neither number nor stream."""
        return '{"event":"connected","protocol":"Call","version":"1.0.0"}'

    def start(self) -> str:
        """The second message: who calls, in which format."""
        start = {
            "accountSid": self._account_sid,
            "streamSid": self._stream_sid,
            "callSid": self._call_sid,
            "tracks": ["inbound"],
            "mediaFormat": {"encoding": "audio/x-mulaw", "sampleRate": RATE_HZ, "channels": 1},
            "customParameters": self._parameters,
        }
        return self._message("start", "start", start)

    def media(self, payload: str, timestamp_ms: int) -> str:
        """20 ms of the caller; `payload` is base64. Formatted by hand: this one is hot."""
        self._sequence += 1
        self._chunk += 1
        return (
            f'{{"event":"media","sequenceNumber":"{self._sequence}","media":{{"track":"inbound",'
            f'"chunk":"{self._chunk}","timestamp":"{timestamp_ms}","payload":"{payload}"}},'
            f'"streamSid":"{self._stream_sid}"}}'
        )

    def dtmf(self, digit: str) -> str:
        """A key was pressed."""
        return self._message("dtmf", "dtmf", {"track": "inbound_track", "digit": digit})

    def mark(self, name: str) -> str:
        """A mark comes back."""
        return self._message("mark", "mark", {"name": name})

    def stop(self) -> str:
        """The last message: the stream is over."""
        ids = {"accountSid": self._account_sid, "callSid": self._call_sid}
        return self._message("stop", "stop", ids)

    def _message(self, event: str, key: str, value: dict[str, Any]) -> str:
        self._sequence += 1
        message = {
            "event": event,
            "sequenceNumber": str(self._sequence),
            key: value,
            "streamSid": self._stream_sid,
        }
        return json.dumps(message, separators=(",", ":"))


def encode_payload(mulaw: bytes) -> str:
    """Return the base64 text of `mulaw`."""
    return base64.b64encode(mulaw).decode("ascii")


@dataclass(frozen=True, slots=True)
class AgentMedia:
    """The agent's voice, mu-law, any length."""

    mulaw: bytes


@dataclass(frozen=True, slots=True)
class AgentMark:
    """A mark to return when playback reaches it."""

    name: str


@dataclass(frozen=True, slots=True)
class AgentClear:
    """Drop the buffer."""


AgentMessage = AgentMedia | AgentMark | AgentClear


class ProtocolFault(ValueError):
    """The server sent what Twilio does not accept; the text says what."""


def decode_message(text: str, stream_sid: str) -> AgentMessage:
    """Read one message of the server.

    Raises:
        ProtocolFault: Twilio would report 31951 and ignore the message.
    """
    try:
        message = json.loads(text)
    except ValueError:
        raise ProtocolFault("not JSON") from None
    if not isinstance(message, dict):
        raise ProtocolFault("not a JSON object")
    event = message.get("event")
    if event not in ("media", "mark", "clear"):
        raise ProtocolFault(f"unknown event {event!r:.40}")
    wanted = {"event", "streamSid"} if event == "clear" else {"event", "streamSid", event}
    _require_fields(message, wanted, event)
    if message["streamSid"] != stream_sid:
        raise ProtocolFault(f"{event}: wrong streamSid")
    if event == "media":
        return AgentMedia(_decode_payload(_text_field(message["media"], "payload", event)))
    if event == "mark":
        return AgentMark(_text_field(message["mark"], "name", event))
    return AgentClear()


def _require_fields(found: dict[str, Any], wanted: set[str], where: str) -> None:
    missing, extra = sorted(wanted - found.keys()), sorted(found.keys() - wanted)
    if missing:
        raise ProtocolFault(f"{where}: missing field {missing[0]!r}")
    if extra:
        raise ProtocolFault(f"{where}: unexpected field {extra[0]!r:.40}")


def _text_field(body: Any, key: str, event: str) -> str:
    if not isinstance(body, dict):
        raise ProtocolFault(f"{event}: {event!r} is not an object")
    _require_fields(body, {key}, f"{event}.{event}")
    value = body[key]
    if not isinstance(value, str) or not value:
        raise ProtocolFault(f"{event}: {key!r} is not a non-empty string")
    return value


def _decode_payload(payload: str) -> bytes:
    try:
        mulaw = base64.b64decode(payload, validate=True)
    except (binascii.Error, ValueError):
        raise ProtocolFault("media: payload is not base64") from None
    if mulaw[:4] == b"RIFF":
        raise ProtocolFault("media: payload has a WAV header")
    return mulaw
