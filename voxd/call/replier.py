"""One reply: language model -> clauses -> text-to-speech -> the speaker.

Two tasks per reply, joined by a queue of clauses, so that the first clause is spoken while the
model still writes. Bounds:

* clauses waiting for synthesis: `CLAUSES_AHEAD`; then the model's text is taken no further.
  Large on purpose: text is small, and a model that has finished frees its sequence.
* audio waiting for the line: `speaker.AUDIO_AHEAD_S`, checked before a clause is begun. A clause
  that was begun is taken whole, because a half-read request would hold its text-to-speech worker
  while the line plays in real time; `MAX_CLAUSE_S` bounds it.

Retries are no business of this file: an engine retries once below its contract. An error that
arrives here is reported as `EngineFailed` with the `reply_id`, the attempt stops where it is, and
the brain decides. A clause that broke off sounds as far as it came and never counts as heard.
"""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TypeVar

from voxd.call.speaker import Speaker
from voxd.call.voice import Voice
from voxd.commands import PhraseKind, PreparePrompt, Say, StartReply
from voxd.config import Agent
from voxd.contracts import (
    LINE_RATE_HZ,
    LanguageModel,
    Priority,
    ReplyRequest,
    SpeechRequest,
    SpeechStream,
    TextToSpeech,
    Usage,
)
from voxd.dialog.sentences import ClauseSplitter
from voxd.dialog.spoken import to_spoken
from voxd.errors import Category, EngineError, Phase
from voxd.events import (
    ClauseVoiced,
    ClauseWritten,
    EngineFailed,
    Event,
    FirstToken,
    Kind,
    ReplyRequested,
    ReplyWritten,
)
from voxd.storage.speech_cache import SpeechCache, SpeechKey

CLAUSES_AHEAD = 64
"""Clauses that may wait for synthesis: more than a reply of 150 tokens can have."""
MAX_CLAUSE_S = 60.0
"""Audio of one clause above which the engine is out of its mind: a clause has at most 180
characters, about 12 s; four times slower speech still fits."""

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class _Written:
    """A clause on its way to synthesis."""

    number: int
    text: str
    """As the model wrote it; the history keeps this, so that its KV cache stays valid."""
    spoken: str
    """The same for the ear."""


