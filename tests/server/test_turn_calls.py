import asyncio

import pytest

from tests.call.turns.calling import hang_up, turns_config
from tests.fakes.call import Stage
from voxd.call.turns.ear import Heard
from voxd.call.turns.requests import Then
from voxd.chains import TURNS_NEED
from voxd.errors import AdmissionRefused
from voxd.events import EndReason
from voxd.server import turn_calls
from voxd.server.turn_calls import TurnCalls
from voxd.stack import CallStack


class Calls:
    def __init__(self, most: int = 10) -> None:
        self.stage = Stage(config=turns_config())
        self.calls = TurnCalls(most)

    async def start(self, call_sid: str) -> None:
        stack = CallStack(self.stage.runtime, call_sid, self.stage.config, TURNS_NEED)
        await self.calls.start(stack, {}).answer(0)

    async def end(self, call_sid: str) -> None:
        found = self.calls.find(call_sid)
        assert found is not None
        hang_up(found[0])
        await self.stage.runtime.calls.wait_finished(call_sid, 5)


async def test_a_call_is_active_until_it_is_over() -> None:
    it = Calls()
    await it.start("CA1")
    registry = it.stage.runtime.calls
    assert len(it.calls) == 1 and registry.is_active("CA1")
    await it.end("CA1")
    assert len(it.calls) == 0 and it.calls.find("CA1") is None
    assert registry.end_reason("CA1") is EndReason.CALLER_HUNG_UP


async def polite_end(it: Calls, call_sid: str) -> None:
    """Nobody answers the greeting: the agent ends the call."""
    found = it.calls.find(call_sid)
    assert found is not None
    answer = await found[0].answer(1, Heard())
    while answer.then is not Then.END:
        answer = await found[0].answer(answer.step, Heard())
    await it.stage.runtime.calls.wait_finished(call_sid, 5)


async def test_its_last_answer_is_remembered() -> None:
    it = Calls()
    await it.start("CA1")
    assert it.calls.last_word("CA1") is None
    await polite_end(it, "CA1")
    last = it.calls.last_word("CA1")
    assert last is not None and last.answer.then is Then.END
    assert last.config is it.stage.config


async def test_a_call_that_was_lost_has_no_last_answer() -> None:
    it = Calls()
    await it.start("CA1")
    await it.end("CA1")
    assert it.calls.last_word("CA1") is None


async def test_so_many_last_answers_are_remembered(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(turn_calls, "KEPT_ANSWERS", 1)
    it = Calls()
    for call_sid in ("CA1", "CA2"):
        await it.start(call_sid)
        await polite_end(it, call_sid)
    assert it.calls.last_word("CA1") is None and it.calls.last_word("CA2") is not None


async def test_there_is_room_for_so_many() -> None:
    it = Calls(most=1)
    it.calls.check_room()
    with pytest.raises(AdmissionRefused, match="max_turn_calls"):
        it.calls.check_room(waiting=1)
    await it.start("CA1")
    with pytest.raises(AdmissionRefused):
        it.calls.check_room()
    await it.calls.aclose()


async def test_closing_ends_what_runs() -> None:
    it = Calls()
    await it.start("CA1")
    await it.start("CA2")
    await it.calls.aclose()
    assert len(it.calls) == 0 and not it.stage.llm.sequences
    assert not [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]


async def test_a_call_that_the_stop_of_the_daemon_cuts_off_is_no_bug() -> None:
    it = Calls()
    await it.start("CA1")
    await it.calls.aclose()
    assert it.stage.runtime.calls.end_reason("CA1") is EndReason.SHUTDOWN
    assert len(it.calls) == 0


async def test_another_bound_holds_for_calls_that_come_from_now_on() -> None:
    it = Calls(most=2)
    await it.start("CA1")
    it.calls.change(1)
    with pytest.raises(AdmissionRefused, match="max_turn_calls"):
        it.calls.check_room()
    assert len(it.calls) == 1
    await it.end("CA1")
