"""A call's events and commands in order. Pure; written by the call, read by `latency`."""

from collections import deque
from itertools import islice

from voxd.commands import Command
from voxd.events import Event

Entry = tuple[float, Event | Command]
"""Seconds on the loop clock at which it was recorded, and what was recorded."""

MAX_ENTRIES = 20_000
"""Bound of one journal: about 40 entries a turn, so some 500 turns, more than an hour of talk."""


class Journal:
    """Everything that happened in one call, oldest first.

    Bound: `max_entries`. When it is full the oldest entry goes for each new one, so that the
    turns somebody asks about (the latest) stay whole; `dropped` says how many are missing.
    """

    def __init__(self, call_id: str, max_entries: int = MAX_ENTRIES, *, tenant: str = "") -> None:
        self.call_id = call_id
        """Twilio's CallSid."""
        self.tenant = tenant
        """Whose call it is; empty: nobody's in particular."""
        self.dropped = 0
        """Entries that were pushed out at the front."""
        self._entries: deque[Entry] = deque(maxlen=max_entries)

    def record(self, at: float, item: Event | Command) -> None:
        """Append one event or command; `at` is seconds on the loop clock."""
        if len(self._entries) == self._entries.maxlen:
            self.dropped += 1
        self._entries.append((at, item))

    @property
    def entries(self) -> list[Entry]:
        """A copy of the entries, oldest first."""
        return list(self._entries)

    @property
    def recorded(self) -> int:
        """How many entries there have been, those that were pushed out included."""
        return self.dropped + len(self._entries)

    def latest(self, count: int) -> list[Entry]:
        """A copy of the last `count` entries, oldest first."""
        found = list(islice(reversed(self._entries), max(0, count)))
        found.reverse()
        return found
