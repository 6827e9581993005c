"""What every speech-to-text engine must do, beside what all engines must."""

import asyncio
import contextlib

from tests.engines.setups import Subject
from tests.engines.using import FIRST, NEXT_UTTERANCE_S, SECOND, calling, ends
from voxd.contracts import LINE_RATE_HZ
from voxd.errors import EngineError


async def each_pause_is_answered_with_the_whole_utterance(subject: Subject) -> None:
    async with calling(subject) as caller:
        first_end = caller.say(FIRST)
        assert ends(FIRST) in await caller.words(first_end)
        caller.rest(first_end + NEXT_UTTERANCE_S - caller.now)
        whole = await caller.words(caller.say(SECOND))
        assert ends(FIRST) in whole and whole.rstrip(".").endswith(ends(SECOND))


async def what_was_forgotten_is_not_told_again(subject: Subject) -> None:
    async with calling(subject) as caller:
        first_end = caller.say(FIRST)
        await caller.words(first_end)
        caller.rest(first_end + NEXT_UTTERANCE_S - caller.now)
        caller.stream.forget(caller.now)
        words = await caller.words(caller.say(SECOND))
        assert ends(SECOND) in words and "help" not in words


async def two_callers_are_kept_apart(subject: Subject) -> None:
    async with calling(subject, "one") as one, calling(subject, "two") as two:
        first_end = one.say(FIRST)
        await one.words(first_end)
        one.rest(first_end + NEXT_UTTERANCE_S - one.now)
        one.stream.forget(one.now)
        texts = await asyncio.gather(
            one.words(one.say(SECOND)),
            two.words(two.say(FIRST)),
        )
        assert ends(SECOND) in texts[0] and ends(FIRST) not in texts[0]
        assert ends(FIRST) in texts[1] and ends(SECOND) not in texts[1]


async def nothing_that_is_given_raises_or_waits(subject: Subject) -> None:
    """The methods of a stream are plain functions: to return is all that they can do wrong."""
    async with calling(subject) as caller:
        stream, now = caller.stream, caller.now
        stream.flush(now)
        stream.forget(now + 60)
        for size in (0, 1, 1001, 60 * LINE_RATE_HZ):
            stream.push(b"\x00" * size, now)
        stream.speech_started(now - 1000)
        for _ in range(1000):
            stream.flush(now)
            stream.forget(now - 1000)
    async with calling(subject) as caller:
        caller.say(FIRST)
        subject.die()
        with contextlib.suppress(EngineError):
            await caller.words(caller.say(FIRST))
        caller.rest(1.0)
        caller.stream.forget(caller.say(FIRST))


CLAIMS = (
    each_pause_is_answered_with_the_whole_utterance,
    what_was_forgotten_is_not_told_again,
    two_callers_are_kept_apart,
    nothing_that_is_given_raises_or_waits,
)
