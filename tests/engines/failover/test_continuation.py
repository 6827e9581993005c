"""Where a broken clause is cut and what is left to say: no word twice, none lost without need."""

from dataclasses import dataclass

from hypothesis import example, given
from hypothesis import strategies as st

from voxd.dialog.playout import SPOKEN_CHARACTERS_PER_S
from voxd.engines.failover.continuation import HEARD, Cut, SpeechRate, choose_cut

TEXT = "We are open from nine to five."
RATE = 10.0
"""So that each character takes 0.1 s."""


@dataclass(frozen=True)
class At:
    word: str
    start_s: float
    end_s: float


def test_before_any_audio_all_is_left() -> None:
    assert choose_cut(TEXT, 0.0, 0.0, RATE) == Cut(0.0, TEXT)


def test_a_broken_word_that_the_line_does_not_have_is_taken_back_and_said_whole() -> None:
    # "are" is from 0.3 to 0.6 s
    assert choose_cut(TEXT, 0.45, 0.2, RATE) == Cut(0.3, "are open from nine to five.")
    assert choose_cut(TEXT, 0.45, 0.3, RATE) == Cut(0.3, "are open from nine to five.")


def test_a_broken_word_of_which_little_is_heard_is_said_again() -> None:
    assert choose_cut(TEXT, 0.55, 0.4, RATE) == Cut(0.4, "are open from nine to five.")
    assert choose_cut(TEXT, 0.40, 0.4, RATE) == Cut(0.4, "are open from nine to five.")


def test_a_broken_word_of_which_half_is_heard_is_not_said_again() -> None:
    assert choose_cut(TEXT, 0.55, 0.5, RATE) == Cut(0.55, "open from nine to five.")


def test_between_two_words_everything_is_kept() -> None:
    assert choose_cut(TEXT, 0.30, 0.0, RATE) == Cut(0.3, "are open from nine to five.")
    assert choose_cut(TEXT, 0.25, 0.25, RATE) == Cut(0.25, "are open from nine to five.")


def test_after_the_last_word_nothing_is_left() -> None:
    assert choose_cut(TEXT, 3.0, 1.0, RATE) == Cut(3.0, "")


def test_a_last_short_word_is_dropped_when_nothing_else_is_lost() -> None:
    text = "We close at 5."  # "at" from 0.9 to 1.1, "5." from 1.2 to 1.4
    assert choose_cut(text, 1.15, 0.0, RATE) == Cut(1.15, "")
    assert choose_cut(text, 1.05, 1.05, RATE) == Cut(1.05, "5.")  # "at" was cut: enough is lost
    assert choose_cut(text, 1.05, 0.0, RATE) == Cut(0.9, "at 5.")


def test_a_last_long_word_is_not_dropped() -> None:
    assert choose_cut("We close at midnight.", 1.15, 1.15, RATE).rest == "midnight."


def test_known_times_count_before_the_rate() -> None:
    timed = (At("We", 0.0, 0.5), At("are", 0.5, 1.0), At("open", 1.0, 1.5))
    assert choose_cut(TEXT, 0.9, 0.9, RATE, timed).rest == "open from nine to five."
    assert choose_cut(TEXT, 1.2, 0.2, RATE, timed) == Cut(1.0, "open from nine to five.")


def test_behind_the_known_times_the_rate_counts() -> None:
    timed = (At("We", 0.0, 1.0), At("are", 1.0, 2.0))
    # "open" from 2.0, "from" from 2.5 to 2.9, "nine" from 3.0
    assert choose_cut(TEXT, 2.8, 2.8, RATE, timed).rest == "nine to five."
    assert choose_cut(TEXT, 2.8, 2.0, RATE, timed) == Cut(2.5, "from nine to five.")


def test_words_are_matched_by_their_letters() -> None:
    timed = (At("It's", 0.0, 0.4), At("10", 0.4, 0.8), At(":30", 0.8, 1.2), At("now", 1.2, 1.6))
    text = "It's 10:30 now please."
    assert choose_cut(text, 1.0, 1.0, RATE, timed).rest == "now please."
    assert choose_cut(text, 1.0, 0.0, RATE, timed) == Cut(0.4, "10:30 now please.")


@example(["a", "a", "a", "aa", "aa", "a"], 1.0, 1.0, False)  # exactly half of a word
@given(
    st.lists(st.text("abcdefgh", min_size=1, max_size=9), min_size=1, max_size=20),
    st.floats(0.0, 30.0),
    st.floats(0.0, 1.0),
    st.booleans(),
)
def test_no_word_is_heard_twice_and_at_most_one_is_lost(
    words: list[str], delivered_s: float, sent: float, is_timed: bool
) -> None:
    text = " ".join(words)
    times = []
    at = 0
    for word in words:
        times.append(At(word, at / RATE, (at + len(word)) / RATE))
        at += len(word) + 1
    delivered_s = min(delivered_s, times[-1].end_s)
    sent_s = sent * delivered_s
    cut = choose_cut(text, delivered_s, sent_s, RATE, times if is_timed else ())
    rest = cut.rest.split()
    assert rest == words[len(words) - len(rest) :]
    assert sent_s <= cut.keep_s + 1e-6 and cut.keep_s <= delivered_s + 1e-6
    parts = [(cut.keep_s - time.start_s) / (time.end_s - time.start_s) for time in times]
    heard = sum(part >= HEARD - 1e-6 for part in parts)
    assert heard + len(rest) <= len(words)
    lost = len(words) - len(rest) - heard
    assert lost <= 1
    assert not lost or (not rest and len(words[-1]) / RATE <= 0.3)


def test_a_rate_is_learned_from_whole_clauses() -> None:
    rate = SpeechRate()
    assert rate.characters_per_s == SPOKEN_CHARACTERS_PER_S
    rate.learn("a" * 20, 2.0)
    rate.learn("a" * 40, 2.0)
    assert rate.characters_per_s == 15.0
