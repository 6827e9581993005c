"""Does a figure grow over time? A line through it, and how sure its slope is. Pure.

Samples taken one after the other resemble their neighbours (memory is given back in steps, calls
take turns), so that the textbook's interval, which takes each for news, would be far too narrow.
The samples are therefore put together into `BLOCKS` means, long enough to be nearly independent,
and the line goes through those; its slope has the 95 % interval of Student's t with two degrees
fewer.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from benches.stats import Interval

BLOCKS = 10
_T_975 = {1: 12.706, 2: 4.303, 3: 3.182, 4: 2.776, 5: 2.571, 6: 2.447, 7: 2.365, 8: 2.306}
"""Student's t, 97.5 %, by degrees of freedom."""


@dataclass(frozen=True, slots=True)
class Trend:
    """A figure over the time of a bench."""

    name: str
    unit: str
    mean: float
    slope: Interval
    """In `unit` per minute."""
    tolerance: float
    """Growth over an hour that nobody would mind, in `unit`."""

    @property
    def is_flat(self) -> bool:
        """No growth can be told from none; or it is told, and so small that nobody would mind."""
        return self.slope.low <= 0 or 60 * self.slope.estimate <= self.tolerance

    @property
    def is_sure(self) -> bool:
        """A growth of ten times what nobody would mind would have been seen."""
        return 60 * (self.slope.high - self.slope.estimate) <= 10 * self.tolerance


def find_trend(
    name: str,
    unit: str,
    samples: Sequence[tuple[float, float]],
    tolerance: float,
) -> Trend:
    """The trend of samples.

    Args:
        samples: when, seconds, and how much; at least three.
        tolerance: see `Trend`.
    """
    if len(samples) < 3:
        raise ValueError("a trend needs three samples")
    blocks = min(BLOCKS, len(samples))
    parts = np.array_split(np.asarray(samples, dtype=np.float64), blocks)
    minutes = np.array([part[:, 0].mean() / 60 for part in parts])
    values = np.array([part[:, 1].mean() for part in parts])
    centred = minutes - minutes.mean()
    spread = float((centred**2).sum())
    slope = float((centred * values).sum()) / spread
    rest = values - values.mean() - slope * centred
    degrees = blocks - 2
    error = math.sqrt(float((rest**2).sum()) / degrees / spread)
    half = _T_975[degrees] * error
    interval = Interval(slope, slope - half, slope + half)
    return Trend(name, unit, float(values.mean()), interval, tolerance)
