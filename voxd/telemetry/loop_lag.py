"""How late the event loop is, measured always. Reads the loop's clock.

The loop carries the audio of every call, so its lag is every caller's jitter. A timer that
should fire every 20 ms (one frame) says how late it was; admission refuses calls on it.
"""

import asyncio
from collections import deque
from itertools import islice

INTERVAL_S = 0.02
"""One line frame: a lag that would delay a frame is a lag that is seen."""
WINDOW_S = 60.0


class LoopLag:
    """Lags of the last minute. Bound: `WINDOW_S / INTERVAL_S` samples, the oldest goes."""

    def __init__(self, interval_s: float = INTERVAL_S, window_s: float = WINDOW_S) -> None:
        self._interval_s = interval_s
        self._samples: deque[float] = deque(maxlen=max(1, round(window_s / interval_s)))
        self.worst_s = 0.0
        """Largest lag since the start, seconds."""

    async def run(self) -> None:
        """Measure until cancelled."""
        loop = asyncio.get_running_loop()
        due = loop.time() + self._interval_s
        while True:
            await asyncio.sleep(max(0.0, due - loop.time()))
            now = loop.time()
            self.add(max(0.0, now - due))
            # A stall counts once: the next tick is due an interval from now, not in the past.
            due = max(due, now) + self._interval_s

    def add(self, lag_s: float) -> None:
        """Note one lag, seconds."""
        self._samples.append(lag_s)
        self.worst_s = max(self.worst_s, lag_s)

    def percentile(self, fraction: float, last_s: float = WINDOW_S) -> float:
        """The lag, seconds, that `fraction` of the ticks of the last `last_s` stayed below."""
        count = min(len(self._samples), max(1, round(last_s / self._interval_s)))
        latest = sorted(islice(reversed(self._samples), count))
        return latest[min(count - 1, int(fraction * count))] if latest else 0.0
