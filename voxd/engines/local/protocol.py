"""Frames between the daemon and a model worker. Pure: bytes to messages and back.

A worker is started by exec with one end of a socketpair and speaks this in both directions::

    4 bytes  big-endian length H of the header
    4 bytes  big-endian length P of the payload
    H bytes  header, a JSON object (orjson)
    P bytes  payload, raw bytes (mu-law audio), often none

Header fields that every message has: `type`, one of `MessageType`. Messages about one request
also have `id` (int, unique per worker process). The other fields stand in each type's docstring.

===========  ==========================  ===================================================
direction    type                        meaning
===========  ==========================  ===================================================
to worker    request                     do `op` with `params` (and the payload)
to worker    cancel                      stop request `id` at the next step; it still answers
to worker    notify                      do `op` with `params`, no answer (free a sequence)
to daemon    ready                       model loaded and warmed; `info` describes it
to daemon    heartbeat                   alive, every `[local] heartbeat_s`
to daemon    started                     request `id` is being computed now
to daemon    partial                     a piece of the answer: `data` and/or payload
to daemon    done                        the answer is complete: `data` and/or payload
to daemon    error                       request `id` failed: `category`, `message`
===========  ==========================  ===================================================

Every request is answered by exactly one `done` or `error`; one that was cancelled is answered
by `error` with category `cancelled`. A frame above `MAX_FRAME_BYTES` is a bug or a stranger and
ends the connection.
"""

import struct
from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

import orjson

from voxd.errors import VoxdError

MAX_FRAME_BYTES = 8 * 1024 * 1024
"""Bound of one frame: 60 s of mu-law is 480,000 bytes, a long prompt far less."""

_LENGTHS = struct.Struct(">II")


class ProtocolError(VoxdError):
    """The other end of a worker's socket does not speak this protocol."""


class MessageType(StrEnum):
    """What a frame is."""

    REQUEST = "request"
    CANCEL = "cancel"
    NOTIFY = "notify"
    READY = "ready"
    HEARTBEAT = "heartbeat"
    STARTED = "started"
    PARTIAL = "partial"
    DONE = "done"
    ERROR = "error"


CANCELLED = "cancelled"
"""The `category` of the error that answers a cancelled request."""
PROMOTE = "promote"
"""The `op` of a notice that request `id` has become as urgent as `priority`; for workers that
compute several at once, the others ignore it."""


@dataclass(frozen=True, slots=True)
class Frame:
    """One message."""

    type: MessageType
    fields: dict[str, Any] = field(default_factory=dict)
    """The header without `type`."""
    payload: bytes = b""

    @property
    def id(self) -> int:
        """The request that this frame is about; -1 for those about none."""
        value = self.fields.get("id", -1)
        return value if isinstance(value, int) else -1


def encode_frame(frame: Frame) -> bytes:
    """The bytes of one frame."""
    header = orjson.dumps({"type": frame.type, **frame.fields})
    return _LENGTHS.pack(len(header), len(frame.payload)) + header + frame.payload


class FrameDecoder:
    """Turns a stream of bytes, cut anywhere, into frames."""

    def __init__(self) -> None:
        self._buffer = bytearray()

    def feed(self, chunk: bytes) -> Iterator[Frame]:
        """Yield every frame that is complete with these bytes.

        Raises:
            ProtocolError: a length is out of bounds or a header is no message of ours.
        """
        self._buffer += chunk
        while len(self._buffer) >= _LENGTHS.size:
            header_bytes, payload_bytes = _LENGTHS.unpack_from(self._buffer)
            if header_bytes + payload_bytes > MAX_FRAME_BYTES:
                raise ProtocolError(f"frame of {header_bytes + payload_bytes} bytes")
            end = _LENGTHS.size + header_bytes + payload_bytes
            if len(self._buffer) < end:
                return
            header = bytes(self._buffer[_LENGTHS.size : _LENGTHS.size + header_bytes])
            payload = bytes(self._buffer[_LENGTHS.size + header_bytes : end])
            del self._buffer[:end]
            yield _decode(header, payload)


def _decode(header: bytes, payload: bytes) -> Frame:
    try:
        fields = orjson.loads(header)
        kind = MessageType(fields.pop("type"))
    except (orjson.JSONDecodeError, KeyError, ValueError, AttributeError, TypeError) as error:
        raise ProtocolError("header is no message") from error
    return Frame(kind, fields, payload)
