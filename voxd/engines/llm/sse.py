"""Server-sent events out of the bytes of a response. Pure.

As the HTML standard says, section 9.2.6; `id` and `retry` are left out, because a reply is never
resumed.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

MAX_EVENT_BYTES = 1_048_576
"""One event; a chunk of a reply has a few hundred bytes."""

_LINE_END = re.compile(rb"\r\n|\n|\r(?!\Z)")
"""A CR that ends what has come so far may be half of a CR LF: it waits."""


@dataclass(frozen=True, slots=True)
class ServerEvent:
    """One event."""

    type: str
    """`message` unless the server names another."""
    data: str


@dataclass(slots=True)
class EventDecoder:
    """Bytes in, whole events out."""

    _rest: bytes = b""
    _type: str = ""
    _data: list[str] = field(default_factory=list)
    _held: int = 0
    """Bytes of the event so far."""

    def feed(self, received: bytes) -> Iterator[ServerEvent]:
        """Take what was received; yield the events that it completes, those before a broken one
        included. To be used up before the next `feed`.

        Raises:
            ValueError: an event is endless or no UTF-8.
        """
        *lines, self._rest = _LINE_END.split(self._rest + received)
        for line in lines:
            self._held += len(line)
            event = self._take(line.decode())
            if event is not None:
                yield event
        if self._held + len(self._rest) > MAX_EVENT_BYTES:
            raise ValueError("an endless event")

    def _take(self, line: str) -> ServerEvent | None:
        if not line:
            event = ServerEvent(self._type or "message", "\n".join(self._data))
            has_data = bool(self._data)
            self._type, self._data, self._held = "", [], 0
            return event if has_data else None
        name, _, value = line.partition(":")
        value = value.removeprefix(" ")
        if name == "data":
            self._data.append(value)
        elif name == "event":
            self._type = value
        return None
