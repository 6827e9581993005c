"""One call's way into speech-to-text: a walk along a chain of engines on which no word is lost.

Normally one *lane* (an engine's stream) is open. When it fails, the next engine of the chain takes
its place at once and gets the utterance again from the tape. When it is late (soft deadline), the
next engine is started beside it, gets the same, and whoever first has words for what was asked
wins; the others are closed. When it is later still (hard deadline), it is left. A switch is kept
for the call. A lane without a successor is never left for being slow.

An answer without words to real speech is not believed while another engine can be asked.

`EngineFailed` is reported when there is nobody to try any more; the call then goes on deaf, and
the brain decides what to say. Bounds: one lane for each engine of the chain; audio as `tape` says.
"""

import asyncio
from collections.abc import Callable, Sequence

from voxd.call.lane import Lane
from voxd.call.tape import Tape
from voxd.call.walk import ChainWalk
from voxd.config import Deadline, Deadlines
from voxd.contracts import (
    DEFAULT_HINTS,
    HealthRecorder,
    SpeechToText,
    Transcript,
    TranscriptStream,
    TurnHints,
)
from voxd.errors import Category, EngineError, Phase
from voxd.events import (
    EngineFailed,
    EngineSwitched,
    Event,
    HedgeEnded,
    HedgeStarted,
    Kind,
    TranscriptReceived,
)
from voxd.letting_go import begin

MIN_WORDS_S = 0.4
"""Speech of this length that an engine has no words for is worth a second opinion. The shortest
answers ("no") last about 0.3 s, but so do coughs and slammed doors."""


