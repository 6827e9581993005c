"""Percentiles and the bootstrap interval."""

import pytest

from benches.stats import bootstrap_rate_difference, median, percentile, wilson


def test_percentiles_are_interpolated_between_neighbours() -> None:
    assert percentile([1, 2, 3, 4, 5], 50) == 3
    assert percentile([0, 10], 90) == pytest.approx(9)
    assert median([4, 1]) == 2.5


def test_nothing_has_no_percentile() -> None:
    assert percentile([], 50) is None
    assert median([]) is None


def test_equal_systems_have_no_difference_and_no_interval() -> None:
    interval = bootstrap_rate_difference([1, 0, 2], [1, 0, 2], [5, 5, 5])
    assert (interval.estimate, interval.low, interval.high) == (0, 0, 0)


def test_the_difference_is_that_of_the_pooled_rates() -> None:
    interval = bootstrap_rate_difference([2, 1], [0, 0], [10, 20])
    assert interval.estimate == pytest.approx(0.1)
    assert interval.low <= interval.estimate <= interval.high


def test_an_error_shared_by_both_systems_does_not_widen_the_interval() -> None:
    apart = bootstrap_rate_difference([1, 0, 1, 0] * 20, [0, 1, 0, 1] * 20, [10] * 80)
    shared = bootstrap_rate_difference([1, 0, 1, 0] * 20, [1, 0, 1, 0] * 20, [10] * 80)
    assert shared.high - shared.low < apart.high - apart.low


def test_the_interval_covers_the_truth_about_as_often_as_it_says() -> None:
    import numpy as np

    generator = np.random.default_rng(7)
    covered = 0
    for seed in range(100):
        a = generator.binomial(10, 0.10, 80).tolist()
        b = generator.binomial(10, 0.06, 80).tolist()
        interval = bootstrap_rate_difference(a, b, [10] * 80, rounds=400, seed=seed)
        covered += interval.low <= 0.04 <= interval.high
    assert 86 <= covered <= 100


def test_lists_of_unequal_length_are_refused() -> None:
    with pytest.raises(ValueError, match="equally long"):
        bootstrap_rate_difference([1], [1, 2], [3])


def test_nothing_to_compare_is_refused() -> None:
    with pytest.raises(ValueError, match="nothing"):
        bootstrap_rate_difference([], [], [])


def test_the_score_interval_is_right_for_few_events() -> None:
    interval = wilson(2, 100)
    assert interval.estimate == 0.02
    assert interval.low == pytest.approx(0.0055, abs=0.0002)
    assert interval.high == pytest.approx(0.0700, abs=0.0002)
    assert wilson(0, 200).low == 0.0
    assert wilson(0, 0).high == 1.0
