"""Is this sound the agent's own, come back? Pure; used by `interruption`.

An echo is what was played, later and quieter, through a telephone line or across a room. So the
sound is laid over everything that was played within `MAX_DELAY_S` before it: a real echo fits one
delay far better than speech of somebody else fits any. Both are whitened first, because vowels at
a similar pitch look alike otherwise.
"""

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from voxd.line import LINE_RATE_HZ

Floats = npt.NDArray[np.float32]

MAX_DELAY_S = 0.4
"""From the playback model's idea of when something is heard to its return: the network both ways
and, at a speaker telephone, the room."""
_STEP = 1280
"""Transforms are quick at multiples of it (2^8 * 5), and 6400 is five of it."""
_WHITEN = 0.7
"""Exponent on the spectra's magnitude that is taken out: 0 leaves them, 1 keeps only phases."""


@dataclass(frozen=True, slots=True)
class Likeness:
    """How well a sound fits what was played, at the best delay."""

    fit: float
    """0 to 1: correlation of the whitened signals."""
    delay_s: float
    level_db: float
    """How much louder the sound is than what was played then; negative for echoes. The level of
    silence that was played counts as -100 dBFS."""


def compare(pcm: npt.NDArray[np.int16], played: npt.NDArray[np.int16]) -> Likeness:
    """Lay a sound over what was played.

    Args:
        pcm: the sound, int16, 8000 Hz.
        played: what was played from `MAX_DELAY_S` before the sound began until it ended, so longer
            than `pcm` by that much.
    """
    if len(pcm) == 0 or not np.any(played):
        return Likeness(0.0, 0.0, 100.0)
    # Single precision takes half the time.
    sound, reference = pcm.astype(np.float32), played.astype(np.float32)
    size = _STEP * math.ceil((len(sound) + len(reference) - 1) / _STEP)
    spectrum, other = np.fft.rfft(sound, size), np.fft.rfft(reference, size)
    spectrum /= _smooth(np.abs(spectrum)) ** _WHITEN + 1e-6
    other /= _smooth(np.abs(other)) ** _WHITEN + 1e-6
    white_sound = np.fft.irfft(spectrum, size)[: len(sound)]
    white_reference = np.fft.irfft(other, size)[: len(reference)]
    count = len(reference) - len(sound) + 1
    cross = np.fft.irfft(
        np.fft.rfft(white_reference, size) * np.conj(np.fft.rfft(white_sound, size)), size
    )[:count]
    energies = _window_energies(white_reference, len(sound))
    own = float(np.sum(white_sound**2, dtype=np.float64))
    # Where almost nothing was played, a fit is chance: its energy counts as a tenth of the most.
    floor = 0.1 * float(energies.max()) + 1e-9
    fits = np.abs(cross) / np.sqrt(own * np.maximum(energies, floor) + 1e-9)
    best = int(np.argmax(fits))
    stretch = reference[best : best + len(sound)]
    level_db = _db(_power(sound)) - _db(_power(stretch))
    delay_s = (count - 1 - best) / LINE_RATE_HZ
    return Likeness(min(1.0, float(fits[best])), delay_s, level_db)


def _window_energies(signal: npt.NDArray[np.floating], length: int) -> npt.NDArray[np.float64]:
    sums = np.concatenate(([0.0], np.cumsum(signal**2, dtype=np.float64)))
    energies: npt.NDArray[np.float64] = np.maximum(sums[length:] - sums[:-length], 0.0)
    return energies


def _power(signal: Floats) -> float:
    return float(np.mean(signal**2, dtype=np.float64))


def _smooth(magnitudes: Floats) -> Floats:
    """A mean over neighbouring bins, so that whitening does not raise single empty bins."""
    sums = np.cumsum(np.pad(magnitudes, (5, 4)), dtype=np.float64)
    smooth: Floats = ((sums[9:] - sums[:-9]) / 9).astype(np.float32)
    return smooth


def _db(power: float) -> float:
    return 10 * float(np.log10(power + 0.01))
