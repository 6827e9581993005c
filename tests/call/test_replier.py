"""One reply: model to clauses to voice; what is reported, in which order."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import TypeVar

from tests.fakes.language_model import STALL, FakeLanguageModel, said
from tests.fakes.line import FakeLine
from tests.fakes.text_to_speech import FakeTextToSpeech
from voxd.call.replier import Replier
from voxd.call.speaker import Speaker
from voxd.call.voice import Voice
from voxd.commands import Message, PhraseKind, PreparePrompt, Say, StartReply
from voxd.config import Agent, Line
from voxd.contracts import Priority
from voxd.errors import Category, Phase
from voxd.events import (
    ClauseVoiced,
    ClauseWritten,
    EngineFailed,
    Event,
    Kind,
    ReplyRequested,
    ReplyWritten,
)
from voxd.storage.speech_cache import SpeechCache, SpeechKey

PROMPT = (Message("system", "Be kind."), Message("user", "Hello?"))
SomeEvent = TypeVar("SomeEvent", bound=Event)


class Making:
    """A replier whose speaker's gate stays closed unless a test commits."""

    def __init__(self, llm: FakeLanguageModel, tts: FakeTextToSpeech) -> None:
        loop = asyncio.get_running_loop()
        self.llm = llm
        self.tts = tts
        self.posted: list[Event] = []
        self.cache = SpeechCache(None)
        self.speaker = Speaker(Line(), FakeLine(), self.posted.append, loop.time)
        self.replier = Replier(
            "CA1", Agent(), llm, tts, self.cache, self.speaker, self.posted.append, loop.time
        )

    def all(self, kind: type[SomeEvent]) -> list[SomeEvent]:
        return [event for event in self.posted if isinstance(event, kind)]

    def start(self, reply_id: int = 1, *, committed: bool = False) -> tuple[StartReply, Voice]:
        command = StartReply(1, reply_id, committed, PROMPT)
        return command, self.speaker.open(reply_id, is_reply=True, is_committed=committed)

    def phrase(self, text: str, kind: PhraseKind = PhraseKind.GREETING) -> tuple[Say, Voice]:
        return Say(9, text, kind), self.speaker.open(9, is_reply=False, is_committed=True)


@asynccontextmanager
async def making(
    llm: FakeLanguageModel | None = None, tts: FakeTextToSpeech | None = None
) -> AsyncIterator[Making]:
    it = Making(llm or FakeLanguageModel(), tts or FakeTextToSpeech())
    yield it
    assert it.llm.active == 0
    assert it.tts.active == 0


async def test_a_reply_is_reported_from_request_to_end() -> None:
    async with making(FakeLanguageModel(said("We are open today. Do come by."))) as it:
        command, voice = it.start()
        await it.replier.reply(command, voice)
    names = [type(event).__name__ for event in it.posted]
    assert names[:3] == ["ReplyRequested", "FirstToken", "ClauseWritten"]
    assert sorted(names[3:]) == ["ClauseVoiced", "ClauseVoiced", "ClauseWritten", "ReplyWritten"]
    assert [event.text for event in it.all(ClauseWritten)] == [
        "We are open today.",
        "Do come by.",
    ]
    assert [event.clause for event in it.all(ClauseVoiced)] == [0, 1]
    (written,) = it.all(ReplyWritten)
    assert (written.clauses, written.finish_reason) == (2, "stop")
    assert it.all(ReplyRequested)[0].engine == it.llm.name
    assert [clause.text for clause in voice.clauses] == ["We are open today.", "Do come by."]
    assert voice.is_ended


async def test_the_first_clause_is_voiced_while_the_model_still_writes() -> None:
    llm = FakeLanguageModel((0.1, "We are open today. ", 5.0, "Do come by."))
    async with making(llm) as it:
        command, voice = it.start()
        await it.replier.reply(command, voice)
    names = [type(event).__name__ for event in it.posted]
    assert names.index("ClauseVoiced") < names.index("ReplyWritten")


async def test_only_the_last_clause_is_announced_as_last() -> None:
    async with making(FakeLanguageModel((0.1, "We are open today. Do come by."))) as it:
        command, voice = it.start()
        await it.replier.reply(command, voice)
    assert it.tts.last == [False, True]


async def test_work_that_may_be_thrown_away_has_a_lower_priority() -> None:
    async with making() as it:
        await it.replier.reply(*it.start(1, committed=False))
        await it.replier.reply(*it.start(2, committed=True))
    assert [request.priority for request in it.llm.requests] == [
        Priority.SPECULATION,
        Priority.COMMITTED,
    ]
    assert [request.priority for request in it.tts.requests] == [
        Priority.SPECULATION,
        Priority.COMMITTED,
    ]


