"""What a short stretch of sound is like: pitch, level and spectrum, frame by frame. Pure.

Used by `interruption` on some 200 ms at a time: 20 frames, about 0.3 ms of work.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from voxd.line import LINE_RATE_HZ

Floats = npt.NDArray[np.float64]

HOP_S = 0.01
WINDOW_S = 0.032
"""Two periods of the deepest voice (62 Hz)."""
_HOP = round(HOP_S * LINE_RATE_HZ)
_WINDOW = round(WINDOW_S * LINE_RATE_HZ)
_FFT = 512
_PRE_EMPHASIS = 0.9
"""Flattens the slope of speech and of rumble: what is only low is not periodic then."""
_LAGS = slice(LINE_RATE_HZ // 400, LINE_RATE_HZ // 62 + 1)
"""Pitch from 62 to 400 Hz."""
_LONG_LAG_COST = 0.05
"""Strength that a pitch at the longest lag must have more than one at the shortest: every multiple
of a period is one, too."""
_FULL_SCALE_DB = 20 * np.log10(32768.0)
_HANN = np.hanning(_WINDOW + 2)[1:-1]
_HANN_CORRELATION = np.fft.irfft(np.abs(np.fft.rfft(_HANN, _FFT)) ** 2)[: _WINDOW // 2 + 8]
_LAG_COSTS = np.linspace(0.0, _LONG_LAG_COST, _LAGS.stop - _LAGS.start)
_BANDS_HZ = (200, 500, 800, 1200, 1700, 2400, 3400)
_TONE_BIN = round(400 * _FFT / LINE_RATE_HZ)
_TONE_BINS = 7
"""The width of a tone through this window."""
_BAND_BINS = [round(hz * _FFT / LINE_RATE_HZ) for hz in _BANDS_HZ]


@dataclass(frozen=True, slots=True)
class Frames:
    """Every `HOP_S` of a stretch; arrays of the same length, float64."""

    level_dbfs: Floats
    """RMS, 0 for a square wave at full scale."""
    strength: Floats
    """How periodic it is: 1 for a pure tone, some 0.3 for noise, above 0.6 for vowels."""
    pitch_hz: Floats
    """The pitch that this periodicity has, 62 to 400."""
    bands_db: Floats
    """Two-dimensional: the level of six bands from 200 to 3400 Hz in each frame."""
    tone: Floats
    """Share of the energy in the strongest 110 Hz above 400 Hz: near 1 for whistles and beeps, but
    not for a high voice's "oo", which is one harmonic as well, below that."""


def analyse(pcm: npt.NDArray[np.int16]) -> Frames:
    """Look at a stretch of at least `WINDOW_S` of sound at 8000 Hz.

    Returns:
        One frame for each `HOP_S` in which a whole window ends, the last with the stretch itself:
        nothing of the newest sound is left out. None for a shorter stretch.
    """
    count = max(0, (len(pcm) - _WINDOW) // _HOP + 1)
    signal = pcm[(len(pcm) - _WINDOW) % _HOP if count else 0 :].astype(np.float64)
    if not count:
        none = np.zeros(0)
        return Frames(none, none, none, np.zeros((0, len(_BANDS_HZ) - 1)), none)
    windows = np.lib.stride_tricks.sliding_window_view(signal, _WINDOW)[::_HOP][:count] * _HANN
    power = np.abs(np.fft.rfft(windows, _FFT, axis=1)) ** 2 + 1e-3
    energy = np.sum(windows**2, axis=1) / np.sum(_HANN**2) + 1e-3
    bands = np.stack(
        [
            power[:, low:high].sum(axis=1)
            for low, high in zip(_BAND_BINS, _BAND_BINS[1:], strict=False)
        ],
        axis=1,
    )
    strength, pitch_hz = _periodicity(signal, count)
    sums = np.cumsum(power, axis=1)
    tones = sums[:, _TONE_BIN + _TONE_BINS :] - sums[:, _TONE_BIN:-_TONE_BINS]
    total = sums[:, -1] - sums[:, _BAND_BINS[0]]
    return Frames(
        level_dbfs=10 * np.log10(energy) - _FULL_SCALE_DB,
        strength=strength,
        pitch_hz=pitch_hz,
        bands_db=10 * np.log10(bands),
        tone=tones.max(axis=1) / total,
    )


def _periodicity(signal: Floats, count: int) -> tuple[Floats, Floats]:
    """The highest peak of each frame's autocorrelation, corrected for the window's own (Boersma
    1993), and the pitch where it is."""
    flat = np.append(signal[:1], signal[1:] - _PRE_EMPHASIS * signal[:-1])
    windows = np.lib.stride_tricks.sliding_window_view(flat, _WINDOW)[::_HOP][:count] * _HANN
    windows = windows - windows.mean(axis=1, keepdims=True)
    power = np.abs(np.fft.rfft(windows, _FFT, axis=1)) ** 2
    correlation = np.fft.irfft(power, axis=1)
    zero = correlation[:, :1] + 1e-3
    corrected = correlation[:, _LAGS] / zero * (_HANN_CORRELATION[0] / _HANN_CORRELATION[_LAGS])
    best = np.argmax(corrected - _LAG_COSTS, axis=1)
    strength = np.clip(corrected[np.arange(count), best], 0.0, 1.0)
    return strength, LINE_RATE_HZ / (best + float(_LAGS.start))
