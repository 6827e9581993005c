"""The model's side of a reply: what is queued, what is reported, what a failure does."""

import asyncio

import pytest

from tests.fakes.language_model import FakeLanguageModel, Script, said
from voxd.call.clauses import CLAUSES_AHEAD, ClauseWriter
from voxd.call.voice import Voice
from voxd.commands import Message, StartReply
from voxd.config import Agent
from voxd.errors import EngineError
from voxd.events import (
    ClauseWritten,
    Event,
    FirstToken,
    ReplyRequested,
    ReplyWritten,
    ToolCall,
)

PROMPT = (Message("system", "Be kind."), Message("user", "Hello?"))


class Writing:
    """One attempt, written into a queue that nobody reads."""

    def __init__(self, script: Script) -> None:
        self.llm = FakeLanguageModel(script)
        self.posted: list[Event] = []
        self.voice = Voice(7, True, lambda: None)
        self.writer = ClauseWriter(
            StartReply(1, 7, True, PROMPT),
            Agent(),
            self.llm,
            lambda _: "some-voice",
            self.posted.append,
            asyncio.get_running_loop().time,
        )

    async def write(self) -> None:
        await self.writer.write("CA1", self.voice)

    @property
    def queued(self) -> list[str | None]:
        """The clauses as they are to be spoken, None for the end."""
        items = [self.writer.clauses.get_nowait() for _ in range(self.writer.clauses.qsize())]
        return [None if item is None else item.spoken for item in items]


async def test_clauses_are_queued_for_the_ear_and_reported_as_written() -> None:
    it = Writing(said("We are open today. That is **20%** off."))
    await it.write()
    assert it.queued == ["We are open today.", "That is twenty percent off.", None]
    assert it.writer.is_written
    assert [type(event) for event in it.posted] == [
        ReplyRequested,
        FirstToken,
        ClauseWritten,
        ClauseWritten,
        ReplyWritten,
    ]
    second = it.posted[3]
    assert isinstance(second, ClauseWritten)
    assert (second.clause, second.text, second.engine) == (1, "That is **20%** off.", "some-voice")


async def test_the_first_token_is_reported_once_though_it_has_no_text() -> None:
    it = Writing((0.1, "", 0.4, "Yes. ", "No. "))
    begun_at = asyncio.get_running_loop().time()
    await it.write()
    (first,) = [event for event in it.posted if isinstance(event, FirstToken)]
    assert first.at - begun_at == pytest.approx(0.1)


async def test_more_clauses_than_are_spoken_wait_in_the_model() -> None:
    it = Writing((0.1, *["Yes it is so. "] * (CLAUSES_AHEAD + 20)))
    async with asyncio.TaskGroup() as tasks:
        task = tasks.create_task(it.write())
        await asyncio.sleep(1)
        assert it.writer.clauses.full()
        assert it.llm.active == 1
        task.cancel()
    assert it.llm.active == 0


@pytest.mark.parametrize(
    ("script", "is_audible", "ending"),
    [
        ((0.1, "Yes."), False, "raised"),  # not one clause: the engines tried everything
        ((0.1, "Yes."), True, "raised"),
        ((0.1, "Yes it is so. ", "But"), False, "muted"),
        ((0.1, "Yes it is so. ", "But"), True, "cut"),
    ],
)
async def test_what_a_reply_that_broke_off_becomes(
    script: tuple[str | float, ...], is_audible: bool, ending: str
) -> None:
    it = Writing(())
    it.llm.scripts = ((*script, it.llm.error()),)
    it.voice.is_audible = is_audible
    if ending == "cut":
        await it.write()
        assert it.queued == ["Yes it is so.", None]
        written = it.posted[-1]
        assert isinstance(written, ReplyWritten)
        assert (written.clauses, written.finish_reason) == (1, "cut")
    else:
        with pytest.raises(EngineError):
            await it.write()
        assert not it.writer.is_written
        assert not any(isinstance(event, ReplyWritten) for event in it.posted)
    assert it.voice.is_muted == (ending == "muted")
    assert it.llm.active == 0


async def test_what_was_written_is_counted_by_length_until_the_model_has_counted() -> None:
    it = Writing((0.1, "Yes it is so. ", 5.0, "No."))
    async with asyncio.TaskGroup() as tasks:
        task = tasks.create_task(it.write())
        await asyncio.sleep(1)
        assert it.voice.cost.tokens == 4  # 14 characters
        await task
    assert it.voice.cost.tokens == 2  # the fake counts its pieces


async def test_what_the_model_wants_done_is_reported_with_the_end() -> None:
    call = ToolCall("", "end_call", "{}")
    it = Writing((0.1, "Goodbye! ", call))
    await it.write()
    assert it.queued == ["Goodbye!", None]
    written = it.posted[-1]
    assert isinstance(written, ReplyWritten)
    assert (written.clauses, written.tool_calls) == (1, (call,))
