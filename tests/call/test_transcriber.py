"""Speech-to-text of one call, kept alive over dying streams."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from tests.fakes.speech_to_text import FakeSpeechToText, Said
from voxd.call.transcriber import FIRST_PAUSE_S, KEPT_S, TRIES, Transcriber
from voxd.events import EngineFailed, Event, Kind, TranscriptReceived


@asynccontextmanager
async def transcriber(
    stt: FakeSpeechToText,
) -> AsyncIterator[tuple[Transcriber, list[Event]]]:
    posted: list[Event] = []
    loop = asyncio.get_running_loop()
    it = Transcriber(stt, "CA1", "en", posted.append, loop.time)
    async with asyncio.TaskGroup() as tasks:
        running = tasks.create_task(it.run())
        await asyncio.sleep(0.001)
        yield it, posted
        running.cancel()


def push(it: Transcriber, start: float, end: float) -> None:
    """Audio of this stretch of audio time in 20 ms pieces."""
    for index in range(round((end - start) / 0.02)):
        it.push(b"\xff" * 160, start + (index + 1) * 0.02)


async def test_a_transcript_becomes_an_event_with_its_engine() -> None:
    stt = FakeSpeechToText([Said(0.5, 1.5, "Hello")])
    async with transcriber(stt) as (it, posted):
        push(it, 0.0, 1.6)
        it.speech_started(0.7)
        it.flush(1.5)
        await asyncio.sleep(1)
    (event,) = posted
    assert isinstance(event, TranscriptReceived)
    assert (event.text, event.through, event.is_final) == ("Hello", 1.5, True)
    assert event.engine == stt.name


async def test_a_new_stream_gets_the_utterance_again_with_its_onsets_and_question() -> None:
    stt = FakeSpeechToText([Said(0.5, 1.5, "Hello"), Said(3.0, 3.5, "again")])
    async with transcriber(stt) as (it, posted):
        push(it, 0.0, 1.6)
        it.speech_started(0.7)
        it.flush(1.5)
        stt.break_streams()
        await asyncio.sleep(FIRST_PAUSE_S + 0.5)
        stream = stt.open_streams[0]
        assert stt.opened == 2
        assert (stream.heard_from, stream.heard_to) == (0.0, 1.6)
        assert stream.speech_starts == [0.7]
        assert stream.flushes == [1.5]
    assert [event.text for event in posted if isinstance(event, TranscriptReceived)] == ["Hello"]


async def test_what_was_dealt_with_is_not_pushed_again() -> None:
    stt = FakeSpeechToText([Said(0.5, 1.5, "Hello")])
    async with transcriber(stt) as (it, _):
        push(it, 0.0, 1.6)
        it.speech_started(0.7)
        it.flush(1.5)
        await asyncio.sleep(1)
        it.forget(1.5)
        push(it, 1.6, 3.0)
        stt.break_streams()
        await asyncio.sleep(FIRST_PAUSE_S + 0.5)
        stream = stt.open_streams[0]
        assert stream.heard_from is not None
        assert stream.heard_from >= 1.5 - 0.02
        assert (stream.speech_starts, stream.flushes) == ([], [])


async def test_audio_that_comes_while_there_is_no_stream_is_not_lost() -> None:
    stt = FakeSpeechToText([])
    async with transcriber(stt) as (it, _):
        stt.break_streams()
        await asyncio.sleep(0.01)
        assert stt.open_streams == []
        push(it, 0.0, 1.0)
        it.flush(0.9)
        await asyncio.sleep(FIRST_PAUSE_S + 0.1)
        assert stt.open_streams[0].heard_from == 0.0
        assert stt.open_streams[0].flushes == [0.9]


async def test_it_gives_up_after_so_many_streams_without_a_transcript() -> None:
    stt = FakeSpeechToText([])
    stt.refusals = 100
    async with transcriber(stt) as (_, posted):
        await asyncio.sleep(60)
    (event,) = posted
    assert isinstance(event, EngineFailed)
    assert (event.kind, event.engine, event.reply_id) == (Kind.STT, stt.name, None)
    assert stt.opened == TRIES
    assert stt.open_streams == []


async def test_a_transcript_renews_the_tries() -> None:
    stt = FakeSpeechToText([Said(0.5, 0.9, "Hello")])
    async with transcriber(stt) as (it, posted):
        push(it, 0.0, 1.0)
        for _ in range(2 * TRIES):
            it.flush(0.9)
            await asyncio.sleep(0.5)
            stt.break_streams()
            await asyncio.sleep(0.5)
    assert not any(isinstance(event, EngineFailed) for event in posted)
    assert stt.opened == 2 * TRIES + 1


async def test_only_the_last_thirty_seconds_are_kept() -> None:
    stt = FakeSpeechToText([])
    async with transcriber(stt) as (it, _):
        push(it, 0.0, KEPT_S + 20.0)
        stt.break_streams()
        await asyncio.sleep(FIRST_PAUSE_S + 0.1)
        heard_from = stt.open_streams[0].heard_from
        assert heard_from is not None
        assert abs(heard_from - 20.0) < 0.05
