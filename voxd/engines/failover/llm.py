"""Several language models as one, for one call; see the package. I/O by way of `writing`."""

from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import aclosing
from dataclasses import replace

from voxd.commands import Message
from voxd.config import Deadlines
from voxd.contracts import (
    Capabilities,
    EngineStatus,
    HealthRecorder,
    LanguageModel,
    Piece,
    Priority,
    ReplyRequest,
)
from voxd.engines.failover.roster import Roster
from voxd.engines.failover.standby import ShadowSlots, Standby
from voxd.engines.failover.writing import Writing
from voxd.errors import Category, EngineError, Phase
from voxd.events import Event, Kind, ToolCall


class FailoverLanguageModel:
    """`contracts.LanguageModel` on a chain; its name is that of the engine asked next.

    A reply that broke off after its first clause raises `Phase.STREAM`. Asked again with the same
    `reply_id`, the engines that have not failed at it make it from the beginning; when there are
    none, any other phase is raised. An only engine makes it again itself.
    """

    def __init__(
        self,
        chain: Sequence[LanguageModel],
        deadlines: Deadlines,
        board: HealthRecorder,
        post: Callable[[Event], None],
        now: Callable[[], float],
        shadows: ShadowSlots | None = None,
    ) -> None:
        """
        Args:
            chain: first to last, at least one.
            now: seconds, the loop's clock.
            shadows: the slots of all calls; None: this call's local model never reads along.
        """
        self._roster = Roster(Kind.LLM, chain, board, post, now, may_return=True)
        self._deadlines = deadlines
        self._now = now
        self._failed: set[tuple[int, str]] = set()
        """Replies and the engines that failed at them."""
        local = next((engine for engine in chain[1:] if engine.capabilities.is_local), None)
        self._standby = Standby(local, shadows or ShadowSlots(0)) if local else None

    @property
    def name(self) -> str:
        return self._roster.current.name

    @property
    def capabilities(self) -> Capabilities:
        return self._roster.current.capabilities

    def status(self) -> EngineStatus:
        return self._roster.current.status()

    async def warm(self) -> None:
        await self._roster.current.warm()

    async def probe(self) -> float:
        return await self._roster.current.probe()

    async def stream_reply(self, request: ReplyRequest) -> AsyncIterator[Piece]:
        """See `contracts.LanguageModel`; the first piece is empty and comes with the first token
        of any engine, the second is a whole clause at least, or empty before a call of a tool."""
        engines = [
            engine
            for engine in self._roster.order()
            if (request.reply_id, engine.name) not in self._failed
        ]
        if not engines:
            message = "no engine is left for this reply"
            raise EngineError(self.name, Category.SERVER, Phase.FIRST_RESULT, message)
        prompts: dict[str, tuple[Message, ...]] = {}

        def open_stream(engine: LanguageModel) -> AsyncIterator[Piece]:
            prompt = request.messages
            if self._standby is not None and engine is self._standby.engine:
                prompt = self._standby.begin_reply(prompt)
            prompts[engine.name] = prompt
            return engine.stream_reply(replace(request, messages=prompt))

        writing = Writing(engines, open_stream, self._deadlines, self._roster, self._now)
        text: list[str] = []
        calls: list[ToolCall] = []
        try:
            async with aclosing(writing.pieces()) as pieces:
                async for piece in pieces:
                    if isinstance(piece, str):
                        text.append(piece)
                    elif isinstance(piece, ToolCall):
                        calls.append(piece)
                    elif writing.winner is not None:
                        prompt = prompts[writing.winner.name]
                        said = "".join(text).strip()  # as the history has it
                        answer = Message("assistant", said, tool_calls=tuple(calls))
                        self._note_reply(writing.winner, request, prompt, answer)
                    yield piece
        finally:
            if not self._roster.is_only:
                self._failed |= {(request.reply_id, engine.name) for engine in writing.failed}

    async def prepare(self, call_id: str, messages: Sequence[Message], priority: Priority) -> None:
        """Have the engine that is asked next read it, and the local one beside it."""
        current = self._roster.current
        if self._standby is not None and self._standby.engine is not current:
            self._standby.read_along(call_id, messages)
        await current.prepare(call_id, messages, priority)

    async def release(self, call_id: str) -> None:
        """Every engine frees what it holds of the call."""
        if self._standby is not None:
            await self._standby.release(call_id)
        for engine in self._roster.chain:
            await engine.release(call_id)

    def _note_reply(
        self,
        winner: LanguageModel,
        request: ReplyRequest,
        prompt: tuple[Message, ...],
        answer: Message,
    ) -> None:
        """A reply is written: the local engine should know the conversation when it is needed."""
        standby = self._standby
        if standby is None:
            return
        if winner is standby.engine:
            standby.note_reply(request.call_id, request.messages, prompt, answer)
        else:
            standby.read_along(request.call_id, (*request.messages, answer))
