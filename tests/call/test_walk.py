"""Which engine is tried when."""

import pytest

from voxd.call.walk import FIRST_PAUSE_S, RATE_LIMIT_S, TRIES, ChainWalk, Choice
from voxd.errors import Category, EngineError, Phase


def error(
    category: Category = Category.CONNECTIVITY, retry_after_s: float | None = None
) -> EngineError:
    return EngineError("e", category, Phase.CONNECT, "scripted", retry_after_s=retry_after_s)


def chosen(walk: ChainWalk, now: float) -> int:
    choice = walk.choose(set(), now)
    assert choice is not None
    assert choice.not_before <= now
    walk.start(choice.index)
    return choice.index


def test_engines_come_in_the_order_of_the_chain() -> None:
    walk = ChainWalk(3)
    order = []
    for _ in range(3):
        order.append(chosen(walk, 0.0))
        walk.note_left(order[-1], error(), 0.0)
    assert order == [0, 1, 2]


def test_an_engine_that_was_left_is_tried_again_after_pauses_that_grow() -> None:
    walk, now, pauses = ChainWalk(1), 0.0, []
    walk.start(0)
    while True:
        walk.note_left(0, error(), now)
        choice = walk.choose(set(), now)
        if choice is None:
            break
        pauses.append(round(choice.not_before - now, 3))
        now = choice.not_before
    assert pauses == pytest.approx([FIRST_PAUSE_S, 3 * FIRST_PAUSE_S, 9 * FIRST_PAUSE_S])
    assert len(pauses) == TRIES - 1


def test_a_chain_that_fails_as_a_whole_is_walked_round_and_round() -> None:
    walk, now, order = ChainWalk(2), 0.0, []
    while (choice := walk.choose(set(), now)) is not None:
        now = max(now, choice.not_before)
        order.append(choice.index)
        walk.start(choice.index)
        walk.note_left(choice.index, error(), now)
    assert order == [0, 1] * TRIES
    assert now < 2.0


def test_words_renew_the_tries() -> None:
    walk, now = ChainWalk(1), 0.0
    for _ in range(3 * TRIES):
        walk.note_left(0, error(), now)
        walk.note_words()
        now += 1.0
    assert chosen(walk, now) == 0


@pytest.mark.parametrize("category", [Category.AUTH, Category.QUOTA, Category.BAD_REQUEST])
def test_a_refusal_that_waiting_does_not_help_is_final(category: Category) -> None:
    walk = ChainWalk(1)
    walk.note_left(0, error(category), 0.0)
    walk.note_words()
    assert walk.choose(set(), 1e6) is None


def test_a_rate_limit_is_respected() -> None:
    walk = ChainWalk(1)
    walk.note_left(0, error(Category.RATE_LIMIT), 0.0)
    assert walk.choose(set(), 1.0) is None
    assert walk.choose(set(), RATE_LIMIT_S - 0.5) == Choice(0, RATE_LIMIT_S)
    walk.note_left(0, error(Category.RATE_LIMIT, retry_after_s=0.5), 20.0)
    assert walk.choose(set(), 20.0) == Choice(0, 20.5)


def test_only_engines_that_were_never_left_are_started_beside_others() -> None:
    walk = ChainWalk(3)
    assert walk.choose_untried({0}) == 1
    walk.note_left(1, error(), 0.0)
    assert walk.choose_untried({0}) == 2
    assert walk.choose_untried({0, 2}) is None


def test_an_engine_never_left_comes_before_one_that_failed() -> None:
    walk = ChainWalk(2)
    walk.start(0)
    walk.note_left(0, error(), 0.0)
    assert chosen(walk, 10.0) == 1
    walk.note_left(1, error(), 10.0)
    assert chosen(walk, 10.0) == 0
