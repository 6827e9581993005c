"""The mouth: gate, order, pace, marks, clear."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from tests.fakes.line import FakeLine
from voxd.call.speaker import AUDIO_AHEAD_S, PIECE_S, Speaker
from voxd.call.voice import Voice
from voxd.config import Line
from voxd.events import (
    ClauseHeard,
    ClauseMeasured,
    ClauseSent,
    ClauseStarted,
    Event,
    PlaybackFinished,
    PlaybackUnderran,
    ReplyWasted,
    SpokenWord,
)
from voxd.twilio.media import Mark


class Mouth:
    """A speaker on a fake line, with its marks carried back."""

    def __init__(self, speaker: Speaker, line: FakeLine, posted: list[Event]) -> None:
        self.speaker = speaker
        self.line = line
        self.posted = posted

    def names(self) -> list[str]:
        return [type(event).__name__ for event in self.posted]

    def give(self, reply_id: int, *clauses: float, is_committed: bool = True) -> Voice:
        """An attempt whose clauses last so many seconds, complete at once."""
        voice = self.speaker.open(reply_id, is_reply=True, is_committed=is_committed)
        for number, seconds in enumerate(clauses):
            voice.begin_clause(number, f"{reply_id}.{number}")
            voice.write(bytes([reply_id]) * round(seconds * 8000))
            voice.end_clause()
        voice.end()
        return voice

    def order(self) -> list[int]:
        """The bytes heard, repetitions left out."""
        return [byte for byte, _ in self.line.heard()]


@asynccontextmanager
async def mouth(**line: bool) -> AsyncIterator[Mouth]:
    fake = FakeLine(**line)  # type: ignore[arg-type]
    posted: list[Event] = []
    loop = asyncio.get_running_loop()
    speaker = Speaker(Line(lead_s=0.2, mark_grace_s=1.0), fake, posted.append, loop.time)

    async def carry_marks() -> None:
        while (message := await fake.receive()) is not None:
            if isinstance(message, Mark):
                speaker.mark_returned(message.name)

    async with asyncio.TaskGroup() as tasks:
        sending = tasks.create_task(speaker.run())
        tasks.create_task(carry_marks())
        yield Mouth(speaker, fake, posted)
        sending.cancel()
        await fake.close()
        fake.lose()


async def test_a_clause_is_started_sent_heard_and_then_finished() -> None:
    async with mouth() as it:
        it.give(1, 0.5)
        await asyncio.sleep(2)
    assert it.names() == [
        *("ClauseStarted", "ClauseMeasured", "ClauseSent"),
        *("ClauseHeard", "PlaybackFinished"),
    ]
    assert it.posted[2].duration_s == pytest.approx(0.5)  # type: ignore[attr-defined]
    assert it.line.sent == ["mark " + name for name in _marks(it.line)]
    assert it.line.heard() == [(1, 0.5)]


async def test_nothing_sounds_before_its_commit() -> None:
    async with mouth() as it:
        it.give(1, 0.5, is_committed=False)
        await asyncio.sleep(5)
        assert it.line.played == []
        assert it.posted == []
        it.speaker.commit(1)
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        assert len(it.line.played) > 0
        await asyncio.sleep(2)
        assert it.names()[-1] == "PlaybackFinished"


async def test_attempts_play_in_the_order_of_their_commits() -> None:
    async with mouth() as it:
        for reply_id in (1, 2, 3):
            it.give(reply_id, 0.2, is_committed=False)
        for reply_id in (2, 3, 1):
            it.speaker.commit(reply_id)
        await asyncio.sleep(3)
        assert it.order() == [2, 3, 1]


async def test_an_attempt_without_audio_yet_keeps_the_line() -> None:
    async with mouth() as it:
        voice = it.speaker.open(1, is_reply=True, is_committed=True)
        it.give(2, 0.2)
        await asyncio.sleep(1)
        assert it.line.played == []
        voice.begin_clause(0, "late")
        voice.write(b"\x01" * 800)
        voice.end_clause()
        voice.end()
        await asyncio.sleep(1)
        assert it.order() == [1, 2]


async def test_an_attempt_that_says_nothing_lets_the_next_one_speak() -> None:
    async with mouth() as it:
        it.give(1)
        it.give(2, 0.2)
        await asyncio.sleep(2)
        assert it.order() == [2]
        assert [e.reply_id for e in it.posted if isinstance(e, PlaybackFinished)] == [2]


async def test_frames_leave_before_their_clause_is_complete() -> None:
    async with mouth() as it:
        voice = it.speaker.open(1, is_reply=True, is_committed=True)
        voice.begin_clause(0, "long")
        voice.write(b"\x01" * 330)
        await asyncio.sleep(0.001)
        assert [len(frame.mulaw) for frame in it.line.played] == [160, 160]
        voice.end_clause()
        voice.end()
        await asyncio.sleep(1)
        last = it.line.played[-1].mulaw
        assert last == b"\x01" * 10 + b"\xff" * 150


async def test_the_buffer_ahead_never_exceeds_the_lead() -> None:
    async with mouth() as it:
        it.give(1, 3.0)
        most = 0.0
        for _ in range(700):
            await asyncio.sleep(0.005)
            most = max(most, it.line.buffered_s())
        assert 0.17 < most <= 0.2 + 1e-6
        assert it.line.heard() == [(1, 3.0)]
        assert PlaybackUnderran not in [type(event) for event in it.posted]


async def test_heard_at_is_behind_what_is_buffered() -> None:
    async with mouth() as it:
        it.give(1, 1.0, 1.0)
        await asyncio.sleep(4)
        starts = [e for e in it.posted if isinstance(e, ClauseStarted)]
        assert starts[0].heard_at == pytest.approx(starts[0].at)
        assert starts[1].heard_at == pytest.approx(starts[0].heard_at + 1.0)
        ahead_s = starts[1].heard_at - starts[1].at
        assert 0.2 - PIECE_S - 1e-6 <= ahead_s <= 0.2 + 1e-6


async def test_audio_that_can_wait_goes_together_and_the_first_does_not_wait() -> None:
    async with mouth() as it:
        began = asyncio.get_running_loop().time()
        it.give(1, 3.0)
        await asyncio.sleep(4)
    first, *others = it.line.pieces
    assert it.line.played[0].start == pytest.approx(began)
    assert first == pytest.approx(0.2)
    assert others[:-1] == pytest.approx([PIECE_S] * (len(others) - 1), abs=0.021)
    assert it.line.heard() == [(1, 3.0)]


async def test_audio_that_comes_frame_by_frame_leaves_frame_by_frame() -> None:
    async with mouth() as it:
        voice = it.speaker.open(1, is_reply=True, is_committed=True)
        voice.begin_clause(0, "1.0")
        for _ in range(20):
            voice.write(bytes([1]) * 160)
            await asyncio.sleep(0.02)
        voice.end_clause()
        voice.end()
        await asyncio.sleep(1)
    assert it.line.pieces == pytest.approx([0.02] * 20)


async def test_after_a_drop_nothing_more_is_sent_of_it() -> None:
    async with mouth() as it:
        voice = it.give(1, 3.0)
        await asyncio.sleep(0.5)
        it.speaker.drop(1)
        sent = len(it.line.played)
        voice.begin_clause(1, "more")
        voice.write(b"\x01" * 8000)
        voice.end_clause()
        it.give(2, 0.2)
        await asyncio.sleep(3)
        assert sum(frame.mulaw[0] == 1 for frame in it.line.played) == sent
        assert it.order() == [1, 2]
        assert [e.reply_id for e in it.posted if isinstance(e, PlaybackFinished)] == [2]
        assert voice.unsent_s == 0


async def test_marks_that_a_clear_returned_do_not_count_as_heard() -> None:
    async with mouth() as it:
        it.give(1, 0.1, 0.1, 3.0)
        await asyncio.sleep(0.02)
        assert len(_marks(it.line)) == 2
        it.speaker.drop(1)
        it.speaker.clear()
        await asyncio.sleep(3)
        assert it.line.sent[-1] == "clear"
        assert ClauseHeard not in [type(event) for event in it.posted]
        # The next one is heard again, under a new generation.
        it.give(2, 0.2)
        await asyncio.sleep(3)
        assert it.names()[-2:] == ["ClauseHeard", "PlaybackFinished"]


async def test_a_clear_is_sent_before_what_follows_it() -> None:
    async with mouth() as it:
        it.give(1, 2.0)
        await asyncio.sleep(0.3)
        it.speaker.drop(1)
        it.speaker.clear()
        it.give(2, 0.2)
        await asyncio.sleep(1)
        assert it.order() == [1, 2]
        assert sum(seconds for byte, seconds in it.line.heard() if byte == 1) < 0.35


async def test_the_first_sound_after_a_clear_is_heard_at_once() -> None:
    async with mouth() as it:
        it.give(1, 2.0)
        await asyncio.sleep(0.3)
        it.speaker.drop(1)
        it.speaker.clear()
        it.give(2, 0.2)
        await asyncio.sleep(0.01)
        started = [e for e in it.posted if isinstance(e, ClauseStarted)][-1]
        assert started.reply_id == 2
        assert started.heard_at - started.at < 0.001


async def test_a_mark_that_never_comes_is_replaced_by_an_estimate() -> None:
    async with mouth(echoes_marks=False) as it:
        it.give(1, 0.5)
        started = asyncio.get_running_loop().time()
        await asyncio.sleep(1.4)
        assert it.names() == ["ClauseStarted", "ClauseMeasured", "ClauseSent"]
        await asyncio.sleep(0.2)
        heard = it.posted[-2]
        assert isinstance(heard, ClauseHeard)
        assert heard.is_estimated
        assert heard.at - started == pytest.approx(1.5, abs=0.01)


async def test_a_later_mark_proves_the_clauses_before_it() -> None:
    async with mouth(echoes_marks=False) as it:
        it.give(1, 0.2, 0.2)
        await asyncio.sleep(0.5)
        it.speaker.mark_returned(_marks(it.line)[-1])
        heard = [e for e in it.posted if isinstance(e, ClauseHeard)]
        assert [(event.clause, event.is_estimated) for event in heard] == [(0, False), (1, False)]
        assert it.names()[-1] == "PlaybackFinished"


@pytest.mark.parametrize("name", ["", "nonsense", "1:0:7", "\x00", "9" * 400])
async def test_strange_marks_are_ignored(name: str) -> None:
    async with mouth(echoes_marks=False) as it:
        it.give(1, 0.2)
        await asyncio.sleep(0.1)
        it.speaker.mark_returned(name)
        assert ClauseHeard not in [type(event) for event in it.posted]


async def test_a_clause_that_broke_off_sounds_but_is_never_heard() -> None:
    async with mouth() as it:
        voice = it.speaker.open(1, is_reply=True, is_committed=True)
        voice.begin_clause(0, "half")
        voice.write(b"\x01" * 1600)
        voice.break_off()
        voice.end()
        await asyncio.sleep(2)
        assert it.line.heard() == [(1, 0.2)]
        assert it.names() == ["ClauseStarted", "PlaybackFinished"]


async def test_a_clause_without_any_sound_still_passes_in_order() -> None:
    async with mouth() as it:
        it.give(1, 0.2, 0.0, 0.2)
        await asyncio.sleep(2)
        clauses = [e.clause for e in it.posted if isinstance(e, ClauseSent)]
        assert clauses == [0, 1, 2]
        assert [e.clause for e in it.posted if isinstance(e, ClauseHeard)] == [0, 1, 2]


async def test_a_hole_inside_a_reply_is_an_underrun_and_one_between_replies_is_not() -> None:
    async with mouth() as it:
        it.give(1, 0.2)
        await asyncio.sleep(1)
        voice = it.speaker.open(2, is_reply=True, is_committed=True)
        voice.begin_clause(0, "slow")
        voice.write(b"\x02" * 1600)
        await asyncio.sleep(0.5)
        voice.write(b"\x02" * 1600)
        voice.end_clause()
        voice.end()
        await asyncio.sleep(1)
        (hole,) = [e for e in it.posted if isinstance(e, PlaybackUnderran)]
        assert hole.reply_id == 2
        assert hole.gap_s == pytest.approx(0.3, abs=0.001)


async def test_a_clause_is_not_begun_while_much_audio_waits() -> None:
    async with mouth() as it:
        voice = it.give(1, AUDIO_AHEAD_S + 1.0, is_committed=False)
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(60):
                await it.speaker.wait_for_room(voice)
        it.speaker.commit(1)
        async with asyncio.timeout(1.5):
            await it.speaker.wait_for_room(voice)


async def test_a_reply_that_nobody_heard_is_reported_with_its_cost_when_it_is_dropped() -> None:
    async with mouth() as it:
        held = it.give(1, 1.0, is_committed=False)
        held.cost.tokens, held.cost.characters = 7, 30
        it.speaker.drop(1)
        it.speaker.drop(1)
        it.give(2, 1.0)
        await asyncio.sleep(0.5)
        it.speaker.drop(2)
        phrase = it.speaker.open(3, is_reply=False, is_committed=False)
        it.speaker.drop(phrase.reply_id)
    wasted = [event for event in it.posted if isinstance(event, ReplyWasted)]
    assert [(e.reply_id, e.completion_tokens, e.characters) for e in wasted] == [(1, 7, 30)]


async def test_a_dropped_attempt_holds_nobody_back() -> None:
    async with mouth() as it:
        voice = it.give(1, AUDIO_AHEAD_S + 1.0, is_committed=False)
        asyncio.get_running_loop().call_later(1, it.speaker.drop, 1)
        async with asyncio.timeout(2):
            await it.speaker.wait_for_room(voice)


async def test_a_lost_line_ends_the_sending_without_an_error() -> None:
    async with mouth() as it:
        it.give(1, 3.0)
        await asyncio.sleep(0.5)
        it.line.lose()
        await asyncio.sleep(3)


async def test_a_hold_silences_the_far_end_and_loses_no_sample() -> None:
    async with mouth() as it:
        it.give(1, 1.0)
        await asyncio.sleep(0.5)
        it.speaker.hold(1)
        await asyncio.sleep(1)
        assert it.line.sent == ["clear"]
        assert it.line.heard() == [(1, pytest.approx(0.5, abs=0.021))]
        it.speaker.resume(1)
        await asyncio.sleep(2)
        assert it.line.heard() == [(1, pytest.approx(1.0, abs=0.041))]
        assert it.names()[-1] == "PlaybackFinished"
        starts = [e for e in it.posted if isinstance(e, ClauseStarted)]
        assert [e.from_s for e in starts] == pytest.approx([0.0, 0.5], abs=0.021)
        assert it.names().count("ClauseSent") == 1


async def test_clauses_that_were_sent_and_not_heard_are_sent_again() -> None:
    async with mouth() as it:
        it.give(1, 0.1, 0.05, 0.04, 1.0)
        await asyncio.sleep(0.07)
        it.speaker.hold(1)
        await asyncio.sleep(0.5)
        it.speaker.resume(1)
        await asyncio.sleep(3)
        total_s = sum(seconds for _, seconds in it.line.heard())
        assert total_s == pytest.approx(0.1 + 0.06 + 0.04 + 1.0, abs=0.041)
        heard = [e.clause for e in it.posted if isinstance(e, ClauseHeard)]
        assert heard == [0, 1, 2, 3]
        started = [e.clause for e in it.posted if isinstance(e, ClauseStarted)]
        assert started == [0, 1, 2, 3, 0, 1, 2, 3][: len(started)] or started[-4:] == [0, 1, 2, 3]


async def test_a_hold_in_the_last_moment_keeps_what_is_left_and_one_after_it_finishes() -> None:
    async with mouth() as it:
        it.give(1, 0.5)
        await asyncio.sleep(0.45)
        assert it.names()[-1] == "ClauseSent"
        it.speaker.hold(1)
        await asyncio.sleep(1)
        assert "PlaybackFinished" not in it.names()
        it.speaker.resume(1)
        await asyncio.sleep(1)
        assert it.names()[-2:] == ["ClauseHeard", "PlaybackFinished"]

        it.give(2, 0.5)
        await asyncio.sleep(0.52)  # heard to its end; its mark is on the way back
        it.speaker.hold(2)
        assert it.names()[-1] == "PlaybackFinished"


async def test_what_is_on_hold_can_be_dropped_and_the_next_one_speaks() -> None:
    async with mouth() as it:
        it.give(1, 1.0)
        await asyncio.sleep(0.3)
        it.speaker.hold(1)
        it.give(2, 0.2)
        await asyncio.sleep(1)
        assert it.order() == [1]
        it.speaker.drop(1)
        await asyncio.sleep(1)
        assert it.order() == [1, 2]


async def test_a_hold_goes_on_at_the_beginning_of_the_word_that_was_cut() -> None:
    async with mouth() as it:
        voice = it.speaker.open(1, is_reply=True, is_committed=True)
        voice.begin_clause(0, "one two three")
        for _ in range(5):  # words of 180 ms with 20 ms between them
            voice.write(b"\x20" * 1440 + b"\xff" * 160)
        voice.end_clause()
        voice.end()
        await asyncio.sleep(0.5)  # in the third word, which began at 0.4
        it.speaker.hold(1)
        await asyncio.sleep(0.5)
        it.speaker.resume(1)
        await asyncio.sleep(2)
        again = [e for e in it.posted if isinstance(e, ClauseStarted)][-1]
        assert again.from_s == pytest.approx(0.38, abs=0.001)


async def test_a_clause_is_measured_once_it_is_heard_and_complete() -> None:
    async with mouth() as it:
        voice = it.speaker.open(1, is_reply=True, is_committed=False)
        voice.begin_clause(0, "one two")
        voice.write(b"\x20" * 4000)
        voice.end_clause((SpokenWord("one", 0.2), SpokenWord("two", 0.5)))
        await asyncio.sleep(1)
        assert it.names() == []
        it.speaker.commit(1)
        await asyncio.sleep(0.01)
        assert it.names() == ["ClauseStarted", "ClauseMeasured"]
        measured = it.posted[-1]
        assert isinstance(measured, ClauseMeasured)
        assert measured.duration_s == pytest.approx(0.5)
        assert [word.word for word in measured.words] == ["one", "two"]


async def test_the_ear_can_ask_what_is_heard_right_now() -> None:
    async with mouth() as it:
        it.give(5, 0.5)
        await asyncio.sleep(0.3)
        now = asyncio.get_running_loop().time()
        assert it.speaker.played.between(now - 0.1, now).any()
        it.speaker.clear()
        it.speaker.drop(5)
        await asyncio.sleep(0.3)
        now = asyncio.get_running_loop().time()
        assert not it.speaker.played.between(now - 0.2, now).any()


def _marks(line: FakeLine) -> list[str]:
    return [entry.removeprefix("mark ") for entry in line.sent if entry.startswith("mark ")]


# --- fillers ------------------------------------------------------------------------------------


def fill(it: Mouth, reply_id: int, seconds: float) -> Voice | None:
    voice = it.speaker.open_filler(reply_id)
    if voice is not None:
        voice.begin_clause(0, "One moment.")
        voice.write(bytes([reply_id]) * round(seconds * 8000))
        voice.end_clause()
        voice.end()
    return voice


def speak(voice: Voice, seconds: float) -> None:
    voice.begin_clause(0, "Yes.")
    voice.write(bytes([voice.reply_id]) * round(seconds * 8000))
    voice.end_clause()
    voice.end()


async def test_a_filler_goes_before_the_silent_attempt_which_follows_at_once() -> None:
    async with mouth() as it:
        voice = it.speaker.open(1, is_reply=True, is_committed=True)
        assert fill(it, 2, 0.6)
        await asyncio.sleep(0.3)
        speak(voice, 0.4)  # in the middle of the filler
        await asyncio.sleep(2)
        first, *_, last = it.line.played
        assert it.line.heard() == [(2, 0.6), (1, 0.4)]
        assert last.start + 0.02 - first.start == pytest.approx(1.0)
    assert [event.reply_id for event in it.posted if isinstance(event, PlaybackFinished)] == [2, 1]


@pytest.mark.parametrize("state", ["nothing", "uncommitted", "has audio", "sounds"])
async def test_a_filler_is_refused_where_nobody_waits(state: str) -> None:
    async with mouth() as it:
        if state != "nothing":
            voice = it.speaker.open(1, is_reply=True, is_committed=state != "uncommitted")
        if state in ("has audio", "sounds"):
            speak(voice, 0.4)
        if state == "sounds":
            await asyncio.sleep(0.1)
        assert fill(it, 2, 0.6) is None
        await asyncio.sleep(1)
        assert 2 not in it.order()


async def test_a_dropped_filler_is_cut_and_lets_the_attempt_pass() -> None:
    async with mouth() as it:
        voice = it.speaker.open(1, is_reply=True, is_committed=True)
        fill(it, 2, 2.0)
        await asyncio.sleep(0.5)
        it.speaker.drop(2)
        speak(voice, 0.2)
        await asyncio.sleep(2)
        assert it.order() == [2, 1]
        assert sum(seconds for byte, seconds in it.line.heard() if byte == 2) < 0.8
