import asyncio

import pytest

from voxd.call.turns.requests import Then, TurnAnswer, TurnRequests


def an_answer(step: int) -> TurnAnswer:
    return TurnAnswer((), Then.LISTEN, step)


async def test_a_request_waits_for_its_answer() -> None:
    requests = TurnRequests()
    requests.open()
    assert requests.is_waiting
    await asyncio.sleep(0.5)
    assert requests.waited_s == pytest.approx(0.5)
    requests.resolve(an_answer(1))
    assert not requests.is_waiting
    assert await requests.answer() == requests.last == an_answer(1)


async def test_the_same_step_again_is_a_repetition_and_gets_the_same_answer() -> None:
    requests = TurnRequests()
    assert requests.is_next(0)
    requests.open()
    assert not requests.is_next(0)
    async with asyncio.TaskGroup() as tasks:
        waiting = [tasks.create_task(requests.answer()) for _ in range(2)]
        await asyncio.sleep(0)
        requests.resolve(an_answer(1))
    assert [task.result() for task in waiting] == [an_answer(1)] * 2


async def test_only_the_step_that_was_named_is_the_next() -> None:
    requests = TurnRequests()
    requests.open()
    requests.resolve(an_answer(1))
    assert [step for step in range(5) if requests.is_next(step)] == [1]


async def test_a_peer_that_goes_away_takes_no_answer_from_another() -> None:
    requests = TurnRequests()
    requests.open()
    async with asyncio.TaskGroup() as tasks:
        gone, staying = (tasks.create_task(requests.answer()) for _ in range(2))
        await asyncio.sleep(0)
        gone.cancel()
        await asyncio.sleep(0)
        requests.resolve(an_answer(1))
    assert staying.result() == an_answer(1)


async def test_an_answer_stands() -> None:
    requests = TurnRequests()
    requests.resolve(an_answer(7))
    assert requests.last is None
    requests.open()
    requests.resolve(an_answer(1))
    requests.resolve(an_answer(2))
    assert requests.last == an_answer(1)
