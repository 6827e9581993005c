"""Speech-to-text of one call: kept alive over dying streams, along a chain of engines."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from tests.fakes.speech_to_text import FakeSpeechToText, Said
from voxd.call.tape import KEPT_S
from voxd.call.transcriber import Transcriber
from voxd.call.walk import FIRST_PAUSE_S, TRIES
from voxd.config import Deadline, Deadlines
from voxd.contracts import EngineState, Transcript
from voxd.engines.health_board import HealthBoard
from voxd.errors import Category, Phase
from voxd.events import (
    EngineFailed,
    EngineSwitched,
    Event,
    Kind,
    TranscriptReceived,
    TurnSignal,
)

LIMITS = Deadlines(stt_connected_s=Deadline(0.6, 1.2), transcript_s=Deadline(0.5, 1.0))
HELLO = Said(0.5, 1.5, "Hello", late_s=0.1)


class Heard:
    """A transcriber that runs, and what it posted."""

    def __init__(self, chain: tuple[FakeSpeechToText, ...]) -> None:
        loop = asyncio.get_running_loop()
        self.posted: list[Event] = []
        self.board = HealthBoard({stt.name: stt.capabilities for stt in chain}, loop.time)
        self.it = Transcriber(chain, LIMITS, self.board, "CA1", "en", self.posted.append, loop.time)

    def push(self, start: float, end: float) -> None:
        """Audio of this stretch of audio time in 20 ms pieces."""
        for index in range(round((end - start) / 0.02)):
            self.it.push(b"\xff" * 160, start + (index + 1) * 0.02)

    def hear(self, said: Said, since: float) -> None:
        """The caller says this and pauses; audio before it begins at `since`."""
        self.push(since, said.start + 0.12)
        self.it.speech_started(said.start)
        self.push(said.start + 0.12, said.end + 0.1)
        self.it.flush(said.end)

    def all(self, kind: type[Event]) -> list[Event]:
        return [event for event in self.posted if isinstance(event, kind)]

    @property
    def words(self) -> list[tuple[str, str]]:
        """Each transcript with its engine."""
        return [(e.text, e.engine) for e in self.posted if isinstance(e, TranscriptReceived)]

    @property
    def switches(self) -> list[tuple[str, str, Category]]:
        return [(e.left, e.taken, e.category) for e in self.posted if isinstance(e, EngineSwitched)]


@asynccontextmanager
async def transcriber(*chain: FakeSpeechToText) -> AsyncIterator[Heard]:
    heard = Heard(chain)
    async with asyncio.TaskGroup() as tasks:
        running = tasks.create_task(heard.it.run())
        await asyncio.sleep(0.001)
        yield heard
        running.cancel()
    assert not any(stt.open_streams for stt in chain)


def pair(*script: Said) -> tuple[FakeSpeechToText, FakeSpeechToText]:
    """Two engines that know the same script."""
    said = list(script)
    return FakeSpeechToText(said, "first"), FakeSpeechToText(said, "second")


# --- one engine ------------------------------------------------------------------------------


async def test_a_transcript_becomes_an_event_with_its_engine() -> None:
    stt = FakeSpeechToText([HELLO])
    async with transcriber(stt) as heard:
        heard.hear(HELLO, 0.0)
        await asyncio.sleep(1)
    (event,) = heard.posted
    assert isinstance(event, TranscriptReceived)
    assert (event.text, event.through, event.is_final) == ("Hello", 1.5, True)
    assert event.engine == stt.name


async def test_what_the_provider_says_of_turn_and_sentence_is_told_with_its_words() -> None:
    stt = FakeSpeechToText([])
    told = Transcript("Hello", 1.5, True, TurnSignal.END, closing=0.7)
    async with transcriber(stt) as heard:
        heard.push(0.0, 1.6)
        stt.open_streams[0]._results.put_nowait(told)
        await asyncio.sleep(0.1)
    (event,) = heard.posted
    assert isinstance(event, TranscriptReceived)
    assert (event.signal, event.closing) == (TurnSignal.END, 0.7)


async def test_a_new_stream_gets_the_utterance_again_with_its_onsets_and_question() -> None:
    stt = FakeSpeechToText([HELLO])
    async with transcriber(stt) as heard:
        heard.hear(HELLO, 0.0)
        stt.break_streams()
        await asyncio.sleep(FIRST_PAUSE_S + 0.5)
        (stream,) = stt.open_streams
        assert stt.opened == 2
        assert stream.heard_from is not None
        assert abs(stream.heard_from) < 1e-9
        assert stream.heard_to == pytest.approx(1.6)
        assert (stream.speech_starts, stream.flushes) == ([0.5], [1.5])
    assert heard.words == [("Hello", stt.name)]
    assert heard.switches == []


async def test_what_was_dealt_with_is_not_pushed_again() -> None:
    stt = FakeSpeechToText([HELLO])
    async with transcriber(stt) as heard:
        heard.hear(HELLO, 0.0)
        await asyncio.sleep(1)
        heard.it.forget(1.5)
        heard.push(1.6, 3.0)
        stt.break_streams()
        await asyncio.sleep(FIRST_PAUSE_S + 0.5)
        (stream,) = stt.open_streams
        assert stream.heard_from is not None
        assert stream.heard_from >= 1.5 - 0.02
        assert (stream.speech_starts, stream.flushes) == ([], [])


async def test_audio_that_comes_while_there_is_no_stream_is_not_lost() -> None:
    stt = FakeSpeechToText([HELLO])
    async with transcriber(stt) as heard:
        stt.break_streams()
        await asyncio.sleep(0.01)
        assert stt.open_streams == []
        heard.hear(HELLO, 0.0)
        await asyncio.sleep(FIRST_PAUSE_S + 0.2)
    assert heard.words == [("Hello", stt.name)]


async def test_it_gives_up_after_so_many_streams_without_a_transcript() -> None:
    stt = FakeSpeechToText([])
    stt.refusals = 100
    async with transcriber(stt) as heard:
        await asyncio.sleep(60)
    (event,) = heard.posted
    assert isinstance(event, EngineFailed)
    assert (event.kind, event.engine, event.reply_id) == (Kind.STT, stt.name, None)
    assert stt.opened == TRIES


async def test_a_refused_key_is_not_tried_twice() -> None:
    stt = FakeSpeechToText([])
    stt.refusals, stt.category = 100, Category.AUTH
    async with transcriber(stt) as heard:
        await asyncio.sleep(1)
    assert len(heard.all(EngineFailed)) == 1
    assert stt.opened == 1


async def test_a_transcript_renews_the_tries() -> None:
    stt = FakeSpeechToText([HELLO])
    async with transcriber(stt) as heard:
        heard.hear(HELLO, 0.0)
        for _ in range(2 * TRIES):
            heard.it.flush(1.5)
            await asyncio.sleep(0.5)
            stt.break_streams()
            await asyncio.sleep(0.5)
    assert not heard.all(EngineFailed)
    assert stt.opened == 2 * TRIES + 1


async def test_only_the_last_thirty_seconds_of_speech_are_kept() -> None:
    stt = FakeSpeechToText([])
    async with transcriber(stt) as heard:
        heard.hear(Said(0.5, KEPT_S + 19.9, "Long"), 0.0)
        stt.break_streams()
        await asyncio.sleep(FIRST_PAUSE_S + 0.1)
        heard_from = stt.open_streams[0].heard_from
        assert heard_from is not None
        assert abs(heard_from - 20.0) < 0.05


async def test_an_only_engine_is_never_left_for_being_slow() -> None:
    stt = FakeSpeechToText([HELLO])
    stt.open_s, stt.slow_s = 5.0, 5.0
    async with transcriber(stt) as heard:
        heard.hear(HELLO, 0.0)
        await asyncio.sleep(12)
    assert stt.opened == 1
    assert heard.words == [("Hello", stt.name)]
    assert heard.board.verdict(stt.name).state is EngineState.HEALTHY


# --- failover --------------------------------------------------------------------------------


async def test_the_next_engine_takes_over_at_once_and_the_switch_is_kept() -> None:
    again = Said(4.0, 5.0, "again")
    first, second = pair(HELLO, again)
    async with transcriber(first, second) as heard:
        heard.push(0.0, 0.62)
        heard.it.speech_started(0.5)
        heard.push(0.62, 1.0)
        first.break_streams()
        await asyncio.sleep(0.001)
        assert (len(first.open_streams), len(second.open_streams)) == (0, 1)
        heard.push(1.0, 1.6)
        heard.it.flush(1.5)
        await asyncio.sleep(0.2)
        heard.it.forget(1.5)
        heard.hear(again, 1.6)
        await asyncio.sleep(0.2)
    assert heard.words == [("Hello", "second"), ("again", "second")]
    assert heard.switches == [("first", "second", Category.CONNECTIVITY)]
    assert (first.opened, second.opened) == (1, 1)


async def test_a_stream_that_does_not_open_is_left_for_the_next() -> None:
    first, second = pair(HELLO)
    first.open_s = 1e6
    async with transcriber(first, second) as heard:
        await asyncio.sleep(LIMITS.stt_connected_s.soft_s + 0.01)
        assert second.open_streams
        assert heard.switches == []
        await asyncio.sleep(LIMITS.stt_connected_s.hard_s)
        assert heard.switches == [("first", "second", Category.TIMEOUT)]
        heard.hear(HELLO, 0.0)
        await asyncio.sleep(0.2)
    assert heard.words == [("Hello", "second")]
    assert heard.board.hedges_won["second"] == 1


async def test_a_stream_that_opens_late_but_in_time_is_kept() -> None:
    first, second = pair(HELLO)
    first.open_s = 0.9
    async with transcriber(first, second) as heard:
        await asyncio.sleep(1.0)
        assert (len(first.open_streams), len(second.open_streams)) == (1, 0)
        heard.hear(HELLO, 0.0)
        await asyncio.sleep(0.2)
    assert heard.words == [("Hello", "first")]
    assert heard.switches == []
    assert heard.board.hedges_wasted["second"] == 1


async def test_the_caller_who_spoke_before_any_stream_was_open_is_heard() -> None:
    first, second = pair(HELLO)
    first.open_s = 1e6
    async with transcriber(first, second) as heard:
        heard.hear(HELLO, 0.0)
        await asyncio.sleep(LIMITS.transcript_s.soft_s + 0.15)
    assert heard.words == [("Hello", "second")]


async def test_a_late_transcript_is_asked_of_the_next_engine_and_the_first_answer_wins() -> None:
    first, second = pair(HELLO)
    first.is_stalled = True
    async with transcriber(first, second) as heard:
        heard.hear(HELLO, 0.0)
        asked_at = asyncio.get_running_loop().time()
        await asyncio.sleep(2)
    (event,) = heard.all(TranscriptReceived)
    assert heard.words == [("Hello", "second")]
    assert event.at - asked_at == pytest.approx(LIMITS.transcript_s.soft_s + 0.1, abs=0.001)
    assert heard.switches == [("first", "second", Category.TIMEOUT)]
    assert heard.board.hedges_won["second"] == 1


async def test_a_slow_engine_that_is_still_the_first_is_kept() -> None:
    first, second = pair(HELLO)
    first.slow_s, second.slow_s = 0.45, 0.3
    async with transcriber(first, second) as heard:
        heard.hear(HELLO, 0.0)
        await asyncio.sleep(2)
    assert heard.words == [("Hello", "first")]
    assert heard.switches == []
    assert heard.board.hedges_wasted["second"] == 1


async def test_nobody_is_hurried_while_the_caller_speaks_on() -> None:
    first, second = pair(HELLO)
    first.is_stalled = True
    async with transcriber(first, second) as heard:
        heard.hear(HELLO, 0.0)
        await asyncio.sleep(0.3)
        heard.push(1.6, 1.9)
        heard.it.speech_started(1.8)
        await asyncio.sleep(5)
        assert second.opened == 0


async def test_an_engine_that_misses_the_hard_deadline_is_left() -> None:
    first, second = pair(HELLO)
    first.is_stalled = second.is_stalled = True
    async with transcriber(first, second) as heard:
        heard.hear(HELLO, 0.0)
        await asyncio.sleep(LIMITS.transcript_s.hard_s + 0.01)
        assert (len(first.open_streams), len(second.open_streams)) == (0, 1)
    assert heard.switches == [("first", "second", Category.TIMEOUT)]


async def test_a_slow_last_engine_goes_on_while_the_first_is_tried_again_beside_it() -> None:
    first, second = pair(HELLO)
    second.slow_s = 1.5
    async with transcriber(first, second) as heard:
        first.refusals = 100
        first.break_streams()
        await asyncio.sleep(5)
        heard.hear(HELLO, 0.0)
        await asyncio.sleep(3)
    assert heard.words == [("Hello", "second")]
    assert [taken for _, taken, _ in heard.switches] == ["second"]
    assert first.opened == 2


async def test_both_failing_in_one_turn_are_walked_round_until_one_hears() -> None:
    first, second = pair(HELLO)
    async with transcriber(first, second) as heard:
        heard.hear(HELLO, 0.0)
        second.refusals = 1
        first.break_streams()
        await asyncio.sleep(1)
    assert heard.words == [("Hello", "first")]
    assert [taken for _, taken, _ in heard.switches] == ["second", "first"]


async def test_an_exhausted_chain_is_reported_once() -> None:
    first, second = pair(HELLO)
    first.refusals = second.refusals = 100
    async with transcriber(first, second) as heard:
        await asyncio.sleep(60)
    assert len(heard.all(EngineFailed)) == 1
    assert (first.opened, second.opened) == (TRIES, TRIES)


async def test_words_settled_by_the_first_engine_are_not_heard_again_by_the_next() -> None:
    more = Said(2.0, 3.0, "world")
    first, second = pair(HELLO, more)
    async with transcriber(first, second) as heard:
        heard.hear(HELLO, 0.0)
        await asyncio.sleep(0.2)
        heard.push(1.6, 2.12)
        heard.it.speech_started(2.0)
        heard.push(2.12, 2.6)
        first.break_streams()
        await asyncio.sleep(0.01)
        heard.push(2.6, 3.1)
        heard.it.flush(3.0)
        await asyncio.sleep(0.2)
        heard_from = second.open_streams[0].heard_from
        assert heard_from is not None
        assert heard_from >= 1.5 - 0.021
    assert heard.words == [("Hello", "first"), ("Hello world", "second")]


# --- answers without words -------------------------------------------------------------------


async def test_an_empty_answer_to_speech_is_checked_with_the_next_engine() -> None:
    first, second = pair(HELLO)
    first.is_deaf = True
    async with transcriber(first, second) as heard:
        heard.hear(HELLO, 0.0)
        await asyncio.sleep(0.25)
        assert heard.words == [("Hello", "second")]
    assert heard.switches == [("first", "second", Category.SERVER)]


async def test_what_all_find_empty_is_noise_and_nobody_is_left() -> None:
    first, second = pair(HELLO)
    first.is_deaf = second.is_deaf = True
    async with transcriber(first, second) as heard:
        heard.hear(HELLO, 0.0)
        await asyncio.sleep(0.25)
        assert heard.words == [("", "first")]
        assert (len(first.open_streams), len(second.open_streams)) == (1, 0)
    assert heard.switches == []


async def test_an_empty_answer_is_believed_when_the_second_opinion_does_not_come() -> None:
    first, second = pair(HELLO)
    first.is_deaf = second.is_stalled = True
    async with transcriber(first, second) as heard:
        heard.hear(HELLO, 0.0)
        await asyncio.sleep(LIMITS.transcript_s.hard_s + 0.01)
        assert heard.words == [("", "first")]


async def test_an_empty_answer_is_believed_when_the_second_opinion_fails() -> None:
    first, second = pair(HELLO)
    first.is_deaf, second.refusals = True, 1
    async with transcriber(first, second) as heard:
        heard.hear(HELLO, 0.0)
        await asyncio.sleep(0.15)
        assert heard.words == [("", "first")]


async def test_a_short_noise_needs_no_second_opinion() -> None:
    cough = Said(0.5, 0.8, "")
    first, second = pair(cough)
    async with transcriber(first, second) as heard:
        heard.hear(cough, 0.0)
        await asyncio.sleep(0.5)
    assert heard.words == [("", "first")]
    assert second.opened == 0


# --- what the board is told ------------------------------------------------------------------


async def test_who_began_before_it_was_asked_is_no_faster_for_it() -> None:
    stt = FakeSpeechToText([])
    async with transcriber(stt) as heard:
        for turn in range(1, 11):
            heard.push(turn - 1.0, turn + 0.0)
            heard.it.flush(turn - 0.1)
            early = Transcript("Hello", turn - 0.1, True, took_s=0.2)
            stt.open_streams[0]._results.put_nowait(early)
            await asyncio.sleep(0.01)
        assert heard.board.health(stt.name).median_s == pytest.approx(0.2)


async def test_the_board_learns_how_fast_answers_are_and_who_failed() -> None:
    first, second = pair(HELLO)
    async with transcriber(first, second) as heard:
        for _ in range(8):
            heard.hear(HELLO, 0.0) if not heard.posted else heard.it.flush(1.5)
            await asyncio.sleep(0.5)
        assert heard.board.health("first").median_s == pytest.approx(0.1, abs=0.001)
        first.category = Category.AUTH
        first.break_streams()
        await asyncio.sleep(0.1)
        assert heard.board.verdict("first").state is EngineState.EJECTED
    assert heard.board.switches["first", "second"] == 1


async def test_a_failure_names_its_phase() -> None:
    stt = FakeSpeechToText([])
    stt.refusals = 100
    async with transcriber(stt) as heard:
        await asyncio.sleep(5)
    (event,) = heard.posted
    assert isinstance(event, EngineFailed)
    assert (event.category, event.phase) == (Category.CONNECTIVITY, Phase.STREAM)
