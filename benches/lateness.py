"""How late an event loop wakes: says whether a load generator kept up. I/O: asks the clock.

Not `voxd.telemetry.loop_lag`: a load generator does not judge itself by the daemon's code, and
uvloop's own clock counts whole milliseconds.
"""

import asyncio
import time

INTERVAL_S = 0.01


class Lateness:
    """Wakes every `INTERVAL_S` and notes by how much it was late."""

    def __init__(self) -> None:
        self._late_s: list[float] = []

    async def run(self) -> None:
        """Until cancelled."""
        while True:
            due = time.monotonic() + INTERVAL_S
            await asyncio.sleep(INTERVAL_S)
            self._late_s.append(max(0.0, time.monotonic() - due))

    def take(self) -> list[float]:
        """All since it was asked last, seconds."""
        late_s, self._late_s = self._late_s, []
        return late_s
