"""Reads the journals of running calls, so that what is slow is known while the call goes on.

Latency is computed from the journal and nothing else, but a call may last half an hour, and an
operator should not learn then that its first answer took four seconds. So once a second the
follower looks at what each running call has recorded since, off every turn's path, and tells its
observers: an answer was heard, an engine was left. Rejected: computing at the end of each turn
within the call (the moment when the processor is wanted most), and over the whole journal (a long
call would be read from its beginning at every turn).
"""

import asyncio
import logging
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Protocol

from voxd.events import ClauseStarted, EngineSwitched
from voxd.telemetry.journal import Entry, Journal
from voxd.telemetry.latency import TurnTimings, compute_turns
from voxd.telemetry.outcome import CallFacts, Switch, find_switches
from voxd.telemetry.telling import tell

logger = logging.getLogger(__name__)

LOOK_S = 1.0
SETTLE_S = 0.5
"""A turn is told of so long after its answer was heard: by then it is known whether the caller had
gone on speaking, and nothing that its times are made of changes any more."""
WINDOW = 600
"""Entries that are read for one turn, some ten turns of talk: about 1 ms of computing."""


class NewsObserver(Protocol):
    """Is told of running calls. Never blocks, never raises."""

    def turn_heard(self, facts: CallFacts, turn: TurnTimings) -> None:
        """The answer of a turn has begun to sound: its times are final, its costs are not.

        Once for each turn that is answered, in order, before the call's `call_finished`.
        """
        ...

    def engine_switched(self, facts: CallFacts, switch: Switch) -> None:
        """A call has left an engine for another."""
        ...


@dataclass(slots=True)
class _Place:
    """How far a journal was read."""

    read: int = 0
    """Entries."""
    heard: int = 0
    """The last turn that was told of."""
    is_waiting: bool = False
    """An answer sounds that was not told of yet."""
    began: float | None = None
    """When the first entry was recorded, seconds on the loop clock."""


class Follower:
    """Follows every running call. Bound: one place for each."""

    def __init__(self, observers: Sequence[NewsObserver]) -> None:
        self._observers = tuple(observers)
        self._places: dict[str, _Place] = {}

    @property
    def followed(self) -> int:
        """Calls of which something has been read and that are not over."""
        return len(self._places)

    async def run(self, running: "RunningCalls") -> None:
        """Look at every call once a second, until cancelled."""
        loop = asyncio.get_running_loop()
        while True:
            await asyncio.sleep(LOOK_S)
            for facts, journal in running.followed():
                if not running.is_active(facts.call_id):
                    continue  # it ended while others were looked at, and all of it was told
                try:
                    self.look(facts, journal, loop.time())
                except Exception:  # border: a background loop
                    logger.exception("a call could not be followed")
                await asyncio.sleep(0)  # between two calls the loop is for audio

    def look(self, facts: CallFacts, journal: Journal, now: float) -> None:
        """Tell what has happened in a call since the last look."""
        place = self._places.setdefault(facts.call_id, _Place())
        new = journal.latest(journal.recorded - place.read)
        place.read = journal.recorded
        if place.began is None and new:
            place.began = new[0][0]
        if any(isinstance(item, EngineSwitched) for _, item in new):
            self._tell_switches(facts, journal, new, place.began or 0.0)
        place.is_waiting |= _has_answer(new)
        if place.is_waiting:
            place.is_waiting = self._tell_turns(facts, journal, place, now)

    def finish(self, facts: CallFacts, journal: Journal) -> None:
        """Tell the rest of a call that is over; `forget` follows."""
        self.look(facts, journal, float("inf"))

    def forget(self, call_id: str) -> None:
        """A call is over. Harmless when nothing was known of it."""
        self._places.pop(call_id, None)

    def _tell_turns(self, facts: CallFacts, journal: Journal, place: _Place, now: float) -> bool:
        """Tell of the turns whose times are final; returns whether one is not yet."""
        for turn in compute_turns(journal.latest(WINDOW)):
            if turn.turn <= place.heard or turn.voice_to_voice_ms is None:
                continue
            if turn.speech_end + turn.voice_to_voice_ms / 1000 + SETTLE_S > now:
                return True
            place.heard = turn.turn
            for observer in self._observers:
                tell(observer.turn_heard, facts, turn)
        return False

    def _tell_switches(
        self, facts: CallFacts, journal: Journal, new: Sequence[Entry], began: float
    ) -> None:
        count = sum(isinstance(item, EngineSwitched) for _, item in new)
        # Which turn it belongs to stands before it.
        for switch in find_switches(journal.latest(WINDOW), began)[-count:]:
            for observer in self._observers:
                tell(observer.engine_switched, facts, switch)


class RunningCalls(Protocol):
    """Where the running calls are found (`voxd.telemetry.calls.CallRegistry`)."""

    def followed(self) -> Iterable[tuple[CallFacts, Journal]]:
        """Each call that runs, with what is known of it; a copy."""
        ...

    def is_active(self, call_id: str) -> bool:
        """Whether it still runs."""
        ...


def _has_answer(entries: Iterable[Entry]) -> bool:
    return any(isinstance(item, ClauseStarted) and item.is_reply for _, item in entries)
