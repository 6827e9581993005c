"""Where speech begins and ends in clean samples, by energy; and the noise of a line. Pure.

Energy is right here and wrong in the daemon: these samples are known before the call and carry
no noise, so the quietest word still stands far above whatever else is in the file.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from voxd.caller.mulaw import RATE_HZ

BLOCK_SAMPLES = 80
"""10 ms, the resolution of every level in this package."""
BELOW_PEAK_DB = 35.0
"""A block this far below the loudest one is no speech. 35 dB keeps the release of a final "s" and
drops the room. Over Debian's 248 prompts longer than 1.5 s, 30 dB ends 10 ms sooner and 40 dB
10 ms later in the median, 90 ms at the fifth percentile: that is how sure an unlabelled end is."""
QUIETEST_DBFS = -65.0
"""Nothing below this is speech, however quiet the file."""


@dataclass(frozen=True, slots=True)
class Bounds:
    """Where the speech in a recording lies, seconds from its first sample."""

    start_s: float
    end_s: float


def levels_dbfs(pcm: NDArray[np.int16]) -> NDArray[np.float64]:
    """Return the RMS level of each 10 ms block (a short last one included); -200 for zeros."""
    padded = np.zeros(-(-len(pcm) // BLOCK_SAMPLES) * BLOCK_SAMPLES)
    padded[: len(pcm)] = pcm / 32768.0
    power = (padded.reshape(-1, BLOCK_SAMPLES) ** 2).mean(axis=1)
    return np.asarray(10.0 * np.log10(np.maximum(power, 1e-20)))


def find_speech(pcm: NDArray[np.int16]) -> Bounds | None:
    """Return first and last block that is speech, or None when the recording is silent.

    Args:
        pcm: int16, mono, 8000 Hz, without added noise.
    """
    levels = levels_dbfs(pcm)
    threshold = max(float(levels.max(initial=-200.0)) - BELOW_PEAK_DB, QUIETEST_DBFS)
    loud = np.flatnonzero(levels >= threshold)
    if not len(loud):
        return None
    block_s = BLOCK_SAMPLES / RATE_HZ
    end_s = min((int(loud[-1]) + 1) * block_s, len(pcm) / RATE_HZ)
    return Bounds(int(loud[0]) * block_s, end_s)


def line_noise(samples: int, level_dbfs: float, seed: int) -> NDArray[np.int16]:
    """Return white noise (int16, 8000 Hz) of that RMS level, the same for the same seed."""
    amplitude = 32768.0 * 10.0 ** (level_dbfs / 20.0)
    noise = np.random.default_rng(seed).normal(0.0, amplitude, samples)
    return np.clip(np.rint(noise), -32768, 32767).astype(np.int16)