async def test_what_cannot_be_spoken_is_no_clause() -> None:
    async with making(FakeLanguageModel((0.1, "*** \n", "--- \n"))) as it:
        command, voice = it.start()
        await it.replier.reply(command, voice)
    assert it.all(ReplyWritten)[0].clauses == 0
    assert it.tts.texts == []
    assert voice.is_sent


async def test_a_clause_is_spoken_for_the_ear_and_reported_as_written() -> None:
    async with making(FakeLanguageModel((0.1, "That is **20%** off."))) as it:
        await it.replier.reply(*it.start())
    assert it.all(ClauseWritten)[0].text == "That is **20%** off."
    assert "*" not in it.tts.texts[0]


async def test_a_model_error_is_reported_with_its_reply() -> None:
    llm = FakeLanguageModel()
    async with making(FakeLanguageModel((0.1, "We are open today. Do", llm.error()))) as it:
        command, voice = it.start(4)
        await it.replier.reply(command, voice)
    (failed,) = it.all(EngineFailed)
    assert (failed.kind, failed.reply_id) == (Kind.LLM, 4)
    assert (failed.category, failed.phase) == (Category.SERVER, Phase.STREAM)
    assert it.all(ReplyWritten) == []
    assert voice.is_ended


async def test_a_voice_error_stops_the_model() -> None:
    tts = FakeTextToSpeech()
    tts.breaks["We are open today."] = 0.0
    async with making(FakeLanguageModel((0.1, "We are open today. ", STALL)), tts) as it:
        command, voice = it.start(4)
        async with asyncio.timeout(60):
            await it.replier.reply(command, voice)
    (failed,) = it.all(EngineFailed)
    assert (failed.kind, failed.reply_id) == (Kind.TTS, 4)
    assert voice.clause_count == 0


async def test_audio_without_end_is_an_error() -> None:
    tts = FakeTextToSpeech(speed=1000)
    async with making(FakeLanguageModel((0.1, "word " * 60, "end")), tts) as it:
        it.tts.byte_of = lambda text: 1  # type: ignore[method-assign]
        endless = "word" * 400
        command, voice = it.phrase(endless)
        await it.replier.say(command, voice)
    assert it.all(EngineFailed)[0].kind is Kind.TTS


async def test_cancelling_a_reply_stops_model_and_voice() -> None:
    async with making(FakeLanguageModel((0.1, "We are open today. ", STALL))) as it:
        command, voice = it.start()
        async with asyncio.TaskGroup() as tasks:
            task = tasks.create_task(it.replier.reply(command, voice))
            await asyncio.sleep(1)
            assert (it.llm.active, it.tts.active) == (1, 1)
            task.cancel()
    assert it.all(EngineFailed) == []


async def test_a_phrase_is_rendered_once_and_kept() -> None:
    async with making() as it:
        await it.replier.say(*it.phrase("Good morning."))
        key = SpeechKey("Good morning.", "en", it.tts.name, "")
        rendered = it.cache.get(key)
        assert rendered == b"\x01" * round(13 * 0.05 * 8000)
        command, voice = it.phrase("Good morning.")
        await it.replier.say(command, voice)
    assert it.tts.texts == ["Good morning."]
    assert len(it.tts.requests) == 1
    assert [event.engine for event in it.all(ClauseWritten)] == [it.tts.name, "cache"]
    assert {event.finish_reason for event in it.all(ReplyWritten)} == {"phrase"}
    assert voice.unsent_s > 0.6


async def test_the_greeting_goes_before_other_new_work() -> None:
    async with making() as it:
        await it.replier.say(*it.phrase("Good morning.", PhraseKind.GREETING))
        await it.replier.say(*it.phrase("Sorry.", PhraseKind.TOO_SLOW))
    assert [request.priority for request in it.tts.requests] == [
        Priority.GREETING,
        Priority.COMMITTED,
    ]


async def test_a_phrase_that_breaks_is_reported_and_not_kept() -> None:
    tts = FakeTextToSpeech()
    tts.breaks["Good morning."] = 0.2
    async with making(tts=tts) as it:
        await it.replier.say(*it.phrase("Good morning."))
        assert it.cache.get(SpeechKey("Good morning.", "en", tts.name, "")) is None
    assert it.all(EngineFailed)[0].reply_id == 9


async def test_preparing_is_best_effort() -> None:
    llm = FakeLanguageModel()
    error = llm.error()

    async def failing(*_: object) -> None:
        raise error

    async with making(llm) as it:
        await it.replier.prepare(PreparePrompt(PROMPT), Priority.GREETING)
        assert llm.prepared == [PROMPT]
        llm.prepare = failing  # type: ignore[method-assign, assignment]
        await it.replier.prepare(PreparePrompt(PROMPT), Priority.GREETING)
    assert it.posted == []
