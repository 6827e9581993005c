"""Order is kept, messages are neither empty nor too long, and the bound is told."""

import asyncio
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from voxd.engines.stt.send_queue import (
    MAX_BYTES,
    MAX_CONTROLS,
    MAX_MESSAGE_BYTES,
    SendQueue,
)


def take_all(queue: SendQueue) -> list[bytes | str]:
    messages = []
    while (message := queue._take()) is not None:
        messages.append(message)
    return messages


@given(st.lists(st.binary(max_size=2000) | st.just("Finalize"), max_size=40))
def test_what_goes_in_comes_out_in_order(items: list[bytes | str]) -> None:
    queue = SendQueue()
    for item in items:
        queue.put_control(item) if isinstance(item, str) else queue.put_audio(item)
    messages = take_all(queue)
    assert all(0 < len(message) <= MAX_MESSAGE_BYTES for message in messages)

    def flat(parts: list[bytes | str]) -> list[str]:
        return [x if isinstance(part, str) else chr(x) for part in parts for x in _units(part)]

    assert flat(messages) == flat(items)


def _units(part: bytes | str) -> list[Any]:
    return [part] if isinstance(part, str) else list(part)


def test_little_audio_waits_for_more_or_for_a_control() -> None:
    queue = SendQueue(least_bytes=640)
    queue.put_audio(b"a" * 600)
    assert take_all(queue) == []
    queue.put_control("CloseStream")
    assert take_all(queue) == [b"a" * 600, "CloseStream"]


async def test_get_waits_for_something() -> None:
    queue = SendQueue()
    async with asyncio.TaskGroup() as group:
        getting = group.create_task(queue.get())
        await asyncio.sleep(0)
        assert not getting.done()
        queue.put_audio(b"x")
    assert getting.result() == b"x"


def test_a_full_queue_says_so() -> None:
    queue = SendQueue()
    assert queue.put_audio(bytes(MAX_BYTES))
    assert not queue.put_audio(b"x")
    queue._take()
    assert queue.put_audio(b"x")
    assert all(queue.put_control("Finalize") for _ in range(MAX_CONTROLS))
    assert not queue.put_control("Finalize")


def test_half_a_minute_of_replay_fits() -> None:
    queue = SendQueue()
    assert all(queue.put_audio(b"\xff" * 160) for _ in range(1500))
