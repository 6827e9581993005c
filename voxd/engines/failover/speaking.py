"""One reply's speech on a chain of voices: each clause is a race until there is audio. I/O.

`FailoverTextToSpeech` makes one for each reply. The *leader* is the lane whose audio is handed on.
"""

from collections import defaultdict
from collections.abc import AsyncIterator, Callable

from voxd.config import Deadlines
from voxd.contracts import SpeechRequest, TextToSpeech
from voxd.engines.failover.continuation import SpeechRate, rest_of
from voxd.engines.failover.hedge import Leave, Start, Wait, choose_step
from voxd.engines.failover.lane import Lane, Said
from voxd.engines.failover.race import Ended, Race
from voxd.engines.failover.roster import Roster
from voxd.errors import Category, EngineError, Phase

Rates = defaultdict[str, SpeechRate]
"""How fast each engine speaks, by its name."""


class FailoverSpeechStream:
    """`contracts.SpeechStream` on a chain. `aclose` must be awaited in the end."""

    def __init__(
        self,
        request: SpeechRequest,
        deadlines: Deadlines,
        roster: Roster[TextToSpeech],
        rates: Rates,
        now: Callable[[], float],
    ) -> None:
        self._request = request
        self._deadlines = deadlines
        self._roster = roster
        self._rates = rates
        self._now = now
        self._race: Race[Lane, bytes | Said] = Race()
        self._idle: Lane | None = self._open(roster.current)
        """The lane that waits for the next clause."""
        # Of the clause that is being spoken:
        self._is_last = False
        self._rest = ""
        """What the leader has yet to say when it begins, or nobody has said."""
        self._leader: Lane | None = None
        self._at_work: list[Lane] = []
        """In the order in which they were started."""
        self._waiting: list[TextToSpeech] = []
        """Engines that may still be started."""

    async def speak(self, text: str, *, is_last: bool) -> AsyncIterator[bytes]:
        """See `contracts.SpeechStream`. Every engine is tried before an error is raised."""
        self._is_last = is_last
        self._rest = text
        self._leader = None
        self._waiting = self._roster.order()
        try:
            while (sound := await self._step()) is not Said.WHOLE:
                if sound:
                    yield sound
        finally:
            for lane in self._at_work:  # in the middle of a clause, so of no further use
                self._race.leave(lane)
            self._at_work = []

    async def aclose(self) -> None:
        """Drop what is unfinished, close every engine's stream."""
        await self._race.aclose()

    # --- one step -----------------------------------------------------------------------------

    async def _step(self) -> bytes | Said | None:
        """Do what is to be done next; return what comes of it, if anything."""
        has_rest = bool(self._unsaid())
        step = choose_step(
            [lane.limits(self._deadlines) for lane in self._at_work],
            self._now(),
            has_next=has_rest and bool(self._waiting),
            may_end=not has_rest and bool(self._waiting),
        )
        match step:
            case Start():
                self._start(self._waiting.pop(0))
            case Leave(index):
                lane = self._at_work[index]
                return self._leave(lane, lane.timeout())
            case Wait(until):
                arrival = await self._race.next(until)
                return self._take(*arrival) if arrival is not None else None
        return None

    def _start(self, engine: TextToSpeech) -> None:
        lane, self._idle = self._idle, None
        if lane is None or lane.engine is not engine:
            if lane is not None:
                self._race.leave(lane)
            lane = self._open(engine)
        is_hedge = bool(self._at_work)
        lane.speak(self._unsaid(), self._now(), is_last=self._is_last, is_hedge=is_hedge)
        self._at_work.append(lane)

    def _take(self, lane: Lane, item: bytes | Said | Ended) -> bytes | Said | None:
        match item:
            case bytes():
                return self._hand_on(lane, item) if item else None
            case Ended(error):
                return self._leave(lane, error or _broke_off(lane))
            case Said():
                has_others = len(self._at_work) > 1 or bool(self._waiting)
                if lane.voiced_at is None and has_others:
                    error = lane.error(Category.SERVER, Phase.FIRST_RESULT, "no audio at all")
                    return self._leave(lane, error)
                self._finish(lane)
                return Said.WHOLE

    # --- what happens to lanes ----------------------------------------------------------------

    def _hand_on(self, lane: Lane, mulaw: bytes) -> bytes:
        """Audio came; the first lane to have any leads, also over a leader that stopped."""
        first = self._at_work[0]
        if lane is not first:
            self._roster.leave(first.engine)
            self._roster.note_switch(first.engine, lane.engine, Category.TIMEOUT)
            self._roster.note_late(first.engine, self._now() - first.heard_at)
        if lane is not self._leader:
            self._leader, self._rest = lane, lane.text
            self._roster.note_result(lane.engine, self._now() - lane.begun_at)
            if lane.is_hedge:
                self._roster.note_hedge(lane.engine, won=True)
        self._close_others(lane)
        lane.note(mulaw, self._now())
        return mulaw

    def _leave(self, lane: Lane, error: EngineError) -> Said | None:
        """An engine failed: another goes on with what is left to say, or nobody can.

        Raises:
            EngineError: it was the last, and something is left to say.
        """
        self._rest = self._unsaid()
        was_first = lane is self._at_work[0]
        self._at_work.remove(lane)
        self._race.leave(lane)
        self._roster.note_failure(lane.engine, error)
        if lane is self._leader:
            self._leader = None
        elif lane.is_hedge:
            self._roster.note_hedge(lane.engine, won=False)
        successors = [*(it.engine for it in self._at_work), *self._waiting]
        if was_first and successors:
            self._roster.note_switch(lane.engine, successors[0], error.category)
        if not self._rest and not self._at_work:
            return Said.WHOLE
        if not successors:
            raise error
        return None

    def _finish(self, lane: Lane) -> None:
        """The clause is spoken; its lane goes on with the next."""
        self._close_others(lane)
        if lane.voiced_at is not None:
            self._rates[lane.engine.name].learn(lane.text, lane.delivered_s)
        self._at_work = []
        self._idle = lane

    def _close_others(self, winner: Lane) -> None:
        """Close every lane but one; engines that were only slow may be asked again."""
        for lane in self._at_work:
            if lane is not winner:
                self._race.leave(lane)
                self._waiting.append(lane.engine)
                if lane.is_hedge and lane.voiced_at is None:
                    self._roster.note_hedge(lane.engine, won=False)
        self._at_work = [winner]

    def _unsaid(self) -> str:
        """What nobody has said of the clause, as far as audio was handed on."""
        leader = self._leader
        if leader is None:
            return self._rest
        rate = self._rates[leader.engine.name].characters_per_s
        return rest_of(leader.text, leader.delivered_s, rate, leader.timed)

    def _open(self, engine: TextToSpeech) -> Lane:
        lane = Lane(engine, self._request)
        self._race.enter(lane, lane.voice())
        return lane


def new_rates() -> Rates:
    """Nothing learned yet."""
    return defaultdict(SpeechRate)


def _broke_off(lane: Lane) -> EngineError:
    return lane.error(Category.SERVER, Phase.STREAM, "the voice broke off")
