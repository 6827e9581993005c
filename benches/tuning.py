"""Finds the three waits of a policy on a grid, for `turns`. Pure.

Among the waits that are soon enough at real ends those are chosen that cut fewest callers off. The
same grid gives a policy's curve (the fewest cut off for each mean delay) and its trade-off: what
another limit would have chosen.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from benches.pauses import END, MESSAGE_S, TUNED_MS, Moment
from benches.policies import Policy, ready_s, release_s
from voxd.dialog.endpoint import Waits

LIMIT_P50_S = 0.5
LIMIT_P90_S = 0.85
"""Endpoint at real ends: what answers within 600 ms (p50) and 900 ms (p90) leave room for. Local
engines have their answer ready 0.5 to 0.6 s after `speech_end`: to decide sooner gains nothing."""
OTHER_LIMITS_S = ((0.32, 0.6), (0.36, 0.75), (0.4, 0.75), (0.44, 0.85), (0.56, 0.95), (0.6, 1.2))
"""p50 and p90 of the points that are shown beside it."""

ENDS = Waits(0.0, 1.0, 2.0)
"""With these, a policy's wait says where it lies between the three, whatever they are."""
COMPLETE_S = np.arange(0.24, 1.01, 0.02)
UNKNOWN_S = np.arange(0.30, 1.21, 0.05)
INCOMPLETE_S = np.arange(0.50, 1.61, 0.1)
CURVE_STEP_S = 0.02
STEPS = 120
"""Messages after `speech_end` within which every turn ends: longer than the longest wait."""

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


class _Clock:
    """When turns end at some moments, for any waits: `policies.decide_s` of many at once."""

    def __init__(self, moments: Sequence[Moment], length_ms: int) -> None:
        self._rows = np.arange(len(moments))
        self._phase_s = np.array([moment.known.phase_s for moment in moments])
        self._ready_s = np.array([ready_s(moment.known) for moment in moments])
        self._ends_s = np.array(
            [
                [
                    release_s(moment.known.phase_s + step * MESSAGE_S, moment.voiced_s[length_ms])
                    for step in range(STEPS)
                ]
                for moment in moments
            ]
        )

    def decide_s(self, waits_s: NDArray[np.float64]) -> NDArray[np.float64]:
        """Per moment: when the turn ends with this wait, seconds since `speech_end`."""
        least_s = np.maximum(waits_s, self._ready_s) - self._phase_s
        steps = np.ceil(least_s / MESSAGE_S - 1e-6).astype(int)
        found: NDArray[np.float64] = self._ends_s[self._rows, np.clip(steps, 0, STEPS - 1)]
        return found


def try_all(family: Family, moments: Sequence[Moment]) -> list[Tried]:
    """What every choice of waits on the grid costs on these moments."""
    policy = family(ENDS)
    ends = [moment for moment in moments if moment.place == "end"]
    pauses = [moment for moment in moments if moment.place != "end"]
    at_ends = np.array([policy(moment.known) for moment in ends])
    at_pauses = np.array([policy(moment.known) for moment in pauses])
    highest = float(max(at_ends.max(), at_pauses.max()))
    resumed = {ms: np.array([moment.resumed_s[ms] for moment in pauses]) for ms in TUNED_MS}
    end_clock = _Clock(ends, END)
    clocks = {ms: _Clock(pauses, ms) for ms in TUNED_MS}
    found = []
    for waits in _grid(uses_unknown=highest > 0, uses_incomplete=highest > 1):
        three = (waits.complete_s, waits.unknown_s, waits.incomplete_s)
        delays = end_clock.decide_s(np.interp(at_ends, (0, 1, 2), three))
        asked = np.interp(at_pauses, (0, 1, 2), three)
        cuts = [clocks[ms].decide_s(asked) < resumed[ms] - 1e-6 for ms in TUNED_MS]
        p50, p90 = np.percentile(delays, (50, 90))
        share = float(np.mean(cuts))
        found.append(Tried(waits, float(p50), float(p90), float(delays.mean()), share))
    return found


def choose(
    tries: Sequence[Tried], p50_s: float = LIMIT_P50_S, p90_s: float = LIMIT_P90_S
) -> Tried | None:
    """The one that cuts fewest off among those that are soon enough; None when none is."""
    soon = [one for one in tries if one.p50_s <= p50_s and one.p90_s <= p90_s]
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
