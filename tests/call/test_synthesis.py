"""The voice's side of a reply: clauses to audio."""

import asyncio

import pytest

from tests.fakes.language_model import FakeLanguageModel
from tests.fakes.line import FakeLine
from tests.fakes.text_to_speech import FakeSpeechStream, FakeTextToSpeech
from voxd.call.clauses import ClauseWriter, Written
from voxd.call.speaker import AUDIO_AHEAD_S, Speaker
from voxd.call.stored import StoredSpeech
from voxd.call.synthesis import Synthesis
from voxd.call.voice import Voice
from voxd.commands import StartReply
from voxd.config import Agent, Line
from voxd.contracts import Priority
from voxd.errors import Category, EngineError
from voxd.events import ClauseVoiced, Event, SpokenWord
from voxd.storage.speech_cache import SpeechCache


class Speaking:
    """A synthesis whose speaker does not send."""

    def __init__(self) -> None:
        now = asyncio.get_running_loop().time
        self.tts = FakeTextToSpeech()
        self.posted: list[Event] = []
        post = self.posted.append
        speaker = Speaker(Line(), FakeLine(), post, now)
        self.voice: Voice = speaker.open(3, is_reply=True, is_committed=False)
        self.stored = StoredSpeech(SpeechCache(None), "es", reply_characters=100)
        self.synthesis = Synthesis("CA1", "es", self.tts, self.stored, speaker, post, now)
        self.writer = ClauseWriter(
            StartReply(1, 3, False, ()), Agent(), FakeLanguageModel(), lambda _: "", post, now
        )

    def write(self, *texts: str) -> None:
        """What the model wrote, whole."""
        for number, text in enumerate(texts):
            self.writer.clauses.put_nowait(Written(number, text, text))
        self.writer.clauses.put_nowait(None)
        self.writer.is_written = True


async def test_the_times_of_words_reach_the_voice_where_the_engine_tells_them(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    words = (SpokenWord("Good", 0.2), SpokenWord("morning.", 0.65))
    monkeypatch.setattr(FakeSpeechStream, "words", words, raising=False)
    it = Speaking()
    it.write("Good morning.")
    await it.synthesis.speak_reply(it.writer, it.voice)
    assert it.voice.clauses[0].words == words


async def test_clauses_are_spoken_in_order_and_the_last_is_announced() -> None:
    it = Speaking()
    it.write("Good morning.", "Good night.")
    await it.synthesis.speak_reply(it.writer, it.voice)
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
    it.voice.commit()
    it.write(*(f"Number {number} of many sentences that nobody hears." for number in range(9)))
    async with asyncio.TaskGroup() as tasks:
        speaking = it.synthesis.speak_reply(it.writer, it.voice)
        task = tasks.create_task(speaking)
        await asyncio.sleep(30)
        assert it.voice.unsent_s > AUDIO_AHEAD_S
        assert len(it.tts.texts) < 9
        task.cancel()
    assert it.tts.active == 0


async def test_before_its_commit_a_reply_wastes_at_most_a_second_and_a_clause() -> None:
    it = Speaking()
    it.tts.speed = 100.0
    it.write(*(f"Number {number} of many sentences that nobody hears." for number in range(9)))
    async with asyncio.TaskGroup() as tasks:
        task = tasks.create_task(it.synthesis.speak_reply(it.writer, it.voice))
        await asyncio.sleep(30)
        assert it.tts.texts == ["Number 0 of many sentences that nobody hears."]
        assert it.voice.cost.characters == len(it.tts.texts[0])
        it.voice.commit()
        await asyncio.sleep(30)
        assert len(it.tts.texts) > 1
        assert it.tts.requests[0].priority is Priority.COMMITTED
        task.cancel()


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


SHORT, LONG = "You're welcome!", "We are open from nine to five on all days but Sunday. " * 2


async def test_a_short_clause_is_spoken_once_and_then_played() -> None:
    it = Speaking()
    it.stored.keep(SHORT, "another-tts", b"\x05" * 320)
    it.write(SHORT, LONG, SHORT, LONG)
    it.tts.speed = 100.0
    it.voice.commit()
    async with asyncio.TaskGroup() as tasks:
        task = tasks.create_task(it.synthesis.speak_reply(it.writer, it.voice))
        await asyncio.sleep(1)
        it.voice.take_frames(it.voice.clauses[1], 10_000)  # room for the next
        await asyncio.sleep(30)
        task.cancel()
    assert it.tts.last == [False, False, True]
    first, _, again, _ = it.voice.clauses
    assert list(first.frames) == list(again.frames)
    assert (again.number, again.text, again.is_ended) == (2, SHORT, True)
    assert it.voice.cost.characters == len(SHORT) + 2 * len(LONG)
    voiced = [event.clause for event in it.posted if isinstance(event, ClauseVoiced)]
    assert voiced == [0, 1, 2, 3]


async def test_a_clause_in_which_the_voice_changed_is_not_kept() -> None:
    it = Speaking()
    it.write(SHORT)
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(it.synthesis.speak_reply(it.writer, it.voice))
        await asyncio.sleep(0.15)
        it.tts.name = "another-tts"
    assert it.stored.find(SHORT, "fake-tts") is it.stored.find(SHORT, "another-tts") is None


async def test_a_clause_that_broke_off_is_not_kept() -> None:
    it = Speaking()
    it.tts.breaks[SHORT] = 0.1
    it.write(SHORT)
    with pytest.raises(EngineError):
        await it.synthesis.speak_reply(it.writer, it.voice)
    assert it.stored.find(SHORT, "fake-tts") is None