class Transcriber:
    """Pushes audio into the open lanes and posts what the best of them makes of it."""

    def __init__(
        self,
        chain: Sequence[SpeechToText],
        deadlines: Deadlines,
        board: HealthRecorder,
        call_id: str,
        language: str,
        post: Callable[[Event], None],
        now: Callable[[], float],
        hints: TurnHints = DEFAULT_HINTS,
    ) -> None:
        self._chain = chain
        self._hints = hints
        self._deadlines = deadlines
        self._board = board
        self._call_id = call_id
        self._language = language
        self._post = post
        self._now = now
        self._tape = Tape()
        self._walk = ChainWalk(len(chain))
        self._lanes: list[Lane] = []
        """The one that serves the call, then those started beside it."""
        self._serving: int | None = None
        """Place in the chain of the engine that serves the call, or did until it failed."""
        self._failure: tuple[str, Category, Phase] | None = None
        """The last one: engine, and what its error said."""
        self._asked_at = 0.0
        """When the open question was put, loop clock."""
        self._silent: dict[Lane, Transcript] = {}
        """Lanes that answered the open question without words, while another one may have some."""
        self._wake = asyncio.Event()

    # --- what the listener tells --------------------------------------------------------------

    def push(self, mulaw: bytes, end_at: float) -> None:
        """The next audio; `end_at` is the audio time of its end."""
        self._tape.push(mulaw, end_at)
        for stream in self._streams():
            stream.push(mulaw, end_at)

    def speech_started(self, speech_start: float) -> None:
        """The caller began to speak at this audio time."""
        self._tape.speech_started(speech_start)
        for stream in self._streams():
            stream.speech_started(speech_start)

    def quiet(self, since: float) -> None:
        """The caller may have paused at this audio time."""
        for stream in self._streams():
            stream.quiet(since)

    def flush(self, speech_end: float) -> None:
        """Ask for the words up to this audio time, now."""
        self._tape.ask(speech_end)
        self._asked_at = self._now()
        self._silent.clear()
        for stream in self._streams():
            stream.flush(speech_end)
        self._wake.set()

    def forget(self, until: float) -> None:
        """The utterance up to this audio time is dealt with."""
        self._tape.forget(until)
        for lane in self._lanes:
            lane.before = ""
        for stream in self._streams():
            stream.forget(until)
        self._end_idle_race()

    # --- the walk -----------------------------------------------------------------------------

    async def run(self) -> None:
        """Hold a stream open until cancelled, or until speech-to-text is given up."""
        async with asyncio.TaskGroup() as tasks:
            while self._walk_on(now := self._now(), tasks):
                try:
                    async with asyncio.timeout_at(self._next_look(now)):
                        await self._wake.wait()
                except TimeoutError:
                    pass
                self._wake.clear()
            assert self._failure is not None
            self._post(EngineFailed(self._now(), Kind.STT, *self._failure))

    def _walk_on(self, now: float, tasks: asyncio.TaskGroup) -> bool:
        """Leave and start lanes as is due; False when the chain is exhausted."""
        for lane in tuple(self._lanes):
            if lane in self._lanes and now >= self._due(lane).hard_s:
                self._miss(lane, now)
        running = {lane.index for lane in self._lanes}
        if not self._lanes:
            choice = self._walk.choose(running, now)
            if choice is None:
                return False
            if choice.not_before <= now:
                self._start(choice.index, now, tasks, is_beside=False)
        elif all(lane in self._silent or now >= self._due(lane).soft_s for lane in self._lanes):
            beside = self._walk.choose_untried(running)
            if beside is None and all(now >= self._due(lane).hard_s for lane in self._lanes):
                choice = self._walk.choose(running, now)
                beside = choice.index if choice and choice.not_before <= now else None
            if beside is not None:
                self._start(beside, now, tasks, is_beside=True)
            elif len(self._silent) == len(self._lanes):
                self._believe_silence()
        return True

    def _next_look(self, now: float) -> float | None:
        """When something is due again; None: not before there is news."""
        if not self._lanes:
            choice = self._walk.choose(set(), now)
            return choice.not_before if choice is not None else now
        times = [at for lane in self._lanes for at in self._due(lane)]
        return min((at for at in times if now < at < float("inf")), default=None)

    def _due(self, lane: Lane) -> Deadline:
        return lane.due(self._deadlines, self._asked_at if self._tape.is_urgent else None)

    def _miss(self, lane: Lane, now: float) -> None:
        """A lane missed its hard deadline: it is left if another one serves, or may."""
        if lane in self._silent:
            self._believe_silence()
            return
        if lane.stream is None:
            phase, has_successor = Phase.CONNECT, self._walk.choose({lane.index}, now) is not None
        else:
            others = [other for other in self._lanes if other is not lane]
            phase, has_successor = Phase.FIRST_RESULT, any(other.stream for other in others)
        if has_successor:
            self._drop(lane, Category.TIMEOUT, phase, "missed its deadline")

    # --- lanes --------------------------------------------------------------------------------

    def _start(self, index: int, now: float, tasks: asyncio.TaskGroup, *, is_beside: bool) -> None:
        lane = Lane(index, self._chain[index], now, is_beside)
        self._lanes.append(lane)
        self._walk.start(index)
        if is_beside:
            self._post(HedgeStarted(now, Kind.STT, lane.engine.name))
        else:
            self._serve(index)
        lane.task = begin(tasks, self._use(lane))

    async def _use(self, lane: Lane) -> None:
        """Use one stream to its end. Its failure counts at once, not after it is closed."""
        name = lane.engine.name
        try:
            async with lane.engine.open_stream(
                self._call_id, self._language, self._hints
            ) as stream:
                self._opened(lane, stream)
                try:
                    async for transcript in stream:
                        self._hear(lane, transcript)
                    raise EngineError(name, Category.SERVER, Phase.STREAM, "the stream ended")
                except EngineError as error:
                    self._leave(lane, error)
        except EngineError as error:
            self._leave(lane, error)

    def _opened(self, lane: Lane, stream: TranscriptStream) -> None:
        lane.opened_at = self._now()
        lane.before = self._tape.settled
        self._tape.replay(stream)
        lane.stream = stream
        self._end_idle_race()
        self._wake.set()

    def _end_idle_race(self) -> None:
        """Nobody is asked anything: the engine that serves is enough, if it is there."""
        if self._tape.asked is None and self._lanes and self._lanes[0].stream is not None:
            self._silent.clear()
            for lane in self._lanes[1:]:
                self._discard(lane)

    def _discard(self, lane: Lane) -> None:
        """End a lane that another one has beaten, and that is not to blame."""
        self._lanes.remove(lane)
        self._silent.pop(lane, None)
        if lane.is_beside:
            self._end_hedge(lane, won=False)
        if lane.task is not None:
            lane.task.cancel()

    def _drop(
        self,
        lane: Lane,
        category: Category,
        phase: Phase,
        message: str,
        *,
        late_s: float | None = None,
    ) -> None:
        """End a lane that is to blame."""
        self._leave(lane, EngineError(lane.engine.name, category, phase, message), late_s)
        if lane.task is not None:
            lane.task.cancel()

    def _leave(self, lane: Lane, error: EngineError, late_s: float | None = None) -> None:
        """A lane has failed; the next one beside it, if any, serves from now.

        Args:
            late_s: it has not failed but lost a race, after this long.
        """
        if lane not in self._lanes:
            return
        self._lanes.remove(lane)
        self._silent.pop(lane, None)
        self._walk.note_left(lane.index, error, self._now())
        if late_s is None:
            self._board.record_error(error)
        else:
            self._board.record_late(lane.engine.name, late_s)
        self._failure = (error.engine, error.category, error.phase)
        if lane.is_beside:
            self._end_hedge(lane, won=False)
        if self._lanes:
            heir = self._lanes[0]
            if heir.is_beside and not lane.is_beside:
                heir.is_beside = False
                self._end_hedge(heir, won=True)
                self._serve(heir.index)
        self._wake.set()

    def _end_hedge(self, lane: Lane, *, won: bool) -> None:
        self._board.record_hedge(lane.engine.name, won=won)
        self._post(HedgeEnded(self._now(), Kind.STT, lane.engine.name, won))

    def _serve(self, index: int) -> None:
        """From now this engine serves the call."""
        left, self._serving = self._serving, index
        if left is None or left == index or self._failure is None:
            return
        names = self._chain[left].name, self._chain[index].name
        self._board.record_switch(*names)
        _, category, _ = self._failure
        self._post(EngineSwitched(self._now(), Kind.STT, *names, category))

    def _streams(self) -> list[TranscriptStream]:
        return [lane.stream for lane in self._lanes if lane.stream is not None]

    # --- words --------------------------------------------------------------------------------

    def _hear(self, lane: Lane, transcript: Transcript) -> None:
        if lane not in self._lanes:
            return
        self._walk.note_words()
        if self._tape.is_answered_by(transcript.through):
            if transcript.text:
                self._win(lane, transcript)
            elif transcript.is_final:
                self._weigh_silence(lane, transcript)
        elif lane is self._lanes[0]:
            self._publish(lane, transcript)

    def _weigh_silence(self, lane: Lane, transcript: Transcript) -> None:
        """An answer without words: noise, unless that was long enough to be speech."""
        self._silent[lane] = transcript
        if self._tape.asked_speech_s < MIN_WORDS_S:
            self._believe_silence()
        self._wake.set()

    def _believe_silence(self) -> None:
        """Nobody says otherwise in time: there were no words."""
        self._win(*next(iter(self._silent.items())))

    def _win(self, lane: Lane, transcript: Transcript) -> None:
        """A lane has answered the open question: it serves, the others end."""
        if lane.opened_at <= self._asked_at:
            # What was begun before it was asked for says nothing by how soon it came.
            latency_s = max(self._now() - self._asked_at, transcript.took_s)
            self._board.record_result(lane.engine.name, latency_s)
        first = self._lanes[0]
        for other in tuple(self._lanes):
            if other not in (first, lane):
                self._discard(other)
        if first is not lane and first in self._silent:
            self._drop(first, Category.SERVER, Phase.FIRST_RESULT, "no words for speech")
        elif first is not lane:
            late_s = self._now() - max(self._asked_at, first.started_at)
            late = (Category.TIMEOUT, Phase.FIRST_RESULT, "another one was sooner")
            self._drop(first, *late, late_s=late_s)
        self._tape.asked = None
        self._silent.clear()
        self._publish(lane, transcript)

    def _publish(self, lane: Lane, transcript: Transcript) -> None:
        text = " ".join(part for part in (lane.before, transcript.text) if part)
        if transcript.is_final:
            self._tape.settle(text, transcript.through)
        self._post(
            TranscriptReceived(
                self._now(),
                text,
                transcript.through,
                transcript.is_final,
                lane.engine.name,
                transcript.signal,
                transcript.closing,
            )
        )
