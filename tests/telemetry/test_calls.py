import asyncio

import pytest

from tests.telemetry.journals import journal_of, one_turn
from tests.telemetry.outcomes import make_facts, make_turn
from voxd.commands import NextStep, PhraseKind, Say, Transfer
from voxd.events import CallClosing, CallEnded, EndReason, Event, PlaybackFinished
from voxd.telemetry.calls import KEPT_CALLS, KEPT_WITH_TURNS, CallRegistry
from voxd.telemetry.journal import Journal


class Call:
    def __init__(self, call_id: str = "CA1") -> None:
        self.journal: Journal = journal_of(call_id, one_turn())
        self.next_step: NextStep | None = None
        self.is_asked_to_end = False
        self.delivered: list[Event] = []

    def request_shutdown(self) -> None:
        self.is_asked_to_end = True

    def deliver(self, event: Event) -> None:
        self.delivered.append(event)


async def test_a_running_call_has_turns_and_no_end_reason() -> None:
    calls = CallRegistry()
    calls.add("CA1", Call())
    assert len(calls) == 1
    assert calls.is_active("CA1")
    turns = calls.turns("CA1")
    assert turns and turns[0].reply_id == 2
    assert calls.end_reason("CA1") is None


async def test_what_is_to_be_done_next_is_known_once_the_call_is_over() -> None:
    calls, call = CallRegistry(), Call()
    call.next_step = Transfer("+15550100")
    calls.add("CA1", call)
    assert calls.finished("CA1") is None
    await calls.finish("CA1", EndReason.AGENT_HUNG_UP)
    finished = calls.finished("CA1")
    assert finished is not None and finished.next_step == Transfer("+15550100")


async def test_a_finished_call_keeps_its_turns_and_its_reason() -> None:
    calls = CallRegistry()
    calls.add("CA1", Call())
    await calls.finish("CA1", EndReason.AGENT_HUNG_UP)
    assert len(calls) == 0
    turns = calls.turns("CA1")
    assert turns and turns[0].transcript == "secret words"
    assert calls.end_reason("CA1") is EndReason.AGENT_HUNG_UP


async def test_unknown_calls_are_unknown() -> None:
    calls = CallRegistry()
    assert calls.turns("CA9") is None
    assert calls.end_reason("CA9") is None
    assert await calls.wait_finished("CA9", 1.0) is None


async def test_a_call_that_never_got_built_still_has_a_reason() -> None:
    calls = CallRegistry()
    await calls.finish("CA1", EndReason.BUG)
    assert calls.end_reason("CA1") is EndReason.BUG


async def test_the_number_of_finished_calls_is_bounded() -> None:
    calls = CallRegistry()
    for number in range(KEPT_CALLS + 5):
        await calls.finish(f"CA{number}", EndReason.CALLER_HUNG_UP)
    assert calls.end_reason("CA4") is None
    assert calls.end_reason("CA5") is EndReason.CALLER_HUNG_UP


async def test_of_calls_that_are_long_over_the_turns_are_forgotten_and_the_ends_kept() -> None:
    calls = CallRegistry()
    for number in range(KEPT_WITH_TURNS + 2):
        calls.add(f"CA{number}", Call(f"CA{number}"))
        await calls.finish(f"CA{number}", EndReason.CALLER_HUNG_UP)
    assert [calls.turns(f"CA{number}") is None for number in (0, 1, 2)] == [True, True, False]
    assert calls.end_reason("CA0") is EndReason.CALLER_HUNG_UP
    assert calls.tenant("CA0") == calls.tenant("CA2")


async def test_a_call_that_ends_again_keeps_its_turns_as_long_as_another() -> None:
    calls = CallRegistry()
    for call_id in ("CA1", *(f"CB{number}" for number in range(KEPT_WITH_TURNS - 1)), "CA1"):
        calls.add(call_id, Call(call_id))
        await calls.finish(call_id, EndReason.CALLER_HUNG_UP)
    assert calls.turns("CA1")


async def test_the_reason_can_be_awaited() -> None:
    calls = CallRegistry()
    calls.add("CA1", Call())
    async with asyncio.TaskGroup() as group:
        asked = group.create_task(calls.wait_finished("CA1", 5.0))
        await asyncio.sleep(0)
        assert not asked.done()
        await calls.finish("CA1", EndReason.ENGINES_FAILED)
    assert asked.result() is EndReason.ENGINES_FAILED


async def test_waiting_for_a_reason_gives_up_in_time() -> None:
    calls = CallRegistry()
    calls.add("CA1", Call())
    assert await calls.wait_finished("CA1", 0.01) is None


