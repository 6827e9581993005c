"""One reply: model to clauses to voice; what is reported, in which order."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import TypeVar

from tests.fakes.language_model import STALL, FakeLanguageModel, Script, said
from tests.fakes.line import FakeLine
from tests.fakes.text_to_speech import FakeTextToSpeech
from voxd.call.replier import REMAKES, Replier
from voxd.call.speaker import Speaker
from voxd.call.stored import StoredSpeech
from voxd.call.voice import Voice
from voxd.commands import Message, PhraseKind, PreparePrompt, Say, StartReply
from voxd.config import Agent, Line
from voxd.contracts import Priority
from voxd.errors import Category, Phase
from voxd.events import (
    ClauseHeard,
    ClauseStarted,
    ClauseVoiced,
    ClauseWritten,
    EngineFailed,
    Event,
    Kind,
    PlaybackFinished,
    ReplyRequested,
    ReplyWritten,
)
from voxd.storage.speech_cache import SpeechCache, SpeechKey

PROMPT = (Message("system", "Be kind."), Message("user", "Hello?"))
SomeEvent = TypeVar("SomeEvent", bound=Event)


class Making:
    """A replier whose speaker's gate stays closed unless a test commits."""

    def __init__(
        self,
        llm: FakeLanguageModel,
        tts: FakeTextToSpeech,
        voices: Sequence[str] = (),
        reply_characters: int = 0,
    ) -> None:
        loop = asyncio.get_running_loop()
        self.llm = llm
        self.tts = tts
        self.posted: list[Event] = []
        self.cache = SpeechCache(None)
        self.line = FakeLine()
        self.speaker = Speaker(Line(), self.line, self.posted.append, loop.time)
        self.replier = Replier(
            "CA1",
            Agent(),
            llm,
            tts,
            StoredSpeech(self.cache, "en", reply_characters),
            self.speaker,
            self.posted.append,
            loop.time,
            voices,
        )

    async def finished(self) -> None:
        """Return once the caller has heard the reply."""
        async with asyncio.timeout(60):
            while not self.all(PlaybackFinished):
                await asyncio.sleep(0.05)

    def all(self, kind: type[SomeEvent]) -> list[SomeEvent]:
        return [event for event in self.posted if isinstance(event, kind)]

    def start(self, reply_id: int = 1, *, committed: bool = False) -> tuple[StartReply, Voice]:
        command = StartReply(1, reply_id, committed, PROMPT)
        return command, self.speaker.open(reply_id, is_reply=True, is_committed=committed)

    def phrase(self, text: str, kind: PhraseKind = PhraseKind.GREETING) -> tuple[Say, Voice]:
        return Say(9, text, kind), self.speaker.open(9, is_reply=False, is_committed=True)


@asynccontextmanager
async def making(
    llm: FakeLanguageModel | None = None,
    tts: FakeTextToSpeech | None = None,
    voices: Sequence[str] = (),
    reply_characters: int = 0,
) -> AsyncIterator[Making]:
    it = Making(llm or FakeLanguageModel(), tts or FakeTextToSpeech(), voices, reply_characters)
    yield it
    assert it.llm.active == 0
    assert it.tts.active == 0


@asynccontextmanager
async def sending(it: Making) -> AsyncIterator[None]:
    """Let the speaker send."""
    async with asyncio.TaskGroup() as tasks:
        task = tasks.create_task(it.speaker.run())
        yield
        task.cancel()


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


async def test_a_commit_makes_the_work_in_hand_urgent() -> None:
    async with making(FakeLanguageModel((5.0, "Yes."))) as it:
        command, voice = it.start(committed=False)
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(it.replier.reply(command, voice))
            it.speaker.commit(1)  # before the task has run at all
    (asked,), (spoken,) = it.llm.requests, it.tts.requests
    assert asked.priority is spoken.priority is Priority.COMMITTED
    async with making(FakeLanguageModel((5.0, "Yes."))) as it:
        command, voice = it.start(committed=False)
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(it.replier.reply(command, voice))
            await asyncio.sleep(1)
            assert it.llm.requests[0].priority is Priority.SPECULATION
            it.speaker.commit(1)
            assert it.llm.requests[0].priority is Priority.COMMITTED


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


