"""Words, noise or a loop: judged by the text and its probabilities alone."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from voxd.engines.local.decoded import Decoded, count_closers, count_repeated

WORDS = st.lists(st.sampled_from("abc"), min_size=1, max_size=6)


def decoded(text: str, no_speech_prob: float = 0.1, window_s: float = 10.0) -> Decoded:
    return Decoded(text, len(text.split()) + 1, no_speech_prob, -0.2, window_s)


def test_what_is_hardly_words_is_noise() -> None:
    assert decoded(". . .").is_noise()
    assert decoded("Thank you.", 0.9).is_noise()
    assert not decoded("Tomorrow.", 0.55).is_noise()


def test_only_the_full_window_judges_what_may_be_noise() -> None:
    assert decoded("You", 0.6).is_unsure() and not decoded("You", 0.6).is_noise()
    assert decoded("You", 0.6, 30.0).is_noise() and not decoded("You", 0.6, 30.0).is_unsure()
    assert not decoded("Tomorrow.", 0.2, 30.0).is_noise()


def test_text_that_hits_the_limit_or_repeats_without_end_is_a_loop() -> None:
    assert decoded("no " * 30).is_loop(limit=99)
    assert Decoded("What is it?", 12, 0.0, -0.1, 10.0).is_loop(limit=12)
    assert not Decoded("What is it?", 5, 0.0, -0.1, 10.0).is_loop(limit=12)


@pytest.mark.parametrize(
    "text",
    [
        "Press 9 for more entries. Press 9 for more entries. Press 9 for",
        "Press 1 to call this number. Press 1 to call this number.",
        "I'm sorry, that is not valid. I'm sorry, that is not",
        "9 9",
        "Hello. Hello?",
        "no, No, no.",
        "Yes. We are open from nine. We are open from nine.",
    ],
)
def test_words_said_again_are_doubtful(text: str) -> None:
    assert decoded(text).is_doubtful(limit=99)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "Hello.",
        "I said that that is wrong.",
        "My number is five five five one two one two.",
        "Very, very good.",
        "On Monday from nine to five and on Tuesday from nine to five.",
    ],
)
def test_what_people_say_is_not(text: str) -> None:
    assert not decoded(text).is_doubtful(limit=99)


def test_a_loop_is_said_once() -> None:
    text = "Yes. Press 9 for more. Press 9 for more. Press 9"
    assert decoded(text).without_loop().text == "Yes. Press 9 for more."


@given(WORDS, WORDS, st.integers(2, 4), st.integers(0, 5))
def test_what_repeats_at_the_end_is_counted(
    before: list[str], unit: list[str], times: int, more: int
) -> None:
    words = [*before, *unit * times, *unit[: more % len(unit)]]
    assert count_repeated(words) >= len(unit) * (times - 1)
    assert count_repeated([f"{number}" for number in range(len(words))]) == 0


def test_what_closes_a_sentence_is_counted_behind_its_last_word() -> None:
    assert count_closers([" Press", " 1", "."]) == 1
    assert count_closers([" Is", " it", "?", '"', " "]) == 3
    assert count_closers([" The", " tim", "e"]) == 0
    assert count_closers([" se", "ñ", "\ufffd", "\ufffd", "."]) == 1  # a letter in two tokens
    assert count_closers(["..."]) == 1
    assert count_closers([]) == 0


def test_a_loop_says_nothing_of_a_sentences_end() -> None:
    loop = replace(decoded("Hello. " * 9), closing=0.9)
    assert loop.without_loop().closing is None
