import asyncio
from typing import TypeVar

import pytest

from tests.call.turns.test_script import a_part, a_script
from voxd.call.turns.mouth import TurnMouth
from voxd.call.turns.script import Part
from voxd.events import ClauseHeard, ClauseStarted, Event, PlaybackFinished, ReplyWasted
from voxd.twilio.turns import Spoken

Kind = TypeVar("Kind", bound=Event)
SECOND = "x" * 15
"""Takes the model of playback a second to say."""


class Mouth:
    def __init__(self, *parts: Part) -> None:
        self.posted: list[Event] = []
        self.mouth = TurnMouth(a_script(*parts), self.posted.append)

    def all(self, kind: type[Kind]) -> list[Kind]:
        return [event for event in self.posted if isinstance(event, kind)]

    @property
    def started(self) -> list[int]:
        return [event.clause for event in self.all(ClauseStarted)]


async def test_what_was_taken_is_on_the_next_page_and_has_begun() -> None:
    it = Mouth(a_part(7, "One.", "Two."))
    assert it.mouth.take()
    (first,) = it.all(ClauseStarted)
    assert (first.reply_id, first.clause, first.text, first.is_reply) == (7, 0, "One.", True)
    assert it.mouth.turn_page() == (Spoken("One."), Spoken("Two."))
    assert it.mouth.turn_page() == ()


async def test_a_page_without_words_says_so() -> None:
    assert not Mouth().mouth.take()


async def test_playback_ends_by_the_model_when_nobody_asks() -> None:
    it = Mouth(a_part(7, SECOND, SECOND))
    it.mouth.take()
    it.mouth.turn_page()
    it.mouth.watch()
    assert it.mouth.remaining_s == pytest.approx(2.0)
    await asyncio.sleep(1.9)
    assert it.all(PlaybackFinished) == []
    await asyncio.sleep(0.2)
    (finished,) = it.all(PlaybackFinished)
    assert finished.reply_id == 7
    assert it.started == [0, 1]
    assert all(event.is_estimated for event in it.all(ClauseHeard))


async def test_who_interrupts_has_not_heard_what_would_have_come() -> None:
    it = Mouth(a_part(7, SECOND, SECOND, SECOND))
    it.mouth.take()
    it.mouth.turn_page()
    it.mouth.watch()
    await asyncio.sleep(1.5)
    assert it.mouth.finish(asyncio.get_running_loop().time())
    assert it.started == [0, 1]
    assert [event.clause for event in it.all(ClauseHeard)] == [0, 1]
    assert len(it.all(PlaybackFinished)) == 1
    it.mouth.stop()
    assert it.mouth.remaining_s == 0


async def test_a_reply_that_is_still_written_is_not_over() -> None:
    part = a_part(7, "One.", is_written=False)
    it = Mouth(part)
    it.mouth.take()
    assert not it.mouth.finish()
    part.is_written = True
    assert it.mouth.finish()
    assert not it.mouth.finish()
    assert len(it.all(PlaybackFinished)) == 1


async def test_a_reply_that_nobody_heard_was_wasted() -> None:
    guess = a_part(7, "One.", is_committed=False)
    guess.voice.cost.tokens = 5
    it = Mouth(guess)
    it.mouth.drop(guess)
    (wasted,) = it.all(ReplyWasted)
    assert (wasted.reply_id, wasted.completion_tokens) == (7, 5)


async def test_a_reply_that_was_begun_was_not() -> None:
    part = a_part(7, "One.")
    it = Mouth(part)
    it.mouth.take()
    it.mouth.drop(part)
    assert it.all(ReplyWasted) == []


async def test_a_closed_mouth_tells_nothing_more() -> None:
    it = Mouth(a_part(7, SECOND))
    it.mouth.take()
    it.mouth.turn_page()
    it.mouth.watch()
    it.mouth.close()
    await asyncio.sleep(5)
    assert it.all(PlaybackFinished) == []
