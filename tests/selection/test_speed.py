"""Slow against its own past, not against a number."""

import pytest

from voxd.selection.speed import ENOUGH, SLOW_IS_NORMAL_S, Speed


def used(latency_s: float, results: int = 20) -> Speed:
    speed = Speed(0.2)
    for number in range(results):
        speed.note(float(number), latency_s)
    return speed


@pytest.mark.parametrize(("declared", "real"), [(0.15, 0.25), (0.22, 0.22), (0.09, 0.19)])
def test_an_engine_is_not_slow_for_declaring_less_than_others_measured(
    declared: float, real: float
) -> None:
    speed = Speed(declared)
    for number in range(50):
        speed.note(float(number), real)
        assert not speed.is_slow
    assert speed.median_s == real


def test_three_times_what_it_declares_is_slow_from_the_start() -> None:
    assert not used(0.6, ENOUGH - 1).is_slow
    assert used(0.6, ENOUGH).is_slow


def test_its_own_past_is_not_forgotten_while_it_is_slow() -> None:
    speed = used(0.3)
    for number in range(200):
        speed.note(30.0 + number, 0.9)
    assert speed.is_slow
    assert speed.median_s == pytest.approx(0.3)
    assert speed.is_recovered_by(0.4) and not speed.is_recovered_by(0.6)
    speed.recover()
    assert not speed.is_slow
    speed.note(300.0, 0.9)
    assert not speed.is_slow  # one slow answer proves nothing


def test_what_stays_slow_for_long_is_its_new_past() -> None:
    speed = used(0.3)
    for number in range(10):
        speed.note(30.0 + number, 0.9)
    speed.accept_new_normal(30.0 + SLOW_IS_NORMAL_S - 1)
    assert speed.is_slow
    speed.accept_new_normal(40.0 + SLOW_IS_NORMAL_S)
    assert not speed.is_slow
    assert speed.median_s == pytest.approx(0.9)
