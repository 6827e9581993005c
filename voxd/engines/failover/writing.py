"""One request to a chain of language models: the race for the first clause, then the winner. I/O.

`FailoverLanguageModel` makes one for each request.
"""

from collections.abc import AsyncGenerator, AsyncIterator, Callable, Sequence

from voxd.config import Deadlines
from voxd.contracts import LanguageModel, Piece, Usage
from voxd.dialog.delivery import ClauseReader, DeliveredClause
from voxd.dialog.spoken import is_speakable
from voxd.engines.failover.hedge import Leave, Limits, Start, Wait, choose_step
from voxd.engines.failover.race import Ended, Race
from voxd.engines.failover.roster import Roster
from voxd.errors import Category, EngineError, Phase
from voxd.events import ToolCall


class Writer:
    """One engine at work on the request. `eq` is identity."""

    def __init__(self, engine: LanguageModel, begun_at: float, *, is_hedge: bool) -> None:
        self.engine = engine
        self.begun_at = begun_at
        self.is_hedge = is_hedge
        self.held: list[str | ToolCall] = []
        """What it has written so far."""
        self.usage: Usage | None = None
        """Set once it is done."""
        self.is_speakable = False
        """A first clause is there, or a call of a tool: something to go on with."""
        self.alive_at: float | None = None
        """When it last gave a sign of life (an empty text) while it wrote what nobody hears."""
        self._clauses = ClauseReader()

    def add(self, piece: str | ToolCall, now: float) -> None:
        """It wrote this."""
        if piece == "":
            self.alive_at = now
        self.held.append(piece)
        if isinstance(piece, str):
            self._note(self._clauses.feed(piece))
        else:
            self.is_speakable = True

    def pieces(self) -> list[str | ToolCall]:
        """What it has written so far, its text as one piece."""
        text = "".join(piece for piece in self.held if isinstance(piece, str))
        return [text, *(piece for piece in self.held if isinstance(piece, ToolCall))]

    def finish(self, usage: Usage) -> None:
        """It is done."""
        self.usage = usage
        self._note(self._clauses.finish())

    def limits(self, deadlines: Deadlines) -> Limits:
        """Until when it must come up with its next step."""
        if self.alive_at is not None:  # the call of a tool comes whole, and may be long
            return Limits.after(self.alive_at, deadlines.first_clause_s)
        deadline = deadlines.first_clause_s if self.held else deadlines.first_token_s
        return Limits.after(self.begun_at, deadline)

    def error(self, category: Category, phase: Phase, message: str) -> EngineError:
        return EngineError(self.engine.name, category, phase, message)

    def _note(self, clauses: Sequence[DeliveredClause]) -> None:
        self.is_speakable = self.is_speakable or any(is_speakable(it.text) for it in clauses)