# --- what becomes of a reply whose engine fails ---------------------------------------------------

FIRST, SECOND = "We are open today.", "Do come by."
REPLY = f"{FIRST} {SECOND}"


def broken(llm: FakeLanguageModel, after_s: float = 0.05) -> Script:
    """A first clause, a bit of a second one, and the end."""
    return (0.1, f"{FIRST} ", "Do", after_s, llm.error())


async def test_a_reply_that_broke_off_unheard_is_made_again_from_the_beginning() -> None:
    llm = FakeLanguageModel()
    llm.scripts = (broken(llm, after_s=0.5), said("Yes, today. Come by."))
    async with making(llm) as it:
        command, voice = it.start(4)
        await it.replier.reply(command, voice)
    assert [request.reply_id for request in llm.requests] == [4, 4]
    assert [clause.text for clause in voice.clauses] == ["Yes, today.", "Come by."]
    assert [clause.number for clause in voice.clauses] == [0, 1]
    assert voice.clause_count == 2
    assert it.all(EngineFailed) == []
    (written,) = it.all(ReplyWritten)
    assert (written.clauses, written.finish_reason) == (2, "stop")
    assert len(it.all(ReplyRequested)) == 2


async def test_a_committed_reply_that_broke_off_before_its_first_audio_is_made_again() -> None:
    llm = FakeLanguageModel()
    llm.scripts = (broken(llm), said("Yes, today. Come by."))
    async with making(llm) as it, sending(it):
        command, voice = it.start(4, committed=True)
        await it.replier.reply(command, voice)
        await it.finished()
    assert [event.text for event in it.all(ClauseStarted)] == ["Yes, today.", "Come by."]
    played = {frame.mulaw[0] for frame in it.line.played}
    assert it.tts.byte_of(FIRST) not in played


async def test_a_reply_that_broke_off_while_it_sounds_ends_with_what_was_said() -> None:
    llm = FakeLanguageModel()
    llm.scripts = (broken(llm, after_s=0.6), said("Never asked."))
    async with making(llm) as it, sending(it):
        command, voice = it.start(4, committed=True)
        await it.replier.reply(command, voice)
        await it.finished()
    assert len(llm.requests) == 1
    assert [event.text for event in it.all(ClauseStarted)] == [FIRST]
    assert [event.clause for event in it.all(ClauseHeard)] == [0]
    (written,) = it.all(ReplyWritten)
    assert (written.clauses, written.finish_reason) == (1, "cut")
    assert it.all(EngineFailed) == []


async def test_a_reply_that_breaks_off_again_and_again_is_a_failure() -> None:
    llm = FakeLanguageModel()
    llm.scripts = (broken(llm),)
    async with making(llm) as it:
        command, voice = it.start(4)
        await it.replier.reply(command, voice)
    assert len(llm.requests) == REMAKES + 1
    assert [failed.phase for failed in it.all(EngineFailed)] == [Phase.STREAM]
    assert voice.clause_count == 0
    assert voice.is_ended


async def test_an_error_without_any_clause_is_not_tried_again() -> None:
    llm = FakeLanguageModel()
    llm.scripts = ((0.1, llm.error()), said("Never asked."))
    async with making(llm) as it:
        await it.replier.reply(*it.start(4))
    assert len(llm.requests) == 1
    assert [failed.kind for failed in it.all(EngineFailed)] == [Kind.LLM]


async def test_the_kind_of_a_failure_is_where_it_happened() -> None:
    """Whatever the engine is called: behind a chain the name is that of one of its engines."""
    tts = FakeTextToSpeech(name="fake-llm")
    tts.breaks[FIRST] = 0.0
    async with making(FakeLanguageModel(said(REPLY)), tts) as it:
        await it.replier.reply(*it.start(4))
    assert [failed.kind for failed in it.all(EngineFailed)] == [Kind.TTS]


