"""Messages of a bidirectional media stream: socket text to data, and back. Pure.

Source: Twilio, "Media Streams - WebSocket Messages" (November 2026). Called by `server.media`,
one `MediaProtocol` a socket.
"""

import base64
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import orjson

from voxd.errors import LineError
from voxd.twilio.inbound import (
    Connected,
    Dtmf,
    InboundMessage,
    Mark,
    Media,
    Start,
    Stop,
    read_dtmf,
    read_mark,
    read_media,
    read_sequence,
    read_start,
    read_stop,
)
from voxd.twilio.ordering import SequenceOrder

__all__ = [
    "Connected",
    "Dtmf",
    "InboundMessage",
    "Mark",
    "MarkName",
    "Media",
    "MediaProtocol",
    "Start",
    "Stop",
    "decode_mark_name",
    "encode_clear",
    "encode_mark",
    "encode_mark_name",
    "encode_media",
]

MAX_TEXT_CHARS = 64 * 1024
"""Longest message; the socket refuses longer ones, too."""

_MARK_NAME = re.compile(r"r([0-9]{1,9})\.c([0-9]{1,9})\.g([0-9]{1,9})")


class MediaProtocol:
    """Decodes one stream's messages in their order."""

    def __init__(self) -> None:
        self._is_connected = False
        self._stream_sid: str | None = None
        self._is_stopped = False
        self._order = SequenceOrder()
        self._readers: Mapping[str, Callable[[dict[str, Any]], InboundMessage]] = {
            "media": read_media,
            "dtmf": read_dtmf,
            "mark": read_mark,
            "stop": read_stop,
        }

    def decode(self, text: str) -> InboundMessage:
        """Decode one text frame.

        Raises:
            LineError: the message is refused and changes nothing. `str(error)` is a constant
                word: `too_large`, `not_json`, `not_object`, `unknown_event`, `not_connected`,
                `not_started`, `stopped`, `wrong_stream`, `repeated`, `out_of_order`,
                `bad_sequence`, `bad_start`, `bad_format`, `bad_media`, `bad_timestamp`,
                `bad_payload`, `wrong_track`, `bad_dtmf`, `bad_mark`. Nothing else is raised.
        """
        if len(text) > MAX_TEXT_CHARS:
            raise LineError("too_large")
        try:
            message = orjson.loads(text)
        except orjson.JSONDecodeError:
            raise LineError("not_json") from None
        if not isinstance(message, dict):
            raise LineError("not_object")
        if self._is_stopped:
            raise LineError("stopped")
        event = message.get("event")
        if event == "connected":
            return self._connect()
        if event == "start":
            return self._begin(message)
        reader = self._readers.get(event) if isinstance(event, str) else None
        if reader is None:
            raise LineError("unknown_event")
        return self._take(message, reader)

    def _connect(self) -> Connected:
        if self._is_connected:
            raise LineError("repeated")
        self._is_connected = True
        return Connected()

    def _begin(self, message: dict[str, Any]) -> Start:
        if not self._is_connected:
            raise LineError("not_connected")
        if self._stream_sid is not None:
            raise LineError("repeated")
        number = read_sequence(message)
        start = read_start(message)
        self._stream_sid = start.stream_sid
        if number is not None:
            self._order.accept(number)
        return start

    def _take(
        self, message: dict[str, Any], reader: Callable[[dict[str, Any]], InboundMessage]
    ) -> InboundMessage:
        if self._stream_sid is None:
            raise LineError("not_started")
        if message.get("streamSid") != self._stream_sid:
            raise LineError("wrong_stream")
        # Some clients number nothing; then the audio clock alone finds what is repeated.
        number = read_sequence(message)
        if number is not None and (reason := self._order.judge(number)) is not None:
            raise LineError(reason)
        decoded = reader(message)
        if number is not None:
            self._order.accept(number)
        if isinstance(decoded, Stop):
            self._is_stopped = True
        return decoded


# --- what we send ---------------------------------------------------------------------------


def encode_media(stream_sid: str, mulaw: bytes) -> str:
    """Make the message that plays mu-law audio (whole frames sound best)."""
    payload = base64.b64encode(mulaw).decode("ascii")
    return _encode({"event": "media", "streamSid": stream_sid, "media": {"payload": payload}})


def encode_mark(stream_sid: str, name: str) -> str:
    """Make the message that asks for `name` back when everything before it was played."""
    return _encode({"event": "mark", "streamSid": stream_sid, "mark": {"name": name}})


def encode_clear(stream_sid: str) -> str:
    """Make the message that drops what was not played yet; outstanding marks come back."""
    return _encode({"event": "clear", "streamSid": stream_sid})


@dataclass(frozen=True, slots=True)
class MarkName:
    """What the name of our mark says."""

    reply_id: int
    clause: int
    generation: int
    """How many `clear`s were sent before; an echo of an older generation proves nothing."""


def encode_mark_name(mark: MarkName) -> str:
    """Return the name, such as `r12.c0.g3`."""
    return f"r{mark.reply_id}.c{mark.clause}.g{mark.generation}"


def decode_mark_name(name: str) -> MarkName | None:
    """Read a name; None when it is not one of ours."""
    match = _MARK_NAME.fullmatch(name)
    return None if match is None else MarkName(*(int(group) for group in match.groups()))


def _encode(message: dict[str, Any]) -> str:
    return orjson.dumps(message).decode("utf-8")