class Writing:
    """One request. `pieces` is to be iterated once."""

    def __init__(
        self,
        engines: Sequence[LanguageModel],
        open_stream: Callable[[LanguageModel], AsyncIterator[Piece]],
        deadlines: Deadlines,
        roster: Roster[LanguageModel],
        now: Callable[[], float],
    ) -> None:
        """
        Args:
            engines: those that may be asked, first to last; at least one.
            open_stream: asks one of them.
        """
        self.failed: list[LanguageModel] = []
        """Those that failed at it or were too slow."""
        self.winner: LanguageModel | None = None
        """Whose text was handed on."""
        self._waiting = list(engines)
        self._open_stream = open_stream
        self._deadlines = deadlines
        self._roster = roster
        self._now = now
        self._race: Race[Writer, Piece] = Race()
        self._writers: list[Writer] = []
        """Those at work, in the order in which they were started."""
        self._may_repeat = True
        """The last engine may be asked a second time."""

    async def pieces(self) -> AsyncGenerator[Piece, None]:
        """An empty text at the first token of any engine; then what the winner writes."""
        try:
            has_token = False
            writer = None
            while writer is None:
                writer = await self._step()
                if not has_token and any(it.held for it in self._writers):
                    has_token = True
                    yield ""
            self.winner = writer.engine
            if writer.held:
                for held in writer.pieces():
                    yield held
            if writer.usage is not None:
                yield writer.usage
                return
            while not isinstance(piece := await self._next_piece(writer), Usage):
                yield piece
            yield piece
        finally:
            await self._race.aclose()

    # --- before there is a clause ---------------------------------------------------------------

    async def _step(self) -> Writer | None:
        """Do what is to be done next; return the winner, once there is one."""
        limits = [writer.limits(self._deadlines) for writer in self._writers]
        match choose_step(
            limits,
            self._now(),
            has_next=bool(self._waiting),
            is_only=self._roster.is_only,
        ):
            case Start():
                self._start(self._waiting.pop(0))
            case Leave(index):
                writer = self._writers[index]
                stage = "clause" if writer.held else "token"
                message = f"no first {stage} in time"
                self._leave(writer, writer.error(Category.TIMEOUT, Phase.FIRST_RESULT, message))
            case Wait(until):
                arrival = await self._race.next(until)
                if arrival is not None and self._take(*arrival):
                    return arrival[0]
        return None

    def _start(self, engine: LanguageModel) -> None:
        writer = Writer(engine, self._now(), is_hedge=bool(self._writers))
        self._writers.append(writer)
        if writer.is_hedge:
            self._roster.note_hedge_started(engine)
        self._race.enter(writer, self._open_stream(engine))

    def _take(self, writer: Writer, item: Piece | Ended) -> bool:
        """Note what arrived; True when its writer has won by it."""
        match item:
            case str() | ToolCall():
                if not writer.held:
                    self._roster.note_result(writer.engine, self._now() - writer.begun_at)
                writer.add(item, self._now())
            case Usage():
                writer.finish(item)
                is_last = len(self._writers) == 1 and not self._waiting
                if not writer.is_speakable and not is_last:
                    error = writer.error(Category.SERVER, Phase.FIRST_RESULT, "an empty reply")
                    self._leave(writer, error)
                    return False
            case Ended(error):
                self._leave(writer, error or _broke_off(writer))
                return False
        if writer.is_speakable or writer.usage is not None:
            self._win(writer)
            return True
        return False

    def _win(self, winner: Writer) -> None:
        first = self._writers[0]
        if winner is not first:
            self._roster.note_switch(first.engine, winner.engine, Category.TIMEOUT)
            self._roster.note_late(first.engine, self._now() - first.begun_at)
        for writer in self._writers:
            if writer.is_hedge:
                self._roster.note_hedge(writer.engine, won=writer is winner)
            if writer is not winner:
                self._race.leave(writer)
        self._waiting += [writer.engine for writer in self._writers if writer is not winner]
        self._writers = [winner]

    def _leave(self, writer: Writer, error: EngineError) -> None:
        """An engine failed: another goes on, or nobody can.

        The last one is asked once more if it broke off in mid-answer: nothing of it was handed on,
        and what it broke off by is over (a worker that died is being started again).

        Raises:
            EngineError: it was the last.
        """
        self._roster.note_failure(writer.engine, error)
        self.failed.append(writer.engine)
        self._race.leave(writer)
        if writer.is_hedge:
            self._roster.note_hedge(writer.engine, won=False)
        was_first = writer is self._writers[0]
        self._writers.remove(writer)
        successors = [*(it.engine for it in self._writers), *self._waiting]
        if was_first and successors:
            self._roster.note_switch(writer.engine, successors[0], error.category)
        if not successors and error.phase is Phase.STREAM and self._may_repeat:
            self._may_repeat = False
            self.failed.remove(writer.engine)
            self._start(writer.engine)
        elif not successors:
            raise error

    # --- after it -----------------------------------------------------------------------------

    async def _next_piece(self, writer: Writer) -> Piece:
        """What the winner writes next.

        Raises:
            EngineError: it broke off or stalled (`Phase.STREAM`); the next request for the same
                reply is for the others.
        """
        has_successor = bool(self._waiting)
        limits = Limits.after(self._now(), self._deadlines.next_audio_s)
        until = limits.hard_at if has_successor else limits.last_at
        arrival = await self._race.next(None if self._roster.is_only else until)
        match arrival[1] if arrival else None:
            case str() | ToolCall() | Usage() as piece:
                return piece
            case Ended(error):
                cause = error or _broke_off(writer)
            case None:
                cause = writer.error(Category.TIMEOUT, Phase.STREAM, "no further token in time")
        self._roster.note_failure(writer.engine, cause)
        self.failed.append(writer.engine)
        if has_successor:
            self._roster.note_switch(writer.engine, self._waiting[0], cause.category)
        raise writer.error(cause.category, Phase.STREAM, "the reply broke off") from cause


def _broke_off(writer: Writer) -> EngineError:
    return writer.error(Category.SERVER, Phase.STREAM, "the reply ended without its usage")
