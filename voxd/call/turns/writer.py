"""The replies of a call in turns, as text: language model -> clauses -> the script. I/O by the LLM.

The counterpart of `replier` without a voice of ours: `clauses` writes, and what it queues goes to
Twilio's voice. As there, a model that broke off before the caller heard anything begins again on
the next engine, and any other failure is reported as `EngineFailed`.
"""

import asyncio
from collections.abc import Callable

from voxd.call.clauses import ClauseWriter, Written
from voxd.call.replier import REMAKES
from voxd.call.turns.script import Part
from voxd.commands import PreparePrompt, Say, StartReply
from voxd.config import Agent
from voxd.contracts import LanguageModel, Priority
from voxd.dialog.delivery import PLAINLY
from voxd.dialog.spoken import to_spoken
from voxd.errors import EngineError, Phase
from voxd.events import ClauseWritten, EngineFailed, Event, Kind, ReplyWritten

POLLY = "polly"
"""Stands for Twilio's voice where an engine is named."""


class TurnWriter:
    """Writes the replies of one call."""

    def __init__(
        self,
        call_id: str,
        agent: Agent,
        llm: LanguageModel,
        post: Callable[[Event], None],
        now: Callable[[], float],
        on_words: Callable[[], None],
    ) -> None:
        """
        Args:
            on_words: called whenever there is more to say, or a part has come to its end.
        """
        self._call_id = call_id
        self._agent = agent
        self._llm = llm
        self._post = post
        self._now = now
        self._on_words = on_words

    async def prepare(self, command: PreparePrompt, priority: Priority) -> None:
        """Have the model read a prompt ahead. Best effort: the reply itself will report."""
        try:
            await self._llm.prepare(self._call_id, command.messages, priority)
        except EngineError:
            return

    async def reply(self, command: StartReply, part: Part) -> None:
        """Write one attempt at a reply."""
        for remakes_left in range(REMAKES, -1, -1):
            part.voice.unmute()
            part.clauses.clear()
            error = await self._write(command, part)
            if error is None:
                break
            # Muted: it had clauses, and Twilio was given none of them.
            if not (error.phase is Phase.STREAM and part.voice.is_muted and remakes_left):
                self._post(
                    EngineFailed(
                        self._now(),
                        Kind.LLM,
                        error.engine,
                        error.category,
                        error.phase,
                        command.reply_id,
                    )
                )
                break
        part.is_written = True
        self._on_words()

    def phrase(self, command: Say, part: Part) -> None:
        """A stock phrase: written in one moment, and reported as one reports a reply."""
        spoken = to_spoken(command.text, self._agent.language)
        if spoken:
            part.clauses.append(Written(0, command.text, spoken))
            self._post(ClauseWritten(self._now(), command.reply_id, 0, command.text, POLLY))
        part.is_written = True
        count = len(part.clauses)
        self._post(ReplyWritten(self._now(), command.reply_id, count, finish_reason="phrase"))

    async def _write(self, command: StartReply, part: Part) -> EngineError | None:
        """Write the reply once, from the beginning; return what failed."""
        writer = ClauseWriter(
            command, self._agent, self._llm, _say_where, self._post, self._now, PLAINLY
        )
        error: EngineError | None = None
        async with asyncio.TaskGroup() as tasks:
            collecting = tasks.create_task(self._collect(writer, part))
            try:
                await writer.write(self._call_id, part.voice)
            except EngineError as failure:
                error = failure
                collecting.cancel()
        return error

    async def _collect(self, writer: ClauseWriter, part: Part) -> None:
        while (clause := await writer.clauses.get()) is not None:
            part.clauses.append(clause)
            if writer.clauses.empty():  # else the end of the reply may have come with it
                self._on_words()


def _say_where(clause: Written) -> str:
    return POLLY
