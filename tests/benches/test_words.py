"""Text as comparable words."""

import pytest

from benches.words import normalize_words


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Press 1 now!", "press one now"),
        ("press * or #", "Press star or pound."),
        ("I'm sorry, you've called.", "i am sorry you have called"),
        ("It can't be; it cannot be.", "it can not be it can not be"),
        ("dial 500", "dial five hundred"),
        ("PIN 4242", "pin four two four two"),
        ("extension 20", "extension twenty"),
        ("code 042", "code zero four two"),
        ("voice mail", "voicemail"),
        ("your party's name", "your partys name"),
        ("your party\u2019s name", "your party's name"),
    ],
)
def test_two_ways_to_write_the_same_words_are_equal(one: str, other: str) -> None:
    assert normalize_words(one) == normalize_words(other)


def test_different_words_stay_different() -> None:
    assert normalize_words("press one") != normalize_words("press two")


def test_no_words_are_no_words() -> None:
    assert normalize_words(" ... ") == ""


def test_normalising_twice_changes_nothing() -> None:
    once = normalize_words("Re-record it: press 3, 4 or 600; don't wait & see.")
    assert normalize_words(once) == once
