"""What is left to say: no word twice, at most one lost."""

from dataclasses import dataclass

from hypothesis import given
from hypothesis import strategies as st

from voxd.dialog.playout import SPOKEN_CHARACTERS_PER_S
from voxd.engines.failover.continuation import SpeechRate, rest_of

TEXT = "We are open from nine to five."
RATE = 10.0
"""So that each character takes 0.1 s."""


@dataclass(frozen=True)
class At:
    word: str
    start_s: float
    end_s: float


def test_before_any_audio_all_is_left() -> None:
    assert rest_of(TEXT, 0.0, RATE) == TEXT


def test_a_word_that_has_begun_is_said() -> None:
    assert rest_of(TEXT, 0.31, RATE) == "open from nine to five."  # "are" begins at 0.3
    assert rest_of(TEXT, 0.30, RATE) == "are open from nine to five."


def test_after_the_last_word_nothing_is_left() -> None:
    assert rest_of(TEXT, 2.9, RATE) == ""


def test_a_last_short_word_is_dropped_when_nothing_else_is_lost() -> None:
    text = "We close at 5."  # "5." begins at 1.2 and would sound 0.2 s; "at" ends at 1.1
    assert rest_of(text, 1.15, RATE) == ""
    assert rest_of(text, 1.05, RATE) == "5."  # "at" was cut: one loss is enough


def test_a_last_long_word_is_not_dropped() -> None:
    assert rest_of("We close at midnight.", 1.15, RATE) == "midnight."


def test_known_times_count_before_the_rate() -> None:
    timed = (At("We", 0.0, 0.5), At("are", 0.5, 1.0), At("open", 1.0, 1.5))
    assert rest_of(TEXT, 0.9, RATE, timed) == "open from nine to five."
    assert rest_of(TEXT, 1.2, RATE, timed) == "from nine to five."


def test_behind_the_known_times_the_rate_counts() -> None:
    timed = (At("We", 0.0, 1.0), At("are", 1.0, 2.0))
    # "open" from 2.0, "from" from 2.5, "nine" from 3.0
    assert rest_of(TEXT, 2.6, RATE, timed) == "nine to five."


def test_words_are_matched_by_their_letters() -> None:
    timed = (At("It's", 0.0, 0.4), At("10", 0.4, 0.8), At(":30", 0.8, 1.2), At("now", 1.2, 1.6))
    assert rest_of("It's 10:30 now.", 0.5, RATE, timed) == "now."
    assert rest_of("It's 10:30 now.", 0.3, RATE, timed) == "10:30 now."


@given(
    st.lists(st.text("abcdefgh", min_size=1, max_size=9), min_size=1, max_size=20),
    st.floats(0.0, 30.0),
    st.booleans(),
)
def test_no_word_is_said_twice_and_at_most_one_is_lost(
    words: list[str], delivered_s: float, is_timed: bool
) -> None:
    text = " ".join(words)
    times = []
    at = 0
    for word in words:
        times.append(At(word, at / RATE, (at + len(word)) / RATE))
        at += len(word) + 1
    rest = rest_of(text, delivered_s, RATE, times if is_timed else ()).split()
    begun = [time.word for time in times if time.start_s < delivered_s - 1e-6]
    whole = [time.word for time in times if time.end_s <= delivered_s + 1e-6]
    assert rest == words[len(words) - len(rest) :]
    assert len(begun) + len(rest) <= len(words)
    assert len(whole) + len(rest) >= len(words) - 1


def test_a_rate_is_learned_from_whole_clauses() -> None:
    rate = SpeechRate()
    assert rate.characters_per_s == SPOKEN_CHARACTERS_PER_S
    rate.learn("a" * 20, 2.0)
    rate.learn("a" * 40, 2.0)
    assert rate.characters_per_s == 15.0
