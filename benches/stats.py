"""Percentiles and a bootstrap interval. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True, slots=True)
class Interval:
    """An estimate with its confidence interval."""

    estimate: float
    low: float
    high: float


def percentile(values: Sequence[float], percent: float) -> float | None:
    """The `percent`-th percentile, interpolated between neighbours; None of no values."""
    if not values:
        return None
    return float(np.percentile(np.asarray(values, dtype=np.float64), percent))


def median(values: Sequence[float]) -> float | None:
    """The middle value; None of no values."""
    return percentile(values, 50)


def wilson(count: int, trials: int) -> Interval:
    """A rate with its 95 % score interval (Wilson 1927), right for few events, too."""
    if trials <= 0:
        return Interval(0.0, 0.0, 1.0)
    z = 1.959964
    rate = count / trials
    middle = (rate + z**2 / (2 * trials)) / (1 + z**2 / trials)
    half = z / (1 + z**2 / trials) * ((rate * (1 - rate) + z**2 / (4 * trials)) / trials) ** 0.5
    return Interval(rate, max(0.0, middle - half), min(1.0, middle + half))


def bootstrap_rate_difference(
    errors_a: Sequence[int],
    errors_b: Sequence[int],
    sizes: Sequence[int],
    *,
    confidence: float = 0.95,
    rounds: int = 10_000,
    seed: int = 1,
) -> Interval:
    """Difference of two pooled error rates over the same items, with a paired bootstrap interval.

    Items are drawn with replacement, and both systems are judged on the same draw: what makes an
    item hard makes it hard for both and cancels out.

    Args:
        errors_a, errors_b: errors of each system on each item.
        sizes: the size of each item (words of its reference).

    Returns:
        sum(a)/sum(sizes) - sum(b)/sum(sizes), with the percentile interval.
    """
    if not len(errors_a) == len(errors_b) == len(sizes):
        raise ValueError("errors_a, errors_b and sizes must be equally long")
    if not sizes or sum(sizes) <= 0:
        raise ValueError("there is nothing to compare")
    size = np.asarray(sizes, dtype=np.float64)
    excess = np.asarray(errors_a, dtype=np.float64) - np.asarray(errors_b, dtype=np.float64)
    draws = np.random.default_rng(seed).integers(0, size.size, (rounds, size.size))
    differences = excess[draws].sum(axis=1) / size[draws].sum(axis=1)
    tail = 100 * (1 - confidence) / 2
    low, high = np.percentile(differences, [tail, 100 - tail])
    return Interval(float(excess.sum() / size.sum()), float(low), float(high))
