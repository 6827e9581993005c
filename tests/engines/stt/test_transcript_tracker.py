"""When a flush is answered, for now and for good; what is told and what is not."""

import pytest

from voxd.contracts import Transcript
from voxd.engines.stt.segments import Segment, Word
from voxd.engines.stt.transcript_tracker import Heard, TranscriptTracker
from voxd.events import TurnSignal


@pytest.fixture
def tracker() -> TranscriptTracker:
    """Second n of the stream is audio time 100 + n; ten seconds were pushed."""
    tracker = TranscriptTracker()
    tracker.push(80_000, 110.0)
    return tracker


def interim(start: float, end: float, text: str) -> Heard:
    return Heard(Segment(start, end, text))


def final(start: float, end: float, text: str, *, is_requested: bool = False) -> Heard:
    return Heard(Segment(start, end, text), is_final=True, is_requested=is_requested)


def test_words_are_told_when_they_change(tracker: TranscriptTracker) -> None:
    assert tracker.hear(interim(0, 1, "")) is None
    assert tracker.hear(interim(0, 2, "hello")) == Transcript("hello", 102.0, False)
    assert tracker.hear(interim(0, 3, "hello")) is None


def test_a_flush_is_answered_by_an_interim_and_then_for_good(tracker: TranscriptTracker) -> None:
    tracker.hear(interim(0, 2, "hello"))
    assert tracker.flush(102.5)
    assert tracker.is_waiting
    assert tracker.hear(interim(0, 3, "hello")) == Transcript("hello", 103.0, False)
    assert not tracker.is_waiting
    assert tracker.hear(final(0, 3, "hello", is_requested=True)) == Transcript("hello", 103.0, True)


def test_an_interim_is_never_final(tracker: TranscriptTracker) -> None:
    tracker.hear(final(0, 3, "Hello."))
    tracker.flush(102.0)
    answer = tracker.hear(interim(3, 4, "and"))
    assert answer == Transcript("Hello. and", 104.0, False)


def test_what_finals_cover_need_not_be_asked_for(tracker: TranscriptTracker) -> None:
    tracker.hear(final(0, 3, "Hello."))
    assert not tracker.flush(102.9)
    assert tracker.tell() == Transcript("Hello.", 103.0, True)


def test_a_frame_too_little_is_covered(tracker: TranscriptTracker) -> None:
    tracker.flush(103.01)
    assert tracker.hear(final(0, 3, "Hello.")) == Transcript("Hello.", 103.01, True)


def test_an_earlier_final_is_no_final_answer(tracker: TranscriptTracker) -> None:
    tracker.flush(103.0)
    assert tracker.hear(final(0, 2, "Hello")) == Transcript("Hello", 102.0, False)
    assert tracker.is_waiting


def test_the_answer_to_a_request_covers_it_wherever_it_ends(tracker: TranscriptTracker) -> None:
    tracker.flush(109.9)
    answer = tracker.hear(final(0, 8, "Hello.", is_requested=True))
    assert answer == Transcript("Hello.", 109.9, True)


def test_an_answer_is_not_taken_for_that_of_a_later_request(tracker: TranscriptTracker) -> None:
    tracker.flush(109.9)
    tracker.push(80_000, 120.0)
    tracker.flush(119.9)
    late = tracker.hear(final(0, 10, "One.", is_requested=True))
    assert late == Transcript("One.", 110.0, False)
    assert tracker.is_waiting
    assert tracker.hear(final(10, 20, "Two.", is_requested=True)) == Transcript(
        "One. Two.", 120.0, True
    )


def test_a_request_that_stays_unanswered_is_passed_over(tracker: TranscriptTracker) -> None:
    tracker.flush(109.9)
    tracker.push(80_000, 120.0)
    tracker.flush(119.9)
    answer = tracker.hear(final(0, 19.5, "Both.", is_requested=True))
    assert answer == Transcript("Both.", 119.9, True)


def test_the_same_flush_asks_once_and_is_answered_again(tracker: TranscriptTracker) -> None:
    assert tracker.flush(103.0)
    assert not tracker.flush(103.0)
    tracker.hear(final(0, 3.2, "Yes."))
    tracker.flush(103.0)
    assert tracker.tell() == Transcript("Yes.", 103.2, True)


def test_noise_is_an_empty_final(tracker: TranscriptTracker) -> None:
    tracker.flush(102.0)
    assert tracker.hear(final(0, 2.5, "", is_requested=True)) == Transcript("", 102.5, True)


def test_noise_without_an_answer_settles_by_what_follows(tracker: TranscriptTracker) -> None:
    tracker.flush(102.0)
    assert tracker.hear(interim(0, 2.2, "")) is None
    answer = tracker.hear(interim(0, 2.6, ""))
    assert answer is not None and answer.is_final and answer.text == ""


def test_silence_before_speech_settles_nothing(tracker: TranscriptTracker) -> None:
    tracker.hear(interim(0, 5, ""))
    assert tracker.flush(104.9)
    assert tracker.tell() is None
    assert tracker.hear(final(4, 5.2, "Yes.")) == Transcript("Yes.", 105.2, True)


def test_forgotten_words_and_flushes_are_gone(tracker: TranscriptTracker) -> None:
    tracker.hear(interim(0, 2, "hello"))
    tracker.flush(102.5)
    tracker.forget(102.5)
    assert not tracker.is_waiting
    assert tracker.hear(final(0, 2.4, "Hello.")) is None
    assert tracker.hear(interim(3, 4, "and")) == Transcript("and", 104.0, False)


def test_a_signal_comes_with_the_words_it_is_about(tracker: TranscriptTracker) -> None:
    heard = Heard(Segment(0, 2, "Hello."), is_final=True, signal=TurnSignal.EAGER_END)
    assert tracker.hear(heard) == Transcript("Hello.", 102.0, True, TurnSignal.EAGER_END)
    assert tracker.hear(Heard(signal=TurnSignal.RESUMED)) == Transcript(
        "Hello.", 102.0, True, TurnSignal.RESUMED
    )


def words_until(end: float) -> Heard:
    word = Word("Hello.", end - 0.3, end)
    return Heard(Segment(0, end + 0.1, "Hello.", (word,)), is_final=True)


def test_an_end_by_word_gaps_does_not_count_while_the_caller_speaks(
    tracker: TranscriptTracker,
) -> None:
    tracker.hear(words_until(2.0))
    tracker.speech_started()
    end = Heard(signal=TurnSignal.END, last_word_end=2.0)
    assert tracker.hear(end) is None
    tracker.flush(102.0)
    tracker.tell()
    told = tracker.hear(end)
    assert told is not None and told.signal is TurnSignal.END


def test_an_end_that_has_missed_the_newest_words_does_not_count(
    tracker: TranscriptTracker,
) -> None:
    tracker.hear(words_until(4.0))
    assert tracker.hear(Heard(signal=TurnSignal.END, last_word_end=2.0)) is None


def test_the_backlog_is_what_no_result_has_reached(tracker: TranscriptTracker) -> None:
    assert tracker.backlog_s == 10.0
    tracker.hear(interim(0, 7, ""))
    assert tracker.backlog_s == pytest.approx(3.0)
