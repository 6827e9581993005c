"""The voice's side of one reply: clauses to audio for the speaker. I/O by text-to-speech.

Bounds on audio that waits for the line: `speaker.AUDIO_AHEAD_S`, checked before a clause is begun.
A clause that was begun is taken whole, because a half-read request would hold its text-to-speech
worker while the line plays in real time; `MAX_CLAUSE_S` bounds it.
"""

from collections.abc import Callable

from voxd.call.clauses import ClauseWriter, Written, closing
from voxd.call.speaker import Speaker
from voxd.call.stored import StoredSpeech
from voxd.call.voice import Voice
from voxd.contracts import (
    LINE_RATE_HZ,
    Priority,
    SpeechRequest,
    SpeechStream,
    TextToSpeech,
    Urgency,
)
from voxd.errors import Category, EngineError, Phase
from voxd.events import ClauseVoiced, Event, SpokenWord

MAX_CLAUSE_S = 60.0
"""Audio of one clause above which the engine is out of its mind: a clause has at most 180
characters, about 12 s; four times slower speech still fits."""


class Synthesis:
    """Speaks the replies and phrases of one call into their voices."""

    def __init__(
        self,
        call_id: str,
        language: str,
        tts: TextToSpeech,
        stored: StoredSpeech,
        speaker: Speaker,
        post: Callable[[Event], None],
        now: Callable[[], float],
    ) -> None:
        self._call_id = call_id
        self._language = language
        self._tts = tts
        self._stored = stored
        self._speaker = speaker
        self._post = post
        self._now = now

    async def speak_reply(self, writer: ClauseWriter, voice: Voice) -> None:
        """Speak the clauses as they are written; one that is stored is played."""
        clauses = writer.clauses
        # Opened before there is a clause: a connection may have to be made meanwhile.
        async with self._tts.open_speech(self._request(voice, voice.urgency)) as speech:
            while (clause := await clauses.get()) is not None:
                await self._speaker.wait_for_room(voice)
                engine = self._tts.name
                manner = clause.delivery.key
                stored = self._stored.find_clause(clause.spoken, engine, manner)
                if stored is not None:
                    self.play(clause, stored, voice)
                    continue
                is_last = writer.is_written and clauses.qsize() == 1  # only the end mark is left
                mulaw = await self._speak(speech, clause, voice, is_last=is_last)
                if self._tts.name == engine:  # else it may be of two voices
                    self._stored.keep_clause(clause.spoken, engine, mulaw, manner)

    async def speak_phrase(self, clause: Written, priority: Priority, voice: Voice) -> bytes:
        """Speak one clause that stands alone; return its audio."""
        async with self._tts.open_speech(self._request(voice, Urgency(priority))) as speech:
            return await self._speak(speech, clause, voice, is_last=True)

    def play(self, clause: Written, mulaw: bytes, voice: Voice) -> None:
        """Give a stored rendering to the voice."""
        self._post(ClauseVoiced(self._now(), voice.reply_id, clause.number))
        voice.begin_clause(clause.number, clause.text)
        voice.write(mulaw)
        voice.end_clause()

    async def _speak(
        self, speech: SpeechStream, clause: Written, voice: Voice, *, is_last: bool
    ) -> bytes:
        mulaw = bytearray()
        voice.begin_clause(clause.number, clause.text)
        voice.cost.characters += len(clause.spoken)
        pieces_of_clause = speech.speak(clause.spoken, is_last=is_last, delivery=clause.delivery)
        async with closing(pieces_of_clause) as pieces:
            async for piece in pieces:
                if not mulaw:
                    self._post(ClauseVoiced(self._now(), voice.reply_id, clause.number))
                mulaw += piece
                if len(mulaw) > MAX_CLAUSE_S * LINE_RATE_HZ:
                    raise EngineError(
                        self._tts.name, Category.SERVER, Phase.STREAM, "endless audio"
                    )
                voice.write(piece)
        # Not in the contract, because most engines cannot tell.
        words: tuple[SpokenWord, ...] = getattr(speech, "words", ())
        voice.end_clause(words)
        return bytes(mulaw)

    def _request(self, voice: Voice, urgency: Urgency) -> SpeechRequest:
        return SpeechRequest(
            self._call_id, voice.reply_id, self._language, "", urgency, outlet=voice
        )
