"""When a lane is late."""

import asyncio

from tests.fakes.speech_to_text import FakeSpeechToText, FakeTranscriptStream
from voxd.call.lane import NEVER, Lane
from voxd.config import Deadline, Deadlines

LIMITS = Deadlines(stt_connected_s=Deadline(0.6, 1.2), transcript_s=Deadline(0.5, 1.0))


async def open_lane(started_at: float) -> Lane:
    engine = FakeSpeechToText([])
    await asyncio.sleep(0)
    return Lane(0, engine, started_at, False, stream=FakeTranscriptStream(engine))


def test_a_stream_must_be_open_after_a_while() -> None:
    lane = Lane(0, FakeSpeechToText([]), 10.0, False)
    assert lane.due(LIMITS, None) == (10.6, 11.2)


async def test_an_open_stream_of_which_nothing_is_asked_is_never_late() -> None:
    assert (await open_lane(10.0)).due(LIMITS, None) == NEVER


async def test_words_must_come_a_while_after_they_were_asked_for() -> None:
    assert (await open_lane(10.0)).due(LIMITS, 20.0) == (20.5, 21.0)


async def test_one_started_after_the_question_has_as_long() -> None:
    assert (await open_lane(20.4)).due(LIMITS, 20.0) == (20.9, 21.4)


def test_the_sooner_limit_counts() -> None:
    lane = Lane(0, FakeSpeechToText([]), 10.0, False)
    assert lane.due(LIMITS, 10.0) == (10.5, 11.0)
