"""Tuning finds the waits that cut fewest callers off among those that are soon enough."""

import pytest

from benches.pauses import TUNED_MS
from benches.policies import joined, price, silence_only
from benches.tuning import LIMIT_P50_S, LIMIT_P90_S, Tried, choose, frontier, try_all
from tests.benches.moments import moments
from voxd.dialog.endpoint import Waits

WAITS = Waits(0.4, 0.8, 1.2)


def tried(mean_s: float, cut_off: float, p50_s: float = 0.4) -> Tried:
    return Tried(WAITS, p50_s, 0.7, mean_s, cut_off)


def test_the_grid_costs_what_the_policy_costs() -> None:
    tries = try_all(joined, moments())
    for one in tries[:: len(tries) // 7]:
        cost = price(joined(one.waits), moments())
        assert (one.p50_s, one.p90_s, one.mean_s) == pytest.approx(
            (cost.p50_s, cost.p90_s, cost.mean_s)
        )
        assert one.cut_off == pytest.approx(cost.mean_cut_off(TUNED_MS))


def test_a_wait_that_is_never_asked_for_is_not_varied() -> None:
    tries = try_all(silence_only, moments())
    assert len({one.waits.complete_s for one in tries}) == len(tries) > 10


def test_the_chosen_waits_are_soon_enough_and_rudest_never() -> None:
    late = tried(0.5, 0.0, p50_s=LIMIT_P50_S + 0.1)
    assert choose([tried(0.4, 0.5), tried(0.45, 0.2), late]) == tried(0.45, 0.2)
    assert choose([late]) is None
    best = choose(try_all(joined, moments()))
    assert best is not None
    assert best.p50_s <= LIMIT_P50_S and best.p90_s <= LIMIT_P90_S
    assert best.cut_off < 0.5


def test_the_frontier_falls_while_delay_rises() -> None:
    found = frontier([tried(0.5, 0.3), tried(0.4, 0.4), tried(0.6, 0.35), tried(0.7, 0.1)])
    assert [(one.mean_s, one.cut_off) for one in found] == [(0.4, 0.4), (0.5, 0.3), (0.7, 0.1)]
