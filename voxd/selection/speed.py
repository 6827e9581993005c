"""Is an engine slow against its own past? Pure; a part of `health`."""

from collections import deque
from statistics import median

RECENT = 10
"""First results that count as "now"."""
ENOUGH = 5
"""Fewer recent results than this prove nothing about speed."""
BASELINE = 100
"""First results that make up an engine's own past."""
SLOW_FACTOR = 2.0
SLOW_FACTOR_DECLARED = 2.5
"""The same while an engine has no past of its own. Declarations are promises: independent figures
are up to 2.1 times higher (Cartesia: 90 ms declared, 190 ms measured by others)."""
OWN_PAST = 10
"""Results that make a past of its own."""
RECOVERED_FACTOR = 1.5
SLOW_IS_NORMAL_S = 1800.0
"""An engine that was slow for this long has become so; a tier names it for other reasons, too."""


class Speed:
    """Times to the first result of one engine, from what it declares on."""

    def __init__(self, expected_latency_s: float) -> None:
        self._baseline: deque[float] = deque([expected_latency_s] * ENOUGH, maxlen=BASELINE)
        self._recent: deque[float] = deque(maxlen=RECENT)
        self._own = 0
        """Results of its own in the baseline."""
        self._slow_since = 0.0
        self.is_slow = False

    @property
    def median_s(self) -> float:
        """Median in the engine's own past, seconds; not touched while it is slow."""
        return median(self._baseline)

    def note(self, now: float, latency_s: float) -> None:
        """A caller's request took this long, at the least."""
        self._recent.append(latency_s)
        if self.is_slow:
            self.accept_new_normal(now)
            return
        factor = SLOW_FACTOR if self._own >= OWN_PAST else SLOW_FACTOR_DECLARED
        if len(self._recent) >= ENOUGH and median(self._recent) > factor * self.median_s:
            self.is_slow = True
            self._slow_since = now
        else:
            self._baseline.append(latency_s)
            self._own += 1

    def is_recovered_by(self, latency_s: float) -> bool:
        """Is a request of this length what one is used to?"""
        return latency_s <= RECOVERED_FACTOR * self.median_s

    def recover(self) -> None:
        """It is as fast as before."""
        self.is_slow = False
        self._recent.clear()

    def accept_new_normal(self, now: float) -> None:
        """What was slow for long enough is its past from now on."""
        if now - self._slow_since >= SLOW_IS_NORMAL_S:
            self.is_slow = False
            self._baseline.clear()
            self._baseline.extend(self._recent)
            self._own = OWN_PAST