async def test_the_drain_waits_for_the_last_call() -> None:
    calls = CallRegistry()
    first, second = Call("CA1"), Call("CA2")
    calls.add("CA1", first)
    calls.add("CA2", second)
    calls.request_shutdown()
    assert first.is_asked_to_end and second.is_asked_to_end
    async with asyncio.TaskGroup() as group:
        empty = group.create_task(calls.wait_empty())
        await calls.finish("CA1", EndReason.SHUTDOWN)
        await asyncio.sleep(0)
        assert not empty.done()
        await calls.finish("CA2", EndReason.SHUTDOWN)


async def test_what_hangs_is_cancelled_and_what_is_being_told_of_is_not() -> None:
    calls, loop = CallRegistry(), asyncio.get_running_loop()
    tasks = {name: loop.create_task(asyncio.sleep(3600)) for name in ("CA1", "CA2", "CA3")}
    for name, task in tasks.items():
        calls.add(name, Call(name), None, task)
    calls.note_ending("CA2")
    await calls.finish("CA3", EndReason.CALLER_HUNG_UP)
    calls.cancel()
    await asyncio.wait([tasks["CA1"]])
    assert [task.cancelled() for task in tasks.values()] == [True, False, False]
    for task in tasks.values():
        task.cancel()


async def test_what_is_learned_elsewhere_reaches_a_call_while_it_runs() -> None:
    calls, call = CallRegistry(), Call()
    event = CallEnded(1.0, EndReason.CALLER_HUNG_UP)
    assert not calls.deliver("CA1", event)
    calls.add("CA1", call)
    assert calls.deliver("CA1", event)
    assert call.delivered == [event]
    await calls.finish("CA1", EndReason.CALLER_HUNG_UP)
    assert not calls.deliver("CA1", event)


@pytest.mark.parametrize("phrase", [PhraseKind.FAILURE, PhraseKind.CLOSING, PhraseKind.GOODBYE])
@pytest.mark.parametrize("is_heard", [True, False])
async def test_an_apology_counts_once_it_was_heard(phrase: PhraseKind, is_heard: bool) -> None:
    calls, call = CallRegistry(), Call()
    call.journal.record(5.0, Say(9, "Something went wrong.", phrase))
    if is_heard:
        call.journal.record(6.0, PlaybackFinished(6.0, 9))
    calls.add("CA1", call)
    await calls.finish("CA1", EndReason.ENGINES_FAILED)
    finished = calls.finished("CA1")
    assert finished is not None
    tells = phrase in (PhraseKind.FAILURE, PhraseKind.CLOSING)
    assert finished.has_apologised == (is_heard and tells)


async def test_a_message_recorded_afterwards_is_remembered_with_its_call() -> None:
    calls = CallRegistry()
    calls.note_recording("CA1", "RE1", 5)
    assert calls.finished("CA1") is None
    calls.add("CA1", Call())
    calls.note_recording("CA1", "RE1", 5)
    await calls.finish("CA1", EndReason.AGENT_HUNG_UP)
    calls.note_recording("CA1", "RE2", 9)
    finished = calls.finished("CA1")
    assert finished is not None
    assert (finished.recording, finished.recording_s) == ("RE2", 9)


async def test_whose_call_it_is_stays_known() -> None:
    calls, call = CallRegistry(), Call()
    call.journal.tenant = "sol"
    calls.add("CA1", call)
    assert calls.tenant("CA1") == "sol"
    await calls.finish("CA1", EndReason.AGENT_HUNG_UP)
    assert calls.tenant("CA1") == "sol"
    assert calls.tenant("CA9") == ""


async def test_a_call_is_followed_from_its_beginning_to_its_end() -> None:
    calls, call, facts = CallRegistry(), Call(), make_facts()
    calls.add("CA1", call, facts)
    calls.add("CA2", Call("CA2"))
    assert calls.followed() == [(facts, call.journal)]
    await calls.finish("CA1", EndReason.AGENT_HUNG_UP)
    assert calls.followed() == []


async def test_turns_that_somebody_has_computed_are_taken_over() -> None:
    calls = CallRegistry()
    calls.add("CA1", Call())
    await calls.finish("CA1", EndReason.AGENT_HUNG_UP, (make_turn(turn=7),))
    turns = calls.turns("CA1")
    assert turns and [turn.turn for turn in turns] == [7]


async def test_every_running_call_is_asked_to_say_goodbye() -> None:
    calls, running = CallRegistry(), [Call("CA1"), Call("CA2")]
    for call in running:
        calls.add(call.journal.call_id, call)
    calls.request_goodbye()
    assert [type(event) for call in running for event in call.delivered] == [CallClosing] * 2
