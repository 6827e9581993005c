"""The ear: media to events about speech, in audio time."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from tests.fakes.line import FakeLine
from tests.fakes.speech_to_text import FakeSpeechToText
from tests.fakes.turn_judge import FakeTurnJudge
from voxd.call.judging import PauseJudging
from voxd.call.listener import Listener
from voxd.call.transcriber import Transcriber
from voxd.config import Deadlines, Ear, Line
from voxd.engines.health_board import HealthBoard
from voxd.events import Event, PauseReached, SpeechPaused, SpeechStarted
from voxd.twilio.media import Media


class Hearing:
    """A listener on a fake line whose media it takes."""

    def __init__(
        self,
        listener: Listener,
        line: FakeLine,
        stt: FakeSpeechToText,
        judging: PauseJudging,
        judge: FakeTurnJudge,
    ) -> None:
        self.listener = listener
        self.line = line
        self.stt = stt
        self.judging = judging
        self.judge = judge
        self.posted: list[Event] = []

    def names(self) -> list[str]:
        return [type(event).__name__ for event in self.posted]


@asynccontextmanager
async def hearing() -> AsyncIterator[Hearing]:
    line = FakeLine()
    stt = FakeSpeechToText(line.said)
    loop = asyncio.get_running_loop()

    def post(event: Event) -> None:
        it.posted.append(event)

    capabilities = {stt.name: stt.capabilities, "fake-turn": FakeTurnJudge.capabilities}
    board = HealthBoard(capabilities, loop.time)
    transcriber = Transcriber((stt,), Deadlines(), board, "CA1", "en", post, loop.time)
    judge = FakeTurnJudge()
    judging = PauseJudging(lambda: judge, board, "CA1", post, loop.time)
    listener = Listener(Ear(), Line(), transcriber, judging, post, loop.time)
    it = Hearing(listener, line, stt, judging, judge)

    async def carry_media() -> None:
        while (message := await line.receive()) is not None:
            if isinstance(message, Media):
                listener.hear(message.timestamp_s, message.mulaw, loop.time())

    async with asyncio.TaskGroup() as tasks:
        parts = [tasks.create_task(part) for part in (listener.run(), transcriber.run())]
        tasks.create_task(line.run())
        tasks.create_task(carry_media())
        await asyncio.sleep(0.5)
        yield it
        line.lose()
        for part in parts:
            part.cancel()


async def test_speech_is_started_and_paused_in_audio_time() -> None:
    async with hearing() as it:
        said = await it.line.say("Hello", 1.0)
        await asyncio.sleep(0.5)
    started, paused = it.posted
    assert isinstance(started, SpeechStarted)
    assert isinstance(paused, SpeechPaused)
    assert started.speech_start == pytest.approx(said.start, abs=0.08)
    assert paused.speech_end == pytest.approx(said.end, abs=0.08)
    assert paused.at - paused.speech_end == pytest.approx(0.1, abs=0.03)


async def test_a_pause_is_reported_once_when_it_is_as_long_as_was_asked() -> None:
    async with hearing() as it:
        await it.line.say("Hello", 1.0)
        await asyncio.sleep(0.2)
        it.listener.await_pause(0.7)
        await asyncio.sleep(3)
        pauses = [event for event in it.posted if isinstance(event, PauseReached)]
    (pause,) = pauses
    paused = it.posted[1]
    assert isinstance(paused, SpeechPaused)
    assert pause.speech_end == paused.speech_end
    assert 0.7 - 0.001 <= pause.pause_s < 0.721


async def test_a_pause_that_is_long_enough_already_is_reported_at_once() -> None:
    async with hearing() as it:
        await it.line.say("Hello", 1.0)
        await asyncio.sleep(2)
        it.listener.await_pause(0.7)
        assert it.names()[-1] == "PauseReached"


async def test_speech_cancels_the_awaited_pause() -> None:
    async with hearing() as it:
        await it.line.say("Hello", 1.0)
        await asyncio.sleep(0.2)
        it.listener.await_pause(0.7)
        await asyncio.sleep(0.2)
        await it.line.say("and more", 0.5)
        await asyncio.sleep(3)
    assert it.names() == ["SpeechStarted", "SpeechPaused", "SpeechStarted", "SpeechPaused"]


async def test_without_a_pause_nothing_is_awaited() -> None:
    async with hearing() as it:
        it.listener.await_pause(0.3)
        await asyncio.sleep(2)
    assert it.posted == []


async def test_a_later_wait_replaces_the_earlier() -> None:
    async with hearing() as it:
        await it.line.say("Hello", 1.0)
        await asyncio.sleep(0.2)
        it.listener.await_pause(0.5)
        it.listener.await_pause(1.0)
        await asyncio.sleep(3)
        (pause,) = [event for event in it.posted if isinstance(event, PauseReached)]
    assert pause.pause_s == pytest.approx(1.0, abs=0.021)


async def test_a_stalled_line_still_ends_the_pause() -> None:
    async with hearing() as it:
        it.line.speak("Hello", 1.0)
        await asyncio.sleep(0.9)
        it.line.is_stalled = True
        await asyncio.sleep(1.2)
        assert it.names() == ["SpeechStarted", "SpeechPaused"]
        it.listener.await_pause(1.5)
        await asyncio.sleep(1.0)
        assert it.names()[-1] == "PauseReached"


async def test_the_transcriber_gets_speech_starts_flushes_and_all_audio() -> None:
    async with hearing() as it:
        await it.line.say("Hello", 1.0)
        await asyncio.sleep(0.2)
        paused = it.posted[-1]
        assert isinstance(paused, SpeechPaused)
        it.listener.transcribe(paused.speech_end)
        await asyncio.sleep(0.5)
        stream = it.stt.open_streams[0]
        assert len(stream.speech_starts) == 1
        assert stream.flushes == [paused.speech_end]
        assert it.names()[-1] == "TranscriptReceived"


async def test_the_transcriber_is_told_of_the_quiet_before_the_pause() -> None:
    async with hearing() as it:
        await it.line.say("Hello", 1.0)
        stream = it.stt.open_streams[0]
        while not stream.quiets:
            await asyncio.sleep(0.01)
        assert "SpeechPaused" not in it.names()
        while "SpeechPaused" not in it.names():
            await asyncio.sleep(0.01)
        paused = it.posted[-1]
        assert isinstance(paused, SpeechPaused)
        await asyncio.sleep(0.5)
        assert stream.quiets == [paused.speech_end]


async def test_repeated_media_is_refused_and_counted() -> None:
    async with hearing() as it:
        now = asyncio.get_running_loop().time()
        for _ in range(3):
            it.listener.hear(0.0, b"\xff" * 160, now)
        assert it.listener.refused == 3


async def test_the_judge_hears_the_utterance_with_the_beginning_of_its_pause() -> None:
    async with hearing() as it:
        said = await it.line.say("Hello", 1.0)
        await asyncio.sleep(0.2)
        paused = it.posted[-1]
        assert isinstance(paused, SpeechPaused)
        await it.judging.judge(paused.speech_end)
        it.listener.close_utterance(paused.speech_end)
        await it.judging.judge(paused.speech_end)
    whole, rest = it.judge.heard
    assert len(whole) / 8000 == pytest.approx(said.end - said.start + 0.3 + 0.2, abs=0.1)
    assert len(rest) < len(whole) / 4


async def test_who_begins_again_when_the_pause_is_due_is_not_cut_off() -> None:
    """The onset is certain only after the wait has run out; until then nothing is reported."""
    async with hearing() as it:
        said = await it.line.say("Hello", 1.0)
        await asyncio.sleep(0.2)
        it.listener.await_pause(0.5)
        await asyncio.sleep(said.end + 0.46 - asyncio.get_running_loop().time())
        await it.line.say("and more", 0.5)
        await asyncio.sleep(1)
    assert it.names() == ["SpeechStarted", "SpeechPaused", "SpeechStarted", "SpeechPaused"]
    onset = it.posted[2]
    paused = it.posted[1]
    assert isinstance(onset, SpeechStarted) and isinstance(paused, SpeechPaused)
    assert onset.at - paused.speech_end > 0.5


async def test_a_click_when_the_pause_is_due_delays_it_by_a_moment_only() -> None:
    async with hearing() as it:
        said = await it.line.say("Hello", 1.0)
        await asyncio.sleep(0.2)
        it.listener.await_pause(0.5)
        await asyncio.sleep(said.end + 0.48 - asyncio.get_running_loop().time())
        await it.line.say("", 0.02)
        await asyncio.sleep(1)
    assert it.names() == ["SpeechStarted", "SpeechPaused", "PauseReached"]
    pause = it.posted[2]
    assert isinstance(pause, PauseReached)
    assert 0.5 < pause.pause_s < 0.64
