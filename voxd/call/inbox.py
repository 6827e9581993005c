"""The one way facts enter a call: a bounded queue of events. No I/O.

Bound: 1024 events. A busy call makes about ten a second and the brain takes microseconds for
each, so the queue is normally empty. Only the line can be driven by a stranger; the line reader
therefore calls `wait_for_room`, which holds it back at half the bound: a peer that floods us
waits in its own TCP window. If the queue fills all the same, voxd itself is broken (an event
that begets events): the event is refused and the next `take` raises `InboxFull`, which ends the
call as a bug. Rejected: dropping the oldest
event, because a brain that missed one fact is wrong in ways that nobody can reproduce.
"""

import asyncio
from collections import deque

from voxd.errors import VoxdError
from voxd.events import Event

INBOX_EVENTS = 1024
"""Most events that may wait."""


class InboxFull(VoxdError):
    """More events wait than any working call produces."""


class Inbox:
    """Events of one call, in the order in which they were posted."""

    def __init__(self, bound: int = INBOX_EVENTS) -> None:
        self._bound = bound
        self._events: deque[Event] = deque()
        self._has_event = asyncio.Event()
        self._has_room = asyncio.Event()
        self._has_room.set()
        self._has_overflowed = False

    def __len__(self) -> int:
        return len(self._events)

    def post(self, event: Event) -> None:
        """Add an event; never waits and never raises (timers post from callbacks)."""
        self._has_event.set()
        if len(self._events) >= self._bound:
            self._has_overflowed = True
            return
        self._events.append(event)
        if len(self._events) >= self._bound // 2:
            self._has_room.clear()

    @property
    def has_room(self) -> bool:
        """Whether `wait_for_room` would return at once; asked 50 times a second and call."""
        return self._has_room.is_set()

    async def wait_for_room(self) -> None:
        """Return once the queue is less than half full; for the line reader."""
        await self._has_room.wait()

    async def take(self) -> Event:
        """The oldest event, waiting for one if there is none.

        Raises:
            InboxFull: an event had to be refused; see the module.
        """
        if self._has_overflowed:
            raise InboxFull(f"more than {self._bound} events wait")
        while not self._events:
            self._has_event.clear()
            await self._has_event.wait()
        event = self._events.popleft()
        if len(self._events) < self._bound // 2:
            self._has_room.set()
        return event
