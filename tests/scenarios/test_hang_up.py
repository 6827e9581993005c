"""However a call ends, nothing of it is left: tasks, streams, sequences, timers, objects."""

import asyncio
import gc
import random
import weakref

import pytest

from tests.fakes.call import Stage, live_call
from tests.fakes.language_model import FakeLanguageModel, said
from tests.fakes.line import FakeLine
from tests.fakes.speech_to_text import Said
from voxd.call.live import LiveCall
from voxd.events import CallEnded, ClauseStarted, EndReason, PlaybackFinished

REPLY = "Weekdays we open nine until five. On Sundays we are closed. " * 3


async def test_a_hang_up_in_mid_word_leaves_nothing_behind() -> None:
    stage = Stage(llm=FakeLanguageModel(said(REPLY)))
    async with live_call(stage) as call:
        await call.wait_for(PlaybackFinished)
        await stage.line.say("When are you open?")
        await call.wait_for(ClauseStarted, 2)
        await asyncio.sleep(0.33)
        stage.line.hang_up()
        assert await call.ended() is EndReason.CALLER_HUNG_UP
    assert_nothing_left(stage)
    assert [event.reason for event in call.all(CallEnded)] == [EndReason.CALLER_HUNG_UP]


async def test_a_lost_socket_is_told_from_a_hang_up() -> None:
    stage = Stage()
    async with live_call(stage) as call:
        await call.wait_for(ClauseStarted)
        stage.line.lose()
        assert await call.ended() is EndReason.LINE_LOST
    assert_nothing_left(stage)


async def test_a_shutdown_ends_the_call() -> None:
    stage = Stage()
    async with live_call(stage) as call:
        await call.wait_for(ClauseStarted)
        call.call.request_shutdown()
        assert await call.ended() is EndReason.SHUTDOWN
    assert_nothing_left(stage)


async def test_a_cancelled_call_gives_everything_back() -> None:
    stage = Stage()
    call = stage.build()
    feeding = asyncio.create_task(stage.line.run())  # noqa: TID251
    running = asyncio.create_task(call.run())  # noqa: TID251
    await asyncio.sleep(0.4)
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    await feeding
    assert_nothing_left(stage)


@pytest.mark.parametrize("seed", [1, 2])
async def test_calls_cut_at_random_moments_leave_nothing_behind(seed: int) -> None:
    moments = random.Random(seed)
    stage = Stage(llm=FakeLanguageModel(said(REPLY)))
    calls: list[weakref.ref[LiveCall]] = []
    for number in range(100):
        call = await cut_call(stage, number, moments)
        calls.append(weakref.ref(call))
        del call
        assert_nothing_left(stage)
        assert asyncio.all_tasks() == {asyncio.current_task()}
    gc.collect()
    assert [ref for ref in calls if ref() is not None] == []


async def cut_call(stage: Stage, number: int, moments: random.Random) -> LiveCall:
    """One call that greets, hears a question and answers it, cut somewhere within."""
    stage.line = FakeLine(call_sid=f"CA{number:04}", said=stage.stt.script)
    stage.line.said.clear()
    call = stage.build()
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(stage.line.run())
        task = tasks.create_task(call.run())
        at = asyncio.get_running_loop().time()
        stage.line.said.append(Said(at + 1.0, at + 2.0, "When are you open?"))
        await asyncio.sleep(moments.uniform(0.0, 8.0))
        how = moments.choice(
            (stage.line.hang_up, stage.line.lose, call.request_shutdown, task.cancel)
        )
        how()
        await asyncio.wait([task])
        stage.line.lose()
    return call


def assert_nothing_left(stage: Stage) -> None:
    assert stage.line.is_closed
    assert stage.stt.open_streams == []
    assert stage.llm.active == 0
    assert stage.llm.sequences == set()
    assert stage.tts.active == 0
