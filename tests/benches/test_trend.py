import random

import pytest

from benches.trend import find_trend


def samples(
    slope_per_min: float, noise: float, seed: int = 1, minutes: int = 8
) -> list[tuple[float, float]]:
    dice = random.Random(seed)
    times = [2.0 * step for step in range(minutes * 30)]
    return [(at, 100 + slope_per_min * at / 60 + dice.gauss(0, noise)) for at in times]


def test_a_line_without_noise_is_found_exactly() -> None:
    found = find_trend("x", "MiB", samples(2.0, 0.0), 1.0)
    assert found.slope.estimate == pytest.approx(2.0)
    assert found.slope.low == pytest.approx(found.slope.high)
    assert not found.is_flat


def test_noise_alone_is_flat_and_its_interval_holds_zero_nearly_always() -> None:
    found = [find_trend("x", "", samples(0.0, 3.0, seed), 0.0) for seed in range(100)]
    # Below the interval is no growth either: 2.5 % at each side.
    assert sum(trend.slope.low > 0 for trend in found) <= 8
    assert sum(trend.slope.high < 0 for trend in found) <= 8


def test_a_leak_is_seen_through_the_noise() -> None:
    assert not any(find_trend("x", "", samples(1.0, 3.0, seed), 5.0).is_flat for seed in range(20))


def test_growth_that_nobody_minds_is_flat() -> None:
    assert find_trend("x", "MiB", samples(0.05, 0.0), 5.0).is_flat
    assert not find_trend("x", "MiB", samples(0.05, 0.0), 2.0).is_flat
    assert find_trend("x", "MiB", samples(-4.0, 0.0), 0.0).is_flat


def test_a_short_run_says_that_it_cannot_be_sure() -> None:
    assert not find_trend("x", "", samples(0.0, 3.0, minutes=1), 1.0).is_sure
    assert find_trend("x", "", samples(0.0, 0.01), 1.0).is_sure


def test_a_wave_of_neighbours_that_resemble_each_other_is_no_trend() -> None:
    steps = [(2.0 * step, 100.0 + 10 * ((step // 12) % 2)) for step in range(240)]
    assert find_trend("x", "", steps, 1.0).is_flat


def test_two_samples_are_no_trend() -> None:
    with pytest.raises(ValueError, match="three"):
        find_trend("x", "", [(0, 1), (1, 2)], 1.0)
