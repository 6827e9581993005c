"""A call in turns on the fakes, in virtual time, with Twilio's part in it played as Twilio does."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, TypeVar

from tests.fakes.call import GREETING, Stage, make_config
from tests.fakes.language_model import FakeLanguageModel, Script
from voxd.call.turns.build import build_turn_call
from voxd.call.turns.ear import Heard
from voxd.call.turns.requests import Then, TurnAnswer
from voxd.call.turns.shell import TurnCall
from voxd.chains import TURNS_NEED
from voxd.commands import Command
from voxd.events import CallEnded, EndReason, Event
from voxd.stack import CallStack

__all__ = ["GREETING", "Caller", "calling", "hang_up", "turns_config", "words_of"]

Item = TypeVar("Item", bound=Event | Command)


def turns_config(**tables: Any) -> Any:
    """A config whose only tier goes by turns."""
    tier = {"transport": "twiml", "interruptions": False, **tables.pop("tier", {})}
    return make_config(tier=tier, **tables)


class Caller:
    """Twilio and the caller behind it."""

    def __init__(self, call: TurnCall, stage: Stage, task: "asyncio.Task[EndReason]") -> None:
        self.call = call
        self.stage = stage
        self.task = task
        self.answers: list[TurnAnswer] = []

    @property
    def llm(self) -> FakeLanguageModel:
        return self.stage.llm

    async def dial(self) -> TurnAnswer:
        return self._note(await self.call.answer(0))

    async def say(self, speech: str) -> TurnAnswer:
        """The result of the listening that the last answer brought about."""
        return await self.result(Heard(speech))

    async def press(self, digits: str) -> TurnAnswer:
        return await self.result(Heard(digits=digits))

    async def be_silent(self) -> TurnAnswer:
        return await self.result(Heard())

    async def result(self, heard: Heard) -> TurnAnswer:
        assert self.answers[-1].then is Then.LISTEN
        return self._note(await self.call.answer(self.answers[-1].step, heard))

    async def come_back(self) -> TurnAnswer:
        """What Twilio was given is said; it asks for more."""
        assert self.answers[-1].then is Then.COME_BACK
        await asyncio.sleep(self.answers[-1].pause_s)
        return self._note(await self.call.answer(self.answers[-1].step))

    def begin_to_say(self, speech: str) -> None:
        """The words so far."""
        self.call.hear_partial(self.answers[-1].step, speech)

    def all(self, kind: type[Item]) -> list[Item]:
        """Every event or command of a type, in order."""
        return [item for _, item in self.call.journal.entries if isinstance(item, kind)]

    @property
    def prompts(self) -> list[str]:
        """The caller's words as the model was asked, in order."""
        return [request.messages[-1].content for request in self.llm.requests]

    def _note(self, answer: TurnAnswer) -> TurnAnswer:
        self.answers.append(answer)
        return answer


def words_of(answer: TurnAnswer) -> str:
    """What the caller hears of an answer."""
    return " ".join(spoken.text or f"[{spoken.digits}]" for spoken in answer.spoken)


def hang_up(call: TurnCall) -> None:
    """As Twilio tells it by a status callback."""
    at = asyncio.get_running_loop().time()
    call.deliver(CallEnded(at, EndReason.CALLER_HUNG_UP))


@asynccontextmanager
async def calling(*scripts: Script, config: Any = None) -> AsyncIterator[Caller]:
    """A call that runs; at the end it is hung up, if it still does."""
    stage = Stage(llm=FakeLanguageModel(*scripts), config=config or turns_config())
    stack = CallStack(stage.runtime, "CA1", stage.config, TURNS_NEED)
    call = build_turn_call(stack, {"from": "+15550100"})
    async with asyncio.TaskGroup() as tasks:
        task = tasks.create_task(call.run())
        yield Caller(call, stage, task)
        if not task.done():
            hang_up(call)
    assert stage.llm.active == 0 and not stage.llm.sequences
