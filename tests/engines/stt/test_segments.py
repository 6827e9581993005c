"""Finals and the interim make the utterance; `forget` cuts between words."""

import pytest

from voxd.engines.stt.segments import Segment, UtteranceText, Word
from voxd.engines.stt.stream_time import StreamTime


@pytest.fixture
def words() -> UtteranceText:
    """Of a stream whose second 0 is audio time 100."""
    time = StreamTime()
    time.push(8000 * 60, 160.0)
    return UtteranceText(time)


def timed(text: str, start: float, each: float = 0.5) -> Segment:
    parts = text.split()
    times = [start + number * each for number in range(len(parts))]
    spoken = tuple(Word(part, at, at + each) for part, at in zip(parts, times, strict=True))
    return Segment(start, start + each * len(parts), text, spoken)


def test_an_interim_is_replaced_and_a_final_stays(words: UtteranceText) -> None:
    words.take(timed("I'd like", 0), is_final=False)
    assert (words.text, words.through) == ("I'd like", 101.0)
    words.take(timed("I'd like a", 0), is_final=True)
    words.take(timed("tail", 1.5), is_final=False)
    assert words.text == "I'd like a tail"
    words.take(timed("table.", 1.5), is_final=True)
    assert words.text == "I'd like a table."
    assert words.final_through == words.through == 102.0


def test_an_empty_final_covers_without_adding(words: UtteranceText) -> None:
    words.take(timed("yes.", 0), is_final=True)
    words.take(Segment(0.5, 3.0, ""), is_final=True)
    assert (words.text, words.final_through) == ("yes.", 103.0)


def test_forget_drops_what_lies_before(words: UtteranceText) -> None:
    words.take(timed("One two.", 0), is_final=True)
    words.take(timed("Three", 1.0), is_final=True)
    words.forget(101.0)
    assert words.text == "Three"


def test_a_final_that_comes_after_forget_does_not_come_back(words: UtteranceText) -> None:
    words.take(timed("One two", 0), is_final=False)
    words.forget(101.02)
    words.take(Segment(0, 1.2, "One, two.", timed("One, two.", 0).words), is_final=True)
    assert words.text == ""


def test_a_segment_across_forget_is_cut_between_words(words: UtteranceText) -> None:
    words.forget(101.0)
    words.take(timed("One two three four.", 0), is_final=True)
    assert words.text == "three four."


def test_the_formatted_text_is_kept_where_it_matches_word_for_word(words: UtteranceText) -> None:
    words.forget(101.0)
    raw = timed("one two three four", 0)
    words.take(Segment(0, 2.0, "One two THREE four!", raw.words), is_final=True)
    assert words.text == "THREE four!"
    words.take(Segment(2.0, 4.0, "555-1234", timed("five five five", 2.0).words), is_final=True)
    assert words.text == "THREE four! 555-1234"


def test_without_times_the_words_known_at_forget_are_cut(words: UtteranceText) -> None:
    words.take(Segment(0, 1.0, "hi there"), is_final=False)
    words.forget(100.9)
    words.take(Segment(0, 3.0, "hi there how are you"), is_final=False)
    assert words.text == "how are you"


def test_the_last_word_end_is_that_of_the_newest_words(words: UtteranceText) -> None:
    assert words.last_word_end == float("-inf")
    words.take(timed("One two", 0), is_final=True)
    words.take(Segment(1.0, 9.0, ""), is_final=False)
    assert words.last_word_end == 1.0
    words.take(timed("three", 1.0), is_final=False)
    assert words.last_word_end == 1.5
