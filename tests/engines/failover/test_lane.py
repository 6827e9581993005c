"""One voice of one reply: deadlines and words, in the time of its clause."""

import asyncio

import pytest

from tests.engines.failover.models import DEADLINES
from tests.engines.failover.voices import REQUEST, WordVoice
from voxd.engines.failover.hedge import Limits
from voxd.engines.failover.lane import Lane, Said
from voxd.errors import Phase

SECOND = bytes(8000)


def test_before_any_audio_the_clause_counts() -> None:
    lane = Lane(WordVoice("a"), REQUEST)
    lane.speak("Hello there.", 10.0, is_last=True, is_hedge=False)
    assert lane.limits(DEADLINES) == Limits.after(10.0, DEADLINES.first_audio_s)
    assert lane.timeout().phase is Phase.FIRST_RESULT


def test_then_the_latest_audio_counts() -> None:
    lane = Lane(WordVoice("a"), REQUEST)
    lane.speak("Hello there.", 10.0, is_last=True, is_hedge=False)
    lane.note(SECOND, 10.2)
    lane.note(SECOND, 10.7)
    assert lane.limits(DEADLINES).soft_at == 11.0
    assert lane.timeout().phase is Phase.STREAM


def test_audio_slower_than_it_is_heard_is_late_as_well() -> None:
    lane = Lane(WordVoice("a"), REQUEST)
    lane.speak("Hello there.", 10.0, is_last=True, is_hedge=False)
    lane.note(SECOND[:800], 10.2)
    lane.note(SECOND[:800], 11.0)  # all was heard at 10.4
    assert lane.limits(DEADLINES).soft_at == pytest.approx(10.7)


async def test_clauses_follow_each_other_on_one_stream() -> None:
    voice = WordVoice("a", has_times=True)
    lane = Lane(voice, REQUEST)
    sounds = lane.voice()
    for text in ("Hello there.", "Good day."):
        lane.speak(text, asyncio.get_running_loop().time(), is_last=False, is_hedge=False)
        while (sound := await anext(sounds)) is not Said.WHOLE:
            assert isinstance(sound, bytes)
            lane.note(sound, asyncio.get_running_loop().time())
        assert [word.word for word in lane.timed] == text.split()
        assert lane.timed[0].start_s == pytest.approx(0.0)
    assert (voice.opened, voice.active) == (1, 1)
    await sounds.aclose()  # type: ignore[attr-defined]
    assert voice.active == 0
