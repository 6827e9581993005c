import asyncio
import threading

import pytest

from tests.records.outcomes import make_outcome
from voxd.records.intake import Intake


def put(intake: Intake, *calls: str) -> list[str | None]:
    return [intake.put(make_outcome(call, 1), 15.0) for call in calls]


def take(intake: Intake, most: int = 10) -> list[str]:
    return [outcome.call_id for outcome, _ in intake.take(most)]


def test_what_is_put_is_taken_in_order() -> None:
    intake = Intake()
    assert put(intake, "A", "B", "C") == [None, None, None]
    assert (len(intake), take(intake, 2), take(intake), len(intake)) == (3, ["A", "B"], ["C"], 0)


def test_rows_are_bounded_and_room_comes_back(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("voxd.records.intake.QUEUE_ROWS", 4)
    intake = Intake()
    assert put(intake, "A", "B", "C") == [None, None, "queue_full"]
    assert take(intake, 1) == ["A"]
    assert put(intake, "D") == [None]


def test_nothing_is_taken_in_after_the_end() -> None:
    intake = Intake()
    put(intake, "A")
    intake.close()
    assert put(intake, "B") == ["closed"]
    assert take(intake) == ["A"]


async def test_another_thread_wakes_whoever_waits() -> None:
    intake = Intake()
    with intake.taking(lambda: None):
        thread = threading.Thread(target=put, args=(intake, "A"))
        waiting = asyncio.get_running_loop().create_task(intake.wait(60.0))
        await asyncio.sleep(0)
        thread.start()
        await waiting
        thread.join()
    assert take(intake) == ["A"]


async def test_the_end_wakes_and_is_told_on_the_loop_that_takes() -> None:
    intake, told = Intake(), asyncio.Event()
    with intake.taking(told.set):
        threading.Thread(target=intake.close).start()
        await intake.wait(60.0)
        await told.wait()
    again = asyncio.Event()
    with intake.taking(again.set):  # it was closed before
        await again.wait()


async def test_waiting_ends_when_the_time_is_up() -> None:
    intake = Intake()
    with intake.taking(lambda: None):
        await intake.wait(0.01)
        await intake.wait(-1.0)
    assert take(intake) == []


async def test_whoever_has_no_room_is_woken_by_what_comes_anew_only() -> None:
    intake = Intake()
    with intake.taking(lambda: None):
        put(intake, "A")
        await intake.wait(60.0)
        await intake.wait(0.0, has_room=False)  # not at once, for A
        waiting = asyncio.get_running_loop().create_task(intake.wait(60.0, has_room=False))
        await asyncio.sleep(0)
        assert not waiting.done()
        put(intake, "B")
        await waiting
    assert take(intake) == ["A", "B"]
