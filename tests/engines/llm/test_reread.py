"""A new worker reads what the old one had read: once, and not what nobody needs any more."""

import asyncio
from collections.abc import AsyncIterator, Sequence

import pytest

from voxd.commands import Message
from voxd.contracts import Priority
from voxd.engines.llm.reread import CALL_ID, Reread
from voxd.errors import Category, EngineError, Phase

SYSTEM = Message("system", "Be brief.")
HELLO = (SYSTEM, Message("user", "Hello"))


class Model:
    """Takes note of what it is asked to read; waits while `gate` is closed."""

    def __init__(self) -> None:
        self.read: list[tuple[str, Sequence[Message]]] = []
        self.released: list[str] = []
        self.priorities: list[Priority] = []
        self.busy: set[str] = set()
        self.fails: set[str] = set()
        self.gate = asyncio.Event()
        self.gate.set()
        self.reread = Reread(self.prepare, self.release, self.busy.__contains__)

    async def prepare(self, call_id: str, messages: Sequence[Message], priority: Priority) -> None:
        assert priority > Priority.GREETING
        self.priorities.append(priority)
        self.read.append((call_id, messages))
        await self.gate.wait()
        if call_id in self.fails:
            raise EngineError("llm", Category.BAD_REQUEST, Phase.FIRST_RESULT, "two workers died")

    async def release(self, call_id: str) -> None:
        self.released.append(call_id)

    async def settled(self) -> None:
        for _ in range(10):
            await asyncio.sleep(0)


@pytest.fixture
async def model() -> AsyncIterator[Model]:
    made = Model()
    yield made
    await made.reread.close()


async def test_every_running_call_is_read_again(model: Model) -> None:
    model.reread.remember("a", HELLO, Priority.COMMITTED)
    model.reread.remember("b", HELLO, Priority.COMMITTED)
    model.reread.remember("b", (SYSTEM,), Priority.COMMITTED)
    model.reread.begin()
    await model.settled()
    assert model.read == [("a", HELLO), ("b", (SYSTEM,))]


async def test_a_shadow_is_read_again_as_a_shadow(model: Model) -> None:
    model.reread.remember("a", HELLO, Priority.SHADOW)
    model.reread.remember("b", HELLO, Priority.GREETING)
    model.reread.begin()
    await model.settled()
    assert model.priorities == [Priority.SHADOW, Priority.SPECULATION]


async def test_without_a_call_the_system_prompt_is_and_takes_no_sequence(model: Model) -> None:
    model.reread.remember("a", HELLO, Priority.COMMITTED)
    model.reread.forget("a")
    model.reread.begin()
    await model.settled()
    assert model.read == [(CALL_ID, (SYSTEM,))]
    assert model.released == [CALL_ID]


async def test_a_call_whose_own_request_is_on_its_way_is_left_alone(model: Model) -> None:
    model.reread.remember("a", HELLO, Priority.COMMITTED)
    model.busy.add("a")
    model.reread.begin()
    await model.settled()
    assert model.read == []


async def test_a_call_that_ends_meanwhile_is_not_read(model: Model) -> None:
    model.gate.clear()
    model.reread.remember("a", HELLO, Priority.COMMITTED)
    model.reread.remember("b", HELLO, Priority.COMMITTED)
    model.reread.begin()
    await model.settled()
    model.reread.forget("b")
    model.gate.set()
    await model.settled()
    assert model.read == [("a", HELLO)]


async def test_a_prompt_that_kills_workers_is_not_tried_for_ever(model: Model) -> None:
    model.gate.clear()
    model.fails.add("a")
    model.reread.remember("a", HELLO, Priority.COMMITTED)
    for _ in range(3):  # each restart finds the first reading still unanswered
        model.reread.begin()
        await model.settled()
    model.gate.set()
    await model.settled()
    assert [call_id for call_id, _ in model.read].count("a") == 1


async def test_closing_stops_it(model: Model) -> None:
    model.gate.clear()
    model.reread.remember("a", HELLO, Priority.COMMITTED)
    model.reread.begin()
    await model.settled()
    await model.reread.close()
    assert len(asyncio.all_tasks()) == 1
