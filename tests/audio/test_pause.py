"""A pause is told when it is long enough and nobody is just beginning to speak."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from voxd.audio.pause import HOLD_S, STIR_S, PauseWatch

STEP_S = 0.02
END_S = 10.0


def told_at(awaited_s: float, voiced_at: list[float] | None = None) -> float | None:
    """How long the pause is when it is told, looking every 20 ms for two seconds.

    Args:
        voiced_at: times of voiced frames, seconds since the pause began.
    """
    watch = PauseWatch()
    watch.begin(END_S)
    watch.wait(awaited_s)
    for step in range(1, 101):
        now = END_S + step * STEP_S
        before = [END_S + at for at in voiced_at or [] if END_S + at <= now]
        found = watch.check(now, max(before, default=END_S))
        if found is not None:
            return found
    return None


def test_a_quiet_pause_is_told_when_it_is_long_enough() -> None:
    assert told_at(0.5) == pytest.approx(0.5)
    assert told_at(0.41) == pytest.approx(0.42)


def test_it_is_told_once() -> None:
    watch = PauseWatch()
    watch.begin(END_S)
    watch.wait(0.5)
    assert watch.check(END_S + 0.6, END_S) == pytest.approx(0.6)
    assert watch.check(END_S + 0.7, END_S) is None


def test_nothing_is_told_without_a_pause_or_a_wait() -> None:
    watch = PauseWatch()
    watch.wait(0.5)
    watch.begin(END_S)
    assert watch.check(END_S + 9, END_S) is None
    watch.wait(0.5)
    watch.end()
    assert watch.check(END_S + 9, END_S) is None


def test_a_click_when_it_is_due_delays_it_until_it_is_no_beginning_of_speech() -> None:
    assert told_at(0.5, [0.49]) == pytest.approx(0.49 + STIR_S + 0.01)


def test_a_click_long_before_it_is_due_changes_nothing() -> None:
    assert told_at(0.5, [0.4]) == pytest.approx(0.5)


def test_crackle_delays_it_by_a_bounded_time() -> None:
    crackle = [step * 0.01 for step in range(1, 200)]
    assert told_at(0.5, crackle) == pytest.approx(0.5 + HOLD_S)


def test_a_wait_that_is_over_already_is_held_no_longer() -> None:
    watch = PauseWatch()
    watch.begin(END_S)
    watch.wait(0.5)
    assert watch.check(END_S + 1.0, END_S + 1.0) is None
    watch.wait(0.4)
    assert watch.check(END_S + 1.0 + HOLD_S, END_S + 1.0 + HOLD_S) is not None


@given(st.floats(0.1, 1.5), st.lists(st.floats(0.0, 2.0), max_size=30))
def test_it_is_never_early_and_never_late_by_more_than_the_hold(
    awaited_s: float, voiced_at: list[float]
) -> None:
    found = told_at(awaited_s, voiced_at)
    assert found is not None
    assert awaited_s - 1e-3 <= found <= awaited_s + HOLD_S + STEP_S + 1e-3
