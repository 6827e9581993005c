"""How loud a rendering is, making it as loud as the others, and the silence around it. Pure.

Called by the text-to-speech worker on each clause, and by tests and benches. Levels are dBFS
with 0 = a square wave at full scale, so that a full-scale sine is at -3.

PCM is int16, or float32 in -1…1; results keep the dtype of the argument.
"""

from typing import TypeVar

import numpy as np
import numpy.typing as npt

from voxd.line import LINE_RATE_HZ

Sample = TypeVar("Sample", np.int16, np.float32)

SILENCE_DBFS = -100.0
"""The level of digital silence, and the lowest there is."""

_INT16_SCALE = 32768.0
_BLOCK_S = 0.02
"""Loud parts are found in blocks of this length, about one pitch period of a deep voice."""
_LOUD_RANGE_DB = 12.0
"""Loud parts lie within this of the block mean of the louder half: vowels, not consonants."""
_MAX_GAIN_DB = 20.0
"""A rendering quieter than this below the target is noise, not speech to be raised."""
_LIMIT_STEP_S = 0.001
_LIMIT_REACH_STEPS = 5
"""The limiter turns down this many steps (5 ms) ahead of a peak, short enough to stay unheard
as a change of loudness, long enough not to be heard as distortion."""
_QUIET_RANGE_DB = 45.0
"""Further than this below the loud parts is silence. Piper: vowels around -14 dBFS, the first
consonant from -50 on, its own silence at -85 to -92 (measured, en_US-joe-medium)."""
_TRIM_STEP_S = 0.005


def rms_dbfs(pcm: npt.NDArray[Sample]) -> float:
    """Return the level of everything in `pcm`; `SILENCE_DBFS` when it is empty."""
    return _to_db(float(np.mean(np.square(_as_float(pcm))))) if len(pcm) else SILENCE_DBFS


def loud_dbfs(pcm: npt.NDArray[Sample], *, rate_hz: int = LINE_RATE_HZ) -> float:
    """Return the level of the loud parts: pauses and soft consonants do not count."""
    power = _block_power(_as_float(pcm), round(_BLOCK_S * rate_hz))
    if not len(power):
        return rms_dbfs(pcm)
    # Two passes as in EBU R 128: a first mean, then only what is near it.
    upper = np.sort(power)[len(power) // 2 :]
    gate = float(np.mean(upper)) * 10 ** (-_LOUD_RANGE_DB / 10)
    return _to_db(float(np.mean(power[power >= gate])))


def normalize(
    pcm: npt.NDArray[Sample],
    level_dbfs: float,
    peak_dbfs: float = -1.0,
    *,
    rate_hz: int = LINE_RATE_HZ,
) -> npt.NDArray[Sample]:
    """Bring the loud parts to a level and hold the peaks below a limit.

    Args:
        level_dbfs: wanted level of the loud parts.
        peak_dbfs: no sample is louder; a limiter turns down around peaks, nothing is clipped.
        rate_hz: samples a second of `pcm`.

    Returns:
        A new array, same length and dtype. Silence stays silence; what lies more than 20 dB
        below the target is raised by 20 dB only.
    """
    signal = _as_float(pcm)
    gain_db = min(level_dbfs - loud_dbfs(pcm, rate_hz=rate_hz), _MAX_GAIN_DB)
    signal = signal * np.float32(10 ** (gain_db / 20))
    return _as_dtype(_limit(signal, 10 ** (peak_dbfs / 20), rate_hz), pcm.dtype)


def trim_silence(
    pcm: npt.NDArray[Sample],
    *,
    rate_hz: int = LINE_RATE_HZ,
    lead_s: float = 0.01,
    tail_s: float = 0.1,
) -> npt.NDArray[Sample]:
    """Shorten the silence before and after a clause; never lengthens it.

    The first is time that the caller waits for nothing, the last is the pause before the next
    clause.

    Args:
        lead_s: silence to keep before the sound, seconds.
        tail_s: silence to keep after it, seconds.

    Returns:
        A view of `pcm`; empty when there is only silence.
    """
    step = round(_TRIM_STEP_S * rate_hz)
    power = _block_power(_as_float(pcm), step)
    quiet_db = max(loud_dbfs(pcm, rate_hz=rate_hz) - _QUIET_RANGE_DB, SILENCE_DBFS + 1)
    sounding = np.flatnonzero(power > 10 ** (quiet_db / 10))
    if not len(sounding):
        return pcm[:0]
    start = int(sounding[0]) * step - round(lead_s * rate_hz)
    end = (int(sounding[-1]) + 1) * step + round(tail_s * rate_hz)
    return pcm[max(0, start) : end]


def _limit(signal: npt.NDArray[np.float32], peak: float, rate_hz: int) -> npt.NDArray[np.float32]:
    """Turn `signal` down smoothly around the places where it exceeds `peak`."""
    if not len(signal) or float(np.max(np.abs(signal))) <= peak:
        return signal
    step = max(1, round(_LIMIT_STEP_S * rate_hz))
    steps = -(-len(signal) // step)
    padded = np.zeros(steps * step, dtype=np.float32)
    padded[: len(signal)] = np.abs(signal)
    needed = np.minimum(1.0, peak / np.maximum(padded.reshape(steps, step).max(axis=1), 1e-9))
    # The minimum reaches one step further than the average that smooths it, so the average,
    # interpolated between the middles of two steps, is nowhere above what either step needs.
    reach = _LIMIT_REACH_STEPS
    held = np.pad(needed, 2 * reach + 1, constant_values=1.0)
    held = np.lib.stride_tricks.sliding_window_view(held, 2 * (reach + 1) + 1).min(axis=1)
    window = np.hanning(2 * reach + 1)
    gain = np.convolve(held, window / window.sum(), mode="valid")
    middles = np.arange(len(gain)) * step + (step - 1) / 2
    offset = (len(gain) - steps) // 2 * step
    curve = np.interp(np.arange(len(signal)) + offset, middles, gain)
    return (signal * curve).astype(np.float32)


def _block_power(signal: npt.NDArray[np.float32], block: int) -> npt.NDArray[np.float64]:
    """Return the mean square of each block; a last block that is not whole counts as one."""
    if not len(signal):
        return np.zeros(0)
    starts = np.arange(0, len(signal), block)
    sums = np.add.reduceat(np.square(signal, dtype=np.float64), starts)
    lengths = np.minimum(block, len(signal) - starts)
    power: npt.NDArray[np.float64] = sums / lengths
    return power


def _as_float(pcm: npt.NDArray[Sample]) -> npt.NDArray[np.float32]:
    if pcm.dtype == np.int16:
        return pcm.astype(np.float32) / np.float32(_INT16_SCALE)
    return pcm.astype(np.float32, copy=False)


def _as_dtype(signal: npt.NDArray[np.float32], dtype: np.dtype[Sample]) -> npt.NDArray[Sample]:
    if dtype == np.int16:
        scaled: npt.NDArray[np.float32] = np.clip(np.rint(signal * _INT16_SCALE), -32768, 32767)
        return scaled.astype(dtype)
    return signal.astype(dtype, copy=False)


def _to_db(power: float) -> float:
    return max(SILENCE_DBFS, 10 * float(np.log10(max(power, 1e-12))))
