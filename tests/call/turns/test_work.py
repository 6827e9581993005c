import asyncio

from tests.call.turns.test_script import a_part
from tests.fakes.language_model import STALL, FakeLanguageModel, said
from voxd.call.tooling import Tooling
from voxd.call.turns.work import TurnWork
from voxd.call.turns.writer import TurnWriter
from voxd.commands import CallTool, Message, PreparePrompt, StartReply
from voxd.config import Agent
from voxd.events import Event, ToolReturned

PROMPT = (Message("system", "Be kind."), Message("user", "Hello?"))


class Work:
    def __init__(self, tasks: asyncio.TaskGroup, llm: FakeLanguageModel) -> None:
        self.llm = llm
        self.posted: list[Event] = []
        now = asyncio.get_running_loop().time
        post = self.posted.append
        writer = TurnWriter("CA1", Agent(), llm, post, now, lambda: None)
        self.work = TurnWork(tasks, writer, Tooling("CA1", None, post, now))


async def test_a_reply_is_written_until_it_is_dropped() -> None:
    part = a_part(7, is_written=False)
    async with asyncio.TaskGroup() as tasks:
        it = Work(tasks, FakeLanguageModel((0.1, "One is here. ", STALL)))
        it.work.write(StartReply(1, 7, True, PROMPT), part)
        await asyncio.sleep(0.5)
        assert it.llm.active == 1
        it.work.drop(7)
        it.work.drop(7)
    assert it.llm.active == 0
    assert [clause.text for clause in part.clauses] == ["One is here."]


async def test_only_the_newest_prompt_is_read_ahead() -> None:
    async with asyncio.TaskGroup() as tasks:
        it = Work(tasks, FakeLanguageModel(said("Yes.")))
        it.llm.prepare_s = 1.0
        it.work.prepare(PreparePrompt(PROMPT[:1]))
        await asyncio.sleep(0.5)
        it.work.prepare(PreparePrompt(PROMPT))
    assert it.llm.prepared == [PROMPT]


async def test_a_tool_is_asked_and_its_answer_told() -> None:
    async with asyncio.TaskGroup() as tasks:
        it = Work(tasks, FakeLanguageModel())
        it.work.ask(CallTool(3, "look_up", "{}"))
    (returned,) = it.posted
    assert isinstance(returned, ToolReturned) and returned.request_id == 3


async def test_at_the_end_nothing_goes_on() -> None:
    async with asyncio.TaskGroup() as tasks:
        it = Work(tasks, FakeLanguageModel((STALL,)))
        it.llm.prepare_s = STALL
        it.work.write(StartReply(1, 7, True, PROMPT), a_part(7, is_written=False))
        it.work.prepare(PreparePrompt(PROMPT))
        await asyncio.sleep(0.1)
        it.work.cancel()
    assert it.llm.active == 0
