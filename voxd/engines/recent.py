"""How long an engine's recent requests took. Pure; every engine's `status` uses it."""

import math
from collections import deque

KEPT = 256
"""Requests that are remembered."""


class RecentLatencies:
    """Times to the first result over the last `KEPT` requests, seconds."""

    def __init__(self) -> None:
        self._latencies_s: deque[float] = deque(maxlen=KEPT)

    def record(self, latency_s: float) -> None:
        """A request had its first result after this long."""
        self._latencies_s.append(latency_s)

    def percentile(self, share: float) -> float | None:
        """The nearest rank at `share` (0 to 1), seconds; None before any request."""
        ordered = sorted(self._latencies_s)
        return ordered[math.ceil(share * len(ordered)) - 1] if ordered else None
