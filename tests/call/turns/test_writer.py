import asyncio
from typing import TypeVar

from tests.call.turns.test_script import a_part
from tests.fakes.language_model import STALL, FakeLanguageModel, Script, said
from voxd.call.replier import REMAKES
from voxd.call.turns.script import Part
from voxd.call.turns.writer import POLLY, TurnWriter
from voxd.commands import Message, PhraseKind, PreparePrompt, Say, StartReply
from voxd.config import Agent
from voxd.contracts import Priority
from voxd.errors import Category, EngineError, Phase
from voxd.events import ClauseWritten, EngineFailed, Event, Kind, ReplyRequested, ReplyWritten

PROMPT = (Message("system", "Be kind."), Message("user", "Hello?"))
Some = TypeVar("Some", bound=Event)


class Writing:
    def __init__(self, *scripts: Script, is_committed: bool = True) -> None:
        self.llm = FakeLanguageModel(*scripts)
        self.posted: list[Event] = []
        self.words = 0
        self.part: Part = a_part(7, is_written=False, is_committed=is_committed)
        self.writer = TurnWriter(
            "CA1",
            Agent(),
            self.llm,
            self.posted.append,
            asyncio.get_running_loop().time,
            self._note_words,
        )

    async def reply(self) -> None:
        await self.writer.reply(StartReply(1, 7, True, PROMPT), self.part)

    def all(self, kind: type[Some]) -> list[Some]:
        return [event for event in self.posted if isinstance(event, kind)]

    @property
    def spoken(self) -> list[str]:
        return [clause.spoken for clause in self.part.clauses]

    def _note_words(self) -> None:
        self.words += 1


def broken(*begun: str | float) -> Script:
    return (*begun, EngineError("fake-llm", Category.SERVER, Phase.STREAM, "scripted"))


async def test_a_reply_becomes_clauses_for_the_ear() -> None:
    it = Writing(said("We are open today. That is **20%** off."))
    await it.reply()
    assert it.spoken == ["We are open today.", "That is twenty percent off."]
    assert it.part.is_written
    assert it.words >= 2
    assert {event.engine for event in it.all(ClauseWritten)} == {POLLY}
    assert it.all(ReplyWritten)[0].clauses == 2


async def test_clauses_can_be_said_while_the_model_still_writes() -> None:
    it = Writing((0.1, "We are open today. That ", STALL))
    async with asyncio.TaskGroup() as tasks:
        task = tasks.create_task(it.reply())
        await asyncio.sleep(0.5)
        assert it.spoken == ["We are open today."] and not it.part.is_written
        task.cancel()


async def test_a_model_that_breaks_off_unheard_begins_again() -> None:
    it = Writing(broken("One is here. ", "Two "), said("Three is here."))
    await it.reply()
    assert it.spoken == ["Three is here."]
    assert len(it.all(ReplyRequested)) == 2 and it.all(EngineFailed) == []


async def test_a_model_that_breaks_off_while_it_is_heard_has_said_what_it_said() -> None:
    it = Writing(broken("One is here. ", 0.5, "Two "))
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(it.reply())
        await asyncio.sleep(0.1)
        it.part.voice.is_audible = True
    assert it.spoken == ["One is here."] and it.part.is_written
    assert it.all(ReplyWritten)[0].finish_reason == "cut"


async def test_a_model_that_fails_is_reported_and_the_reply_is_over() -> None:
    it = Writing((0.1, EngineError("fake-llm", Category.SERVER, Phase.FIRST_RESULT, "no")))
    await it.reply()
    (failed,) = it.all(EngineFailed)
    assert (failed.kind, failed.reply_id) == (Kind.LLM, 7)
    assert it.part.is_written and it.words == 1


async def test_a_model_that_always_breaks_off_is_given_up() -> None:
    it = Writing(broken("One is here. ", "Two "))
    await it.reply()
    assert len(it.llm.requests) == REMAKES + 1
    assert len(it.all(EngineFailed)) == 1


async def test_a_phrase_is_written_at_once() -> None:
    it = Writing()
    it.writer.phrase(Say(7, "It is 5 p.m.", PhraseKind.REPROMPT), it.part)
    assert it.spoken[0].startswith("It is five")
    assert it.part.is_written
    assert [type(event) for event in it.posted] == [ClauseWritten, ReplyWritten]


async def test_a_prompt_is_read_ahead_and_its_failure_is_nobodys_business() -> None:
    it = Writing()
    await it.writer.prepare(PreparePrompt(PROMPT), Priority.GREETING)
    assert it.llm.prepared == [PROMPT]
