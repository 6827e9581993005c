"""The voice's side of one reply: clauses to audio for the speaker. I/O by text-to-speech.

Bounds on audio that waits for the line: `speaker.AUDIO_AHEAD_S`, checked before a clause is begun.
A clause that was begun is taken whole, because a half-read request would hold its text-to-speech
worker while the line plays in real time; `MAX_CLAUSE_S` bounds it.
"""

from collections.abc import Callable

from voxd.call.clauses import ClauseWriter, Written, closing
from voxd.call.speaker import Speaker
from voxd.call.voice import Voice
from voxd.contracts import LINE_RATE_HZ, Priority, SpeechRequest, SpeechStream, TextToSpeech
from voxd.errors import Category, EngineError, Phase
from voxd.events import ClauseVoiced, Event

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
        speaker: Speaker,
        post: Callable[[Event], None],
        now: Callable[[], float],
    ) -> None:
        self._call_id = call_id
        self._language = language
        self._tts = tts
        self._speaker = speaker
        self._post = post
        self._now = now

    async def speak_reply(self, writer: ClauseWriter, priority: Priority, voice: Voice) -> None:
        """Speak the clauses as they are written."""
        clauses = writer.clauses
        # Opened before there is a clause: a connection may have to be made meanwhile.
        async with self._tts.open_speech(self._request(voice, priority)) as speech:
            while (clause := await clauses.get()) is not None:
                await self._speaker.wait_for_room(voice)
                is_last = writer.is_written and clauses.qsize() == 1  # only the end mark is left
                await self._speak(speech, clause, voice, is_last=is_last)

    async def speak_phrase(self, clause: Written, priority: Priority, voice: Voice) -> bytes:
        """Speak one clause that stands alone; return its audio."""
        async with self._tts.open_speech(self._request(voice, priority)) as speech:
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

    def _request(self, voice: Voice, priority: Priority) -> SpeechRequest:
        return SpeechRequest(self._call_id, voice.reply_id, self._language, "", priority)
