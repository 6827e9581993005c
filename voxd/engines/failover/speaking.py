"""One reply's speech on a chain of voices: each clause is a race until there is audio. I/O.

`FailoverTextToSpeech` makes one for each reply. The *leader* is the lane whose audio is handed on.
"""

from collections import defaultdict
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import replace

from voxd.config import Deadlines
from voxd.contracts import PLAIN, Delivery, SpeechRequest, TextToSpeech
from voxd.engines.failover.continuation import Cut, SpeechRate, choose_cut
from voxd.engines.failover.hedge import Leave, Start, Wait, choose_step
from voxd.engines.failover.lane import Lane, Said
from voxd.engines.failover.race import Ended, Race
from voxd.engines.failover.roster import Roster
from voxd.errors import Category, EngineError, Phase
from voxd.events import SpokenWord

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
        voices: Mapping[str, str],
    ) -> None:
        """
        Args:
            voices: engine -> its own name of the voice that it shall take; others their default.
        """
        self._request = request
        self._voices = voices
        self._deadlines = deadlines
        self._roster = roster
        self._rates = rates
        self._now = now
        self._race: Race[Lane, bytes | Said] = Race()
        self._idle: Lane | None = self._open(roster.current)
        """The lane that waits for the next clause."""
        # Of the clause that is being spoken:
        self._is_last = False
        self._text = ""
        self._delivery = PLAIN
        self._rest = ""
        """What the leader has yet to say when it begins, or nobody has said."""
        self._leader: Lane | None = None
        self._before_s = 0.0
        """Seconds of the clause's audio that others had spoken before the leader."""
        self._kept_s: float | None = None
        """Seconds of the leader's audio that may sound while another one tries to take over; None:
        all of it."""
        self._at_work: list[Lane] = []
        """In the order in which they were started."""
        self._waiting: list[TextToSpeech] = []
        """Engines that may still be started."""

    async def speak(
        self, text: str, *, is_last: bool, delivery: Delivery = PLAIN
    ) -> AsyncIterator[bytes]:
        """See `contracts.SpeechStream`. Every engine is tried before an error is raised."""
        self._is_last = is_last
        self._text, self._delivery = text, delivery
        self._rest = text
        self._leader = None
        self._before_s, self._kept_s = 0.0, None
        self._waiting = self._roster.order()
        try:
            while (sound := await self._step()) is not Said.WHOLE:
                if sound:
                    yield sound
        finally:
            for lane in self._at_work:  # in the middle of a clause, so of no further use
                self._race.leave(lane)
            self._at_work = []

    @property
    def words(self) -> tuple[SpokenWord, ...]:
        """When the words of the last clause are spoken; none where that is not known, or where
        more than one voice spoke it."""
        leader = self._leader
        if leader is None or leader.text != self._text:
            return ()
        return tuple(SpokenWord(word.word, word.end_s) for word in leader.timed)

    async def aclose(self) -> None:
        """Drop what is unfinished, close every engine's stream."""
        await self._race.aclose()

    # --- one step -----------------------------------------------------------------------------

    async def _step(self) -> bytes | Said | None:
        """Do what is to be done next; return what comes of it, if anything."""
        has_rest = bool(self._choose_cut().rest)
        step = choose_step(
            [lane.limits(self._deadlines) for lane in self._at_work],
            self._now(),
            has_next=has_rest and bool(self._waiting),
            may_end=not has_rest and bool(self._waiting),
            is_only=self._roster.is_only,
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
        text, delivery = self._cut_off(), self._delivery
        if text != self._text:  # the laugh before the words has been heard
            delivery = replace(delivery, has_laughter=False)
        lane.speak(text, self._now(), is_last=self._is_last, is_hedge=is_hedge, delivery=delivery)
        self._at_work.append(lane)
        if is_hedge:
            self._roster.note_hedge_started(engine)

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
        if lane is self._leader:
            self._release()
        else:
            self._follow_leader()
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
        if lane is self._leader:
            self._rest = self._cut_off()
            self._follow_leader()
        was_first = lane is self._at_work[0]
        self._at_work.remove(lane)
        self._race.leave(lane)
        self._roster.note_failure(lane.engine, error)
        if lane.is_hedge and lane.voiced_at is None:
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
        if lane is self._leader:
            self._release()
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

    # --- what has been said -------------------------------------------------------------------

    def _choose_cut(self) -> Cut:
        """Where the leader would be cut off now, and what nobody has said of the clause then."""
        leader = self._leader
        if leader is None:
            return Cut(0.0, self._rest)
        outlet = self._request.outlet
        sent_s = leader.delivered_s if outlet is None else outlet.sent_s - self._before_s
        rate = self._rates[leader.engine.name].characters_per_s
        return choose_cut(leader.text, leader.delivered_s, sent_s, rate, leader.timed)

    def _cut_off(self) -> str:
        """Keep a broken word from sounding, as far as possible; return what is left to say."""
        cut = self._choose_cut()
        outlet = self._request.outlet
        if self._leader is not None and outlet is not None:
            self._kept_s = outlet.hold_back(self._before_s + cut.keep_s) - self._before_s
        return cut.rest

    def _release(self) -> None:
        """The leader goes on: what was kept from sounding is part of it after all."""
        if self._kept_s is not None and self._request.outlet is not None:
            self._request.outlet.release()
        self._kept_s = None

    def _follow_leader(self) -> None:
        """The leader is over: what sounds of it comes before what the next one says."""
        if self._leader is not None:
            self._before_s += self._leader.delivered_s if self._kept_s is None else self._kept_s
        self._leader, self._kept_s = None, None

    def _open(self, engine: TextToSpeech) -> Lane:
        voice = self._voices.get(engine.name, self._request.voice)
        lane = Lane(engine, replace(self._request, voice=voice))
        self._race.enter(lane, lane.voice())
        return lane


def new_rates() -> Rates:
    """Nothing learned yet."""
    return defaultdict(SpeechRate)


def _broke_off(lane: Lane) -> EngineError:
    return lane.error(Category.SERVER, Phase.STREAM, "the voice broke off")
