"""The voice's side of a reply: clauses to audio."""

import asyncio

import pytest

from tests.fakes.language_model import FakeLanguageModel
from tests.fakes.line import FakeLine
from tests.fakes.text_to_speech import FakeTextToSpeech
from voxd.call.clauses import ClauseWriter, Written
from voxd.call.speaker import AUDIO_AHEAD_S, Speaker
from voxd.call.synthesis import Synthesis
from voxd.call.voice import Voice
from voxd.commands import StartReply
from voxd.config import Agent, Line
from voxd.contracts import Priority
from voxd.errors import Category, EngineError
from voxd.events import ClauseVoiced, Event


class Speaking:
    """A synthesis whose speaker does not send."""

    def __init__(self) -> None:
        now = asyncio.get_running_loop().time
        self.tts = FakeTextToSpeech()
        self.posted: list[Event] = []
        post = self.posted.append
        speaker = Speaker(Line(), FakeLine(), post, now)
        self.voice: Voice = speaker.open(3, is_reply=True, is_committed=False)
        self.synthesis = Synthesis("CA1", "es", self.tts, speaker, post, now)
        self.writer = ClauseWriter(
            StartReply(1, 3, False, ()), Agent(), FakeLanguageModel(), lambda: "", post, now
        )

    def write(self, *texts: str) -> None:
        """What the model wrote, whole."""
        for number, text in enumerate(texts):
            self.writer.clauses.put_nowait(Written(number, text, text))
        self.writer.clauses.put_nowait(None)
        self.writer.is_written = True


async def test_clauses_are_spoken_in_order_and_the_last_is_announced() -> None:
    it = Speaking()
    it.write("Good morning.", "Good night.")
    await it.synthesis.speak_reply(it.writer, Priority.SPECULATION, it.voice)
    assert it.tts.texts == ["Good morning.", "Good night."]
    assert it.tts.last == [False, True]
    (request,) = it.tts.requests
    assert (request.reply_id, request.language) == (3, "es")
    assert request.priority is Priority.SPECULATION
    assert [clause.text for clause in it.voice.clauses] == it.tts.texts
    voiced = [event.clause for event in it.posted if isinstance(event, ClauseVoiced)]
    assert voiced == [0, 1]


async def test_no_clause_is_begun_while_enough_waits_for_the_line() -> None:
    it = Speaking()
    it.tts.speed = 100.0
    it.write(*(f"Number {number} of many sentences that nobody hears." for number in range(9)))
    async with asyncio.TaskGroup() as tasks:
        speaking = it.synthesis.speak_reply(it.writer, Priority.COMMITTED, it.voice)
        task = tasks.create_task(speaking)
        await asyncio.sleep(30)
        assert it.voice.unsent_s > AUDIO_AHEAD_S
        assert len(it.tts.texts) < 9
        task.cancel()
    assert it.tts.active == 0


async def test_a_phrase_comes_back_as_audio() -> None:
    it = Speaking()
    phrase = Written(0, "Good morning.", "Good morning.")
    mulaw = await it.synthesis.speak_phrase(phrase, Priority.GREETING, it.voice)
    assert mulaw == b"\x01" * round(13 * 0.05 * 8000)
    assert it.tts.last == [True]


async def test_audio_without_end_is_an_error() -> None:
    it = Speaking()
    it.tts.speed = 1000.0
    phrase = Written(0, "word " * 400, "word " * 400)
    with pytest.raises(EngineError) as raised:
        await it.synthesis.speak_phrase(phrase, Priority.GREETING, it.voice)
    assert raised.value.category is Category.SERVER
    assert it.tts.active == 0


async def test_a_stored_rendering_is_played_without_an_engine() -> None:
    it = Speaking()
    it.synthesis.play(Written(0, "Hello.", "Hello."), b"\x05" * 320, it.voice)
    assert [list(clause.frames) for clause in it.voice.clauses] == [[b"\x05" * 160] * 2]
    assert it.tts.requests == []
    assert [type(event) for event in it.posted] == [ClauseVoiced]
