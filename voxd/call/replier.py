"""One reply: language model -> clauses -> text-to-speech -> the speaker.

Two tasks per reply, joined by a queue of clauses (`clauses`, `synthesis`), so that the first clause
is spoken while the model still writes.

Which engine serves, and what happens when one fails, is the engines' business, with one exception:
a model that broke off after its first clause. What then is right depends on what the caller has
heard, and only here is that known: with nothing on the line, the reply is made again from the
beginning by the next engine; else it ends with the clauses it has. Any other error is reported as
`EngineFailed` with the `reply_id`, the attempt stops where it is, and the brain decides. A clause
that broke off sounds as far as it came and never counts as heard.
"""

import asyncio
from collections.abc import Callable, Coroutine, Sequence
from functools import partial
from typing import Any

from voxd.call.clauses import ClauseWriter, Written
from voxd.call.speaker import Speaker
from voxd.call.stored import StoredSpeech
from voxd.call.synthesis import Synthesis
from voxd.call.voice import Voice
from voxd.commands import PhraseKind, PreparePrompt, Say, StartReply
from voxd.config import Agent
from voxd.contracts import LanguageModel, Priority, TextToSpeech
from voxd.dialog.delivery import PLAINLY, Manner
from voxd.dialog.spoken import to_spoken
from voxd.errors import EngineError, Phase
from voxd.events import ClauseWritten, EngineFailed, Event, Kind, ReplyWritten

REMAKES = 3
"""Times that a reply is begun again. A chain refuses by itself once all of its engines have
failed at the reply; this bounds an engine that does not."""


class _Failed(Exception):
    """One side of a reply failed; ends the other."""

    def __init__(self, kind: Kind, error: EngineError) -> None:
        self.kind = kind
        self.error = error


class Replier:
    """Makes the replies and phrases of one call; each method runs as a task of the call."""

    def __init__(
        self,
        call_id: str,
        agent: Agent,
        llm: LanguageModel,
        tts: TextToSpeech,
        stored: StoredSpeech,
        speaker: Speaker,
        post: Callable[[Event], None],
        now: Callable[[], float],
        voices: Sequence[str] = (),
        manner: Manner = PLAINLY,
    ) -> None:
        """
        Args:
            voices: text-to-speech engines whose stored phrases may be played when none can speak.
            manner: how the agent speaks, and what its model may change about it.
        """
        self._call_id = call_id
        self._agent = agent
        self._llm = llm
        self._tts = tts
        self._stored = stored
        self._speaker = speaker
        self._post = post
        self._now = now
        self._voices = voices
        self._manner = manner
        self._synthesis = Synthesis(call_id, agent.language, tts, stored, speaker, post, now)

    async def prepare(self, command: PreparePrompt, priority: Priority) -> None:
        """Have the model read a prompt ahead. Best effort: the reply itself will report."""
        try:
            await self._llm.prepare(self._call_id, command.messages, priority)
        except EngineError:
            return

    async def reply(self, command: StartReply, voice: Voice) -> None:
        """Make one attempt at a reply; ends when its audio has all been given to the speaker."""
        for remakes_left in range(REMAKES, -1, -1):
            failed = await self._make(command, voice)
            if failed is None:
                break
            has_broken_off = failed.kind is Kind.LLM and failed.error.phase is Phase.STREAM
            # Muted: it had clauses, and none of them can have become audible meanwhile.
            if not (has_broken_off and voice.is_muted and remakes_left):
                self._fail(failed.kind, failed.error, voice)
                break
        voice.end()

    async def say(self, command: Say, voice: Voice) -> None:
        """Speak a stock phrase, from the cache where it is rendered."""
        engine = self._tts.name
        clause = self._phrase(command)
        mulaw = self._find(clause, engine)
        self._announce(command, clause, engine if mulaw is None else "cache")
        if mulaw is not None:
            self._synthesis.play(clause, mulaw, voice)
        elif clause.spoken:
            await self._render(command, clause, engine, voice)
        voice.end()

    def fill(self, command: Say) -> None:
        """Put a filler before the reply that is waited for, if it can sound at once."""
        clause = self._phrase(command)
        mulaw = self._find(clause, self._tts.name)
        voice = self._speaker.open_filler(command.reply_id) if mulaw is not None else None
        if mulaw is None or voice is None:
            return
        self._announce(command, clause, "cache")
        self._synthesis.play(clause, mulaw, voice)
        voice.end()

    # --- parts --------------------------------------------------------------------------------

    async def _make(self, command: StartReply, voice: Voice) -> _Failed | None:
        """Write and speak the reply once, from the beginning; return what failed."""
        writer = ClauseWriter(
            command, self._agent, self._llm, self._source, self._post, self._now, self._manner
        )
        writing = partial(writer.write, self._call_id, voice)
        speaking = partial(self._synthesis.speak_reply, writer, voice)
        failed: BaseException | None = None
        voice.unmute()
        try:
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(_as(Kind.TTS, speaking))
                await _as(Kind.LLM, writing)
        except* _Failed as group:
            failed = group.exceptions[0]
        assert failed is None or isinstance(failed, _Failed)
        # The traceback has this frame, and this frame the error.
        return None if failed is None else failed.with_traceback(None)

    async def _render(self, command: Say, clause: Written, engine: str, voice: Voice) -> None:
        """Speak a phrase that is not stored for the engine."""
        is_greeting = command.phrase is PhraseKind.GREETING
        priority = Priority.GREETING if is_greeting else Priority.COMMITTED
        try:
            rendered = await self._synthesis.speak_phrase(clause, priority, voice)
        except EngineError as error:
            stored = self._find_in_any_voice(clause)
            if stored is None or voice.is_audible:
                self._fail(Kind.TTS, error, voice)
            else:
                voice.mute()
                voice.unmute()
                self._synthesis.play(clause, stored, voice)
            return
        if self._tts.name == engine:  # else it may be of two voices
            self._stored.keep(clause.spoken, engine, rendered, clause.delivery.key)

    def _announce(self, command: Say, clause: Written, source: str) -> None:
        """Report a phrase as written, as one reports a reply."""
        reply_id, count = command.reply_id, 1 if clause.spoken else 0
        if count:
            self._post(ClauseWritten(self._now(), reply_id, 0, clause.text, source))
        self._post(ReplyWritten(self._now(), reply_id, count, finish_reason="phrase"))

    def _phrase(self, command: Say) -> Written:
        spoken = to_spoken(command.text, self._agent.language)
        return Written(0, command.text, spoken, self._manner.own)

    def _source(self, clause: Written) -> str:
        """Where the audio of a clause comes from."""
        engine = self._tts.name
        stored = self._stored.find_clause(clause.spoken, engine, clause.delivery.key)
        return engine if stored is None else "cache"

    def _find(self, clause: Written, engine: str) -> bytes | None:
        return self._stored.find(clause.spoken, engine, clause.delivery.key)

    def _find_in_any_voice(self, clause: Written) -> bytes | None:
        """A phrase in any voice at all."""
        found = (self._find(clause, voice) for voice in self._voices)
        return next((mulaw for mulaw in found if mulaw is not None), None)

    def _fail(self, kind: Kind, error: EngineError, voice: Voice) -> None:
        voice.break_off()
        self._post(
            EngineFailed(
                self._now(), kind, error.engine, error.category, error.phase, voice.reply_id
            )
        )


async def _as(kind: Kind, side: Callable[[], Coroutine[Any, Any, None]]) -> None:
    """One side of a reply, its failure marked with its kind."""
    try:
        await side()
    except EngineError as error:
        raise _Failed(kind, error) from error
