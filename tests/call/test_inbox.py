"""The inbox: order, bound, back-pressure for the line only."""

import asyncio

import pytest

from voxd.call.inbox import Inbox, InboxFull
from voxd.events import DigitPressed


def digit(number: int) -> DigitPressed:
    return DigitPressed(float(number), "1")


async def test_events_come_out_in_the_order_they_were_posted() -> None:
    inbox = Inbox()
    for number in range(3):
        inbox.post(digit(number))
    assert [(await inbox.take()).at for _ in range(3)] == [0.0, 1.0, 2.0]


async def test_take_waits_for_an_event() -> None:
    inbox = Inbox()
    asyncio.get_running_loop().call_later(5, inbox.post, digit(7))
    assert await inbox.take() == digit(7)


async def test_a_full_inbox_refuses_and_then_ends_the_call() -> None:
    inbox = Inbox(bound=4)
    for number in range(6):
        inbox.post(digit(number))
    assert len(inbox) == 4
    with pytest.raises(InboxFull):
        await inbox.take()


async def test_the_line_is_held_back_at_half_the_bound() -> None:
    inbox = Inbox(bound=4)
    await inbox.wait_for_room()
    inbox.post(digit(0))
    await inbox.wait_for_room()
    assert inbox.has_room
    inbox.post(digit(1))
    assert not inbox.has_room
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(60):
            await inbox.wait_for_room()
    await inbox.take()
    assert inbox.has_room
    await inbox.wait_for_room()
