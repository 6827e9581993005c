"""Words at the caller's ear, counted."""

from benches.replies import Heard, compare_words


def test_the_same_words_are_whole() -> None:
    assert compare_words("We sell apples.", "we sell apples") == Heard(0, 0, 0)


def test_lost_repeated_and_misheard_words_are_told_apart() -> None:
    said = "We sell apples and lemons"
    assert compare_words(said, "We sell and lemons") == Heard(lost=1, extra=0, misheard=0)
    assert compare_words(said, "We sell apples apples and lemons") == Heard(0, 1, 0)
    assert compare_words(said, "We sell apples and melons") == Heard(0, 0, 1)


def test_nothing_heard_is_everything_lost() -> None:
    assert compare_words("We sell apples", "") == Heard(3, 0, 0)
    assert compare_words("", "hello there") == Heard(0, 2, 0)
