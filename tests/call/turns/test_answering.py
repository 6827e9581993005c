"""When a request is answered. What a whole call makes of it is in `test_shell`."""

import asyncio
from typing import Any

import pytest

from tests.fakes.call import make_config
from voxd.call.inbox import Inbox
from voxd.call.turns.answering import PAUSE_S, TurnAnswering
from voxd.call.turns.ear import Heard
from voxd.call.turns.patience import SLACK_S, Patience
from voxd.call.turns.requests import Then, TurnAnswer
from voxd.dialog.conversation import Conversation
from voxd.dialog.floor import State
from voxd.events import CallEnded, EndReason

ANSWER_S = 2.0


class Brain(Conversation):
    """A brain that is in the state that a test gives it."""

    now = State.THINKING

    @property
    def state(self) -> State:
        return self.now

    @property
    def goes_on(self) -> bool:
        return False


class Desk:
    """The answering of a call whose events nobody takes in but a test."""

    def __init__(self) -> None:
        config = make_config()
        self.inbox, self.brain = Inbox(), Brain(config, config.tier())
        self.it = TurnAnswering(
            self.inbox, self.brain, Patience(5, 1), answer_s=ANSWER_S, can_interrupt=False
        )

    async def ask(self, step: int, **heard: Any) -> tuple[TurnAnswer, float]:
        """The answer, and how long it took."""
        begun = asyncio.get_running_loop().time()
        async with asyncio.TaskGroup() as tasks:
            asking = tasks.create_task(self.it.answer(step, Heard(**heard) if heard else None))
            await asyncio.sleep(0)
            await self.events()
            self.it.consider()
        return asking.result(), asyncio.get_running_loop().time() - begun

    async def events(self) -> list[object]:
        return [await self.inbox.take() for _ in range(len(self.inbox))]


async def test_a_brain_that_thinks_is_waited_for_as_long_as_twilio_waits() -> None:
    desk = Desk()
    answer, took_s = await desk.ask(0)
    assert (answer.then, answer.pause_s, answer.step) == (Then.COME_BACK, PAUSE_S, 1)
    assert took_s == pytest.approx(ANSWER_S, abs=0.01)
    desk.it.finish(EndReason.SHUTDOWN)


async def test_a_brain_that_listens_has_twilio_listen_at_once() -> None:
    desk = Desk()
    desk.brain.now = State.LISTENING
    answer, took_s = await desk.ask(0)
    assert (answer.then, took_s) == (Then.LISTEN, 0)
    desk.it.finish(EndReason.SHUTDOWN)


async def test_a_call_that_is_held_waits_for_its_first_request_and_no_longer() -> None:
    desk = Desk()
    desk.it.begin()
    await asyncio.sleep(SLACK_S + 0.01)
    (ended,) = await desk.events()
    assert isinstance(ended, CallEnded) and ended.reason is EndReason.LINE_LOST
    desk.it.finish(ended.reason)


async def test_a_first_request_that_was_there_before_keeps_its_deadline() -> None:
    desk = Desk()
    async with asyncio.TaskGroup() as tasks:
        asking = tasks.create_task(desk.it.answer(0, None))
        await asyncio.sleep(0)
        desk.it.begin()
    assert asking.result().then is Then.COME_BACK
    desk.it.finish(EndReason.SHUTDOWN)


async def test_after_the_end_every_request_is_told_so_and_nothing_is_waited_for() -> None:
    desk = Desk()
    desk.it.finish(EndReason.CALLER_HUNG_UP)
    answer, took_s = await desk.ask(0, speech="Hello?")
    assert (answer.then, answer.reason, took_s) == (Then.END, EndReason.CALLER_HUNG_UP, 0)
    desk.it.hear_partial(1, "Hello", None)
    await asyncio.sleep(100)
    assert await desk.events() == []
