"""The model's side of one reply: its text, cut into clauses that wait to be spoken. I/O by the LLM.

Bound: `CLAUSES_AHEAD` clauses; then the model's text is taken no further. Large on purpose: text is
small, and a model that has finished frees its sequence.
"""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from math import ceil
from typing import TypeVar

from voxd.call.voice import Voice
from voxd.commands import StartReply
from voxd.config import Agent
from voxd.contracts import PLAIN, Delivery, LanguageModel, ReplyRequest, Usage
from voxd.dialog.delivery import PLAINLY, ClauseReader, DeliveredClause, Manner
from voxd.dialog.spoken import to_spoken
from voxd.errors import EngineError, Phase
from voxd.events import (
    CUT_CALL,
    ClauseWritten,
    Event,
    FirstToken,
    ReplyRequested,
    ReplyWritten,
    ToolCall,
)

CLAUSES_AHEAD = 64
"""Clauses that may wait for synthesis: more than a reply of 150 tokens can have."""
TOKEN_CHARACTERS = 4
"""Of English in a token, about; counts a reply that is thrown away before its end."""
_CUT = Usage(0, 0, 0, "cut")
"""A reply that broke off counts no tokens: the engine did not say."""
_CUT_CALL = Usage(0, 0, 0, CUT_CALL)

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Written:
    """A clause on its way to synthesis."""

    number: int
    text: str
    """As the model wrote it, but for tags; the history keeps this, so that its KV cache stays
    valid."""
    spoken: str
    """The same for the ear."""
    delivery: Delivery = PLAIN


Clauses = asyncio.Queue[Written | None]
"""The clauses of one reply; None ends it."""


class ClauseWriter:
    """Writes one attempt at a reply; each has its own."""

    def __init__(
        self,
        command: StartReply,
        agent: Agent,
        llm: LanguageModel,
        source: Callable[[Written], str],
        post: Callable[[Event], None],
        now: Callable[[], float],
        manner: Manner = PLAINLY,
    ) -> None:
        """
        Args:
            source: where the audio of a clause comes from: an engine, or `cache`.
        """
        self.clauses: Clauses = asyncio.Queue(CLAUSES_AHEAD)
        self.is_written = False
        """No clause will come any more."""
        self._reply_id = command.reply_id
        self._messages = command.messages
        self._agent = agent
        self._llm = llm
        self._source = source
        self._post = post
        self._now = now
        self._manner = manner
        self._count = 0

    async def write(self, call_id: str, voice: Voice) -> None:
        """Have the model write the reply and queue its clauses.

        A model that breaks off after its first clause ends the reply with the clauses it has, if
        the caller has heard something of it; else the voice is muted, for a new beginning.

        Raises:
            EngineError: the model failed and nothing is audible.
        """
        reader = ClauseReader(self._manner)
        usage = Usage(0, 0, 0, "stop")
        calls: list[ToolCall] = []
        has_token = is_calling = False
        characters, before = 0, voice.cost.tokens
        self._post(ReplyRequested(self._now(), self._reply_id, self._llm.name))
        try:
            async with closing(self._llm.stream_reply(self._request(call_id, voice))) as pieces:
                async for piece in pieces:
                    if isinstance(piece, Usage):
                        usage = piece
                        voice.cost.tokens = before + usage.completion_tokens
                        continue
                    if isinstance(piece, ToolCall):
                        calls.append(piece)
                        continue
                    is_calling = is_calling or (has_token and not piece)
                    characters += len(piece)
                    voice.cost.tokens = before + ceil(characters / TOKEN_CHARACTERS)
                    if not has_token:
                        has_token = True
                        self._post(FirstToken(self._now(), self._reply_id))
                    await self._hand_over(reader.feed(piece))
            await self._hand_over(reader.finish())
        except EngineError as error:
            if error.phase is not Phase.STREAM or not self._count:
                raise
            if not voice.is_audible:
                voice.mute()  # now: a moment later something of it may be on the line
                raise
            usage, calls = _CUT_CALL if is_calling else _CUT, []
        self.is_written = True
        self._post(
            ReplyWritten(
                self._now(),
                self._reply_id,
                self._count,
                usage.finish_reason,
                usage.prompt_tokens,
                usage.cached_tokens,
                usage.completion_tokens,
                tuple(calls),
            )
        )
        await self.clauses.put(None)

    async def _hand_over(self, clauses: list[DeliveredClause]) -> None:
        """Queue the clauses that can be spoken."""
        for clause in clauses:
            spoken = to_spoken(clause.text, self._agent.language)
            if spoken:
                written = Written(self._count, clause.text, spoken, clause.delivery)
                self._count += 1
                engine = self._source(written)
                self._post(
                    ClauseWritten(self._now(), self._reply_id, written.number, written.text, engine)
                )
                await self.clauses.put(written)

    def _request(self, call_id: str, voice: Voice) -> ReplyRequest:
        return ReplyRequest(
            call_id,
            self._reply_id,
            self._messages,
            self._agent.max_tokens,
            self._agent.temperature,
            voice.urgency,
        )


@asynccontextmanager
async def closing(pieces: AsyncIterator[T]) -> AsyncIterator[AsyncIterator[T]]:
    """Close an iterator on the way out, where it can be closed: this stops the work behind it."""
    try:
        yield pieces
    finally:
        aclose = getattr(pieces, "aclose", None)
        if aclose is not None:
            await aclose()
