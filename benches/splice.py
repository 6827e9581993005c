"""Puts a pause between two words, as a caller who stops to think makes one. Pure."""

import numpy as np
from numpy.typing import NDArray

from benches.prompts import RATE_HZ

BLOCK_SAMPLES = 80
"""10 ms: the resolution at which gaps between words are looked for."""
SHORTEST_GAP_S = 0.06
_BLOCK_S = BLOCK_SAMPLES / RATE_HZ
GAP_BELOW_PEAK_DB = 30.0
"""A block this far below the loudest is no word; above the level of a breath between two."""
NOISE_DBFS = -60.0
"""Level of an idle telephone line; digital silence would be no pause that a line ever makes."""
FADE_S = 0.005


def find_gaps(
    pcm: NDArray[np.int16], *, first: float = 0.25, last: float = 0.75
) -> list[tuple[float, float]]:
    """The gaps between words (or before a plosive) that are at least 60 ms long.

    Args:
        pcm: int16, mono, 8 kHz, clean speech.
        first, last: only gaps whose middle lies in this part of the speech, as fractions.

    Returns:
        (start, end) of each in seconds, the longest first.
    """
    blocks = len(pcm) // BLOCK_SAMPLES
    samples = pcm[: blocks * BLOCK_SAMPLES].astype(np.float64).reshape(blocks, BLOCK_SAMPLES)
    power = np.mean(samples**2, axis=1)
    is_loud = power > power.max() * 10 ** (-GAP_BELOW_PEAK_DB / 10)
    loud = np.flatnonzero(is_loud)
    if not loud.size:
        return []
    begin, end = int(loud[0]), int(loud[-1]) + 1
    gaps = []
    for before, after in zip(loud, loud[1:], strict=False):
        length = int(after - before) - 1
        place = ((before + 1 + after) / 2 - begin) / (end - begin)
        if length * BLOCK_SAMPLES >= SHORTEST_GAP_S * RATE_HZ and first <= place <= last:
            gaps.append((float(before + 1) * _BLOCK_S, float(after) * _BLOCK_S))
    return sorted(gaps, key=lambda gap: gap[0] - gap[1])


def line_noise(duration_s: float, seed: int) -> NDArray[np.int16]:
    """The noise of an idle line: int16, 8 kHz, white, at `NOISE_DBFS`."""
    scale = 32768 * 10 ** (NOISE_DBFS / 20)
    noise = np.random.default_rng(seed).normal(0.0, scale, round(duration_s * RATE_HZ))
    return np.clip(np.rint(noise), -32768, 32767).astype(np.int16)


def splice_pause(
    pcm: NDArray[np.int16], gap: tuple[float, float], pause_s: float, *, seed: int = 1
) -> NDArray[np.int16]:
    """Make one gap between two words `pause_s` long, filled with line noise.

    The recording's own gap counts: what is added is `pause_s` less its length, in its middle, so
    that the whole silence between the words is `pause_s`. Every sample of the recording stays.

    Raises:
        ValueError: the gap is already longer.
    """
    start_s, end_s = gap
    added_s = pause_s - (end_s - start_s)
    if added_s < 0:
        raise ValueError(f"the gap is {end_s - start_s:.2f} s long, longer than {pause_s} s")
    middle = round((start_s + end_s) / 2 * RATE_HZ)
    noise = line_noise(added_s, seed)
    fade = min(round(FADE_S * RATE_HZ), len(noise) // 2)
    if fade:
        ramp = np.linspace(0, 1, fade)
        noise[:fade] = (noise[:fade] * ramp).astype(np.int16)
        noise[-fade:] = (noise[-fade:] * ramp[::-1]).astype(np.int16)
    return np.concatenate([pcm[:middle], noise, pcm[middle:]])


def choose_gap(pcm: NDArray[np.int16], at_s: float) -> tuple[float, float]:
    """The gap between words that contains this moment, as (start, end) in seconds.

    Raises:
        ValueError: no gap does.
    """
    for start_s, end_s in find_gaps(pcm, first=0.0, last=1.0):
        if start_s <= at_s <= end_s:
            return start_s, end_s
    raise ValueError(f"there is no gap between words at {at_s} s")