async def test_dropping_a_reply_that_is_made_again_leaves_nothing() -> None:
    llm = FakeLanguageModel()
    llm.scripts = (broken(llm, after_s=0.5), (0.1, f"{FIRST} ", STALL))
    async with making(llm) as it:
        command, voice = it.start()
        async with asyncio.TaskGroup() as tasks:
            task = tasks.create_task(it.replier.reply(command, voice))
            await asyncio.sleep(1)
            it.speaker.drop(command.reply_id)
            task.cancel()
    assert len(llm.requests) == 2
    assert voice.unsent_s == 0


async def test_when_no_voice_can_speak_a_stored_phrase_of_any_is_played() -> None:
    tts = FakeTextToSpeech()
    tts.refusals = 1
    async with making(tts=tts, voices=("another", "third")) as it:
        it.cache.put(SpeechKey("So sorry.", "en", "third", ""), b"\x2a" * 1600)
        command, voice = it.phrase("So sorry.", PhraseKind.FAILURE)
        await it.replier.say(command, voice)
    assert it.all(EngineFailed) == []
    assert [list(clause.frames) for clause in voice.clauses] == [[b"\x2a" * 160] * 10]
    assert voice.is_ended


async def test_a_phrase_of_two_voices_is_not_kept() -> None:
    async with making() as it:
        command, voice = it.phrase("Good morning.")
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(it.replier.say(command, voice))
            await asyncio.sleep(0.15)
            it.tts.name = "another"
    for name in ("fake-tts", "another"):
        assert it.cache.get(SpeechKey("Good morning.", "en", name, "")) is None


# --- what need not be spoken again ----------------------------------------------------------------


async def test_a_clause_that_was_said_before_comes_from_the_cache() -> None:
    async with making(FakeLanguageModel(said(REPLY)), reply_characters=100) as it:
        await it.replier.reply(*it.start(1))
        await it.replier.reply(*it.start(2))
    assert it.tts.last == [False, True]
    sources = [(event.reply_id, event.engine) for event in it.all(ClauseWritten)]
    assert sources == [(1, "fake-tts"), (1, "fake-tts"), (2, "cache"), (2, "cache")]
    assert [event.reply_id for event in it.all(ClauseVoiced)] == [1, 1, 2, 2]


async def test_a_phrase_is_looked_for_as_it_is_spoken() -> None:
    async with making() as it:
        it.cache.put(SpeechKey("So sorry.", "en", "fake-tts", ""), b"\x2a" * 1600)
        await it.replier.say(*it.phrase("**So** sorry.", PhraseKind.FAILURE))
    assert it.tts.texts == []
    assert [event.text for event in it.all(ClauseWritten)] == ["**So** sorry."]


FILLER = Say(9, "One moment, please.", PhraseKind.FILLER)


async def test_a_filler_goes_before_the_reply_that_is_waited_for() -> None:
    async with making(FakeLanguageModel((1.0, *said(FIRST)))) as it, sending(it):
        it.cache.put(SpeechKey(FILLER.text, "en", "fake-tts", ""), b"\x2a" * 1600)
        command, voice = it.start(4, committed=True)
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(it.replier.reply(command, voice))
            await asyncio.sleep(0.5)
            it.replier.fill(FILLER)
        await it.finished()
    started = it.all(ClauseStarted)
    assert [(event.reply_id, event.is_reply) for event in started] == [(9, False), (4, True)]
    assert [byte for byte, _ in it.line.heard()] == [0x2A, it.tts.byte_of(FIRST)]
    written = [(event.reply_id, event.finish_reason) for event in it.all(ReplyWritten)]
    assert written == [(9, "phrase"), (4, "stop")]


async def test_a_filler_that_would_have_to_be_rendered_is_left_out() -> None:
    """The voice may be what is late; and while it made the filler, the reply would wait."""
    async with making() as it:
        it.start(4, committed=True)
        it.replier.fill(FILLER)
    assert it.posted == []
    assert it.tts.texts == []


async def test_a_filler_that_nobody_waits_for_is_left_out() -> None:
    async with making() as it:
        it.cache.put(SpeechKey(FILLER.text, "en", "fake-tts", ""), b"\x2a" * 1600)
        it.start(4, committed=False)
        it.replier.fill(FILLER)
    assert it.posted == []
