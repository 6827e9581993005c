"""Finds the three waits of a policy on a grid, for `turns`. Pure.

Among the waits that are soon enough at real ends (`LIMIT_P50_S`, `LIMIT_P90_S`) those are chosen
that cut fewest callers off. The same grid gives a policy's curve: the fewest cut off for each mean
delay.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from benches.pauses import TUNED_MS, Moment
from benches.policies import Policy, decide_s, ready_s
from voxd.dialog.endpoint import Waits

LIMIT_P50_S = 0.4
LIMIT_P90_S = 0.75
"""Endpoint at real ends: what answers within 500 ms (p50) and 800 ms (p90) leave room for."""

ENDS = Waits(0.0, 1.0, 2.0)
"""With these, a policy's wait says where it lies between the three, whatever they are."""
COMPLETE_S = np.arange(0.30, 1.01, 0.02)
UNKNOWN_S = np.arange(0.40, 1.21, 0.05)
INCOMPLETE_S = np.arange(0.80, 1.61, 0.1)
CURVE_STEP_S = 0.02

Family = Callable[[Waits], Policy]


@dataclass(frozen=True, slots=True)
class Tried:
    """Three waits and what they cost on the tuned half."""

    waits: Waits
    p50_s: float
    p90_s: float
    mean_s: float
    cut_off: float
    """Mean over `TUNED_MS`."""


def try_all(family: Family, moments: Sequence[Moment]) -> list[Tried]:
    """What every choice of waits on the grid costs on these moments."""
    policy = family(ENDS)
    ends = [moment for moment in moments if moment.place == "end"]
    pauses = [moment for moment in moments if moment.place != "end"]
    at_ends = np.array([policy(moment.known) for moment in ends])
    at_pauses = np.array([policy(moment.known) for moment in pauses])
    highest = float(max(at_ends.max(), at_pauses.max()))
    resumed = np.array([[moment.resumed_s[ms] for ms in TUNED_MS] for moment in pauses])
    found = []
    for waits in _grid(uses_unknown=highest > 0, uses_incomplete=highest > 1):
        three = (waits.complete_s, waits.unknown_s, waits.incomplete_s)
        delays = _decide(np.interp(at_ends, (0, 1, 2), three), ends)
        cuts = _decide(np.interp(at_pauses, (0, 1, 2), three), pauses)
        p50, p90 = np.percentile(delays, (50, 90))
        share = float(np.mean(cuts[:, np.newaxis] < resumed - 1e-6))
        found.append(Tried(waits, float(p50), float(p90), float(delays.mean()), share))
    return found


def choose(tries: Sequence[Tried]) -> Tried | None:
    """The one that cuts fewest off among those that are soon enough; None when none is."""
    soon = [one for one in tries if one.p50_s <= LIMIT_P50_S and one.p90_s <= LIMIT_P90_S]
    return min(soon, key=lambda one: (one.cut_off, one.mean_s), default=None)


def frontier(tries: Sequence[Tried]) -> list[Tried]:
    """Of each step of the mean delay the best, less those that a sooner one beats."""
    bins: dict[int, Tried] = {}
    for one in tries:
        step = int(one.mean_s / CURVE_STEP_S)
        if step not in bins or one.cut_off < bins[step].cut_off:
            bins[step] = one
    best: list[Tried] = []
    for _, one in sorted(bins.items()):
        if not best or one.cut_off < best[-1].cut_off:
            best.append(one)
    return best


def _grid(*, uses_unknown: bool, uses_incomplete: bool) -> list[Waits]:
    """All choices; a wait that a policy never asks for is not varied."""
    found = []
    for complete_s in COMPLETE_S:
        for unknown_s in UNKNOWN_S if uses_unknown else (UNKNOWN_S[-1],):
            for incomplete_s in INCOMPLETE_S if uses_incomplete else (INCOMPLETE_S[-1],):
                three = [round(float(s), 2) for s in (complete_s, unknown_s, incomplete_s)]
                if three == sorted(three):
                    found.append(Waits(*three))
    return found


def _decide(waits: NDArray[np.float64], moments: Sequence[Moment]) -> NDArray[np.float64]:
    return np.array(
        [
            decide_s(moment.known, float(wait), ready_s(moment.known))
            for wait, moment in zip(waits, moments, strict=True)
        ]
    )