class Replier:
    """Makes the replies and phrases of one call; each method runs as a task of the call."""

    def __init__(
        self,
        call_id: str,
        agent: Agent,
        llm: LanguageModel,
        tts: TextToSpeech,
        cache: SpeechCache,
        speaker: Speaker,
        post: Callable[[Event], None],
        now: Callable[[], float],
    ) -> None:
        self._call_id = call_id
        self._agent = agent
        self._llm = llm
        self._tts = tts
        self._cache = cache
        self._speaker = speaker
        self._post = post
        self._now = now

    async def prepare(self, command: PreparePrompt, priority: Priority) -> None:
        """Have the model read a prompt ahead. Best effort: the reply itself will report."""
        try:
            await self._llm.prepare(self._call_id, command.messages, priority)
        except EngineError:
            return

    async def reply(self, command: StartReply, voice: Voice) -> None:
        """Make one attempt at a reply; ends when its audio has all been given to the speaker."""
        clauses: asyncio.Queue[_Written | None] = asyncio.Queue(CLAUSES_AHEAD)
        priority = Priority.COMMITTED if command.committed else Priority.SPECULATION
        try:
            async with asyncio.TaskGroup() as tasks:
                writing = tasks.create_task(self._write(command, priority, clauses))
                tasks.create_task(self._speak(clauses, writing.done, priority, voice))
        except* EngineError as errors:
            self._fail(errors.exceptions[0], voice)
        voice.end()

    async def say(self, command: Say, voice: Voice) -> None:
        """Speak a stock phrase, from the cache where it is rendered."""
        key = SpeechKey(command.text, self._agent.language, self._tts.name, "")
        mulaw = self._cache.get(key)
        spoken = to_spoken(command.text)
        clause = _Written(0, command.text, spoken)
        if spoken:
            engine = self._tts.name if mulaw is None else "cache"
            self._post(ClauseWritten(self._now(), command.reply_id, 0, command.text, engine))
        self._post(
            ReplyWritten(self._now(), command.reply_id, 1 if spoken else 0, finish_reason="phrase")
        )
        if mulaw is not None:
            self._play(clause, mulaw, voice)
        elif spoken:
            is_greeting = command.phrase is PhraseKind.GREETING
            priority = Priority.GREETING if is_greeting else Priority.COMMITTED
            try:
                async with self._tts.open_speech(self._request(voice, priority)) as speech:
                    rendered = await self._synthesise(speech, clause, voice, is_last=True)
                self._cache.put(key, rendered)
            except EngineError as error:
                self._fail(error, voice)
        voice.end()

    # --- the model's side ---------------------------------------------------------------------

    async def _write(
        self, command: StartReply, priority: Priority, clauses: asyncio.Queue[_Written | None]
    ) -> None:
        reply_id = command.reply_id
        request = ReplyRequest(
            self._call_id,
            reply_id,
            command.messages,
            self._agent.max_tokens,
            self._agent.temperature,
            priority,
        )
        splitter = ClauseSplitter()
        usage = Usage(0, 0, 0, "stop")
        count = 0
        has_token = False
        self._post(ReplyRequested(self._now(), reply_id, self._llm.name))
        async with closing(self._llm.stream_reply(request)) as pieces:
            async for piece in pieces:
                if isinstance(piece, Usage):
                    usage = piece
                    continue
                if not has_token:
                    has_token = True
                    self._post(FirstToken(self._now(), reply_id))
                count = await self._hand_over(splitter.feed(piece), reply_id, count, clauses)
        count = await self._hand_over(splitter.finish(), reply_id, count, clauses)
        self._post(
            ReplyWritten(
                self._now(),
                reply_id,
                count,
                usage.finish_reason,
                usage.prompt_tokens,
                usage.cached_tokens,
                usage.completion_tokens,
            )
        )
        await clauses.put(None)

    async def _hand_over(
        self,
        texts: list[str],
        reply_id: int,
        count: int,
        clauses: asyncio.Queue[_Written | None],
    ) -> int:
        """Queue clauses that can be spoken; return how many the reply has now."""
        for text in texts:
            spoken = to_spoken(text)
            if spoken:
                self._post(ClauseWritten(self._now(), reply_id, count, text, self._tts.name))
                await clauses.put(_Written(count, text, spoken))
                count += 1
        return count

    # --- the voice's side ---------------------------------------------------------------------

    async def _speak(
        self,
        clauses: asyncio.Queue[_Written | None],
        is_written: Callable[[], bool],
        priority: Priority,
        voice: Voice,
    ) -> None:
        # Opened before there is a clause: a connection may have to be made meanwhile.
        async with self._tts.open_speech(self._request(voice, priority)) as speech:
            while (clause := await clauses.get()) is not None:
                await self._speaker.wait_for_room(voice)
                is_last = is_written() and clauses.qsize() == 1  # only the end mark is left
                await self._synthesise(speech, clause, voice, is_last=is_last)

    async def _synthesise(
        self, speech: SpeechStream, clause: _Written, voice: Voice, *, is_last: bool
    ) -> bytes:
        """Speak one clause into the voice; return its audio."""
        mulaw = bytearray()
        voice.begin_clause(clause.number, clause.text)
        async with closing(speech.speak(clause.spoken, is_last=is_last)) as pieces:
            async for piece in pieces:
                if not mulaw:
                    self._post(ClauseVoiced(self._now(), voice.reply_id, clause.number))
                mulaw += piece
                if len(mulaw) > MAX_CLAUSE_S * LINE_RATE_HZ:
                    raise EngineError(
                        self._tts.name, Category.SERVER, Phase.STREAM, "endless audio"
                    )
                voice.write(piece)
        voice.end_clause()
        return bytes(mulaw)

    def _play(self, clause: _Written, mulaw: bytes, voice: Voice) -> None:
        self._post(ClauseVoiced(self._now(), voice.reply_id, clause.number))
        voice.begin_clause(clause.number, clause.text)
        voice.write(mulaw)
        voice.end_clause()

    def _request(self, voice: Voice, priority: Priority) -> SpeechRequest:
        return SpeechRequest(self._call_id, voice.reply_id, self._agent.language, "", priority)

    def _fail(self, error: BaseException, voice: Voice) -> None:
        assert isinstance(error, EngineError)
        voice.break_off()
        # Names are keys of config.toml, so unique over all kinds.
        kind = Kind.TTS if error.engine == self._tts.name else Kind.LLM
        self._post(
            EngineFailed(
                self._now(), kind, error.engine, error.category, error.phase, voice.reply_id
            )
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
