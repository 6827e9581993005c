"""Keys of a telephone as sound: dual tones (DTMF) in the line's own format. Pure.

Source: ITU-T Q.23 (the pairs of frequencies) and Q.24 (how long and how loud: 40 ms of tone and
40 ms of silence at least; each tone here is 8 dB below full scale, two of them 2 dB below it).
"""

import numpy as np
import numpy.typing as npt

from voxd.audio.g711 import encode_mulaw

RATE_HZ = 8000
TONE_S = 0.1
GAP_S = 0.1
"""Longer than the standard asks: a media stream passes a jitter buffer on its way."""
WAIT_S = 0.5
"""What `w` stands for."""
AMPLITUDE = 0.4 * 32_124
"""Of each of the two tones; full scale of mu-law is 32,124."""

_ROWS_HZ = (697, 770, 852, 941)
_COLUMNS_HZ = (1209, 1336, 1477, 1633)
_KEYS = ("123A", "456B", "789C", "*0#D")
_TONES_HZ = {
    key: (row, column)
    for row, keys in zip(_ROWS_HZ, _KEYS, strict=True)
    for column, key in zip(_COLUMNS_HZ, keys, strict=True)
}


def encode_digits(digits: str) -> bytes:
    """The tones of a sequence of keys.

    Args:
        digits: of `0123456789*#ABCD` and `w`.

    Returns:
        mu-law, 8000 Hz, mono; each key is followed by silence.

    Raises:
        KeyError: no telephone has such a key.
    """
    parts = [_silence(WAIT_S) if key == "w" else _tone(*_TONES_HZ[key]) for key in digits]
    pcm = np.concatenate(parts) if parts else np.zeros(0, np.int16)
    return encode_mulaw(pcm)


def _tone(low_hz: int, high_hz: int) -> npt.NDArray[np.int16]:
    """int16, shape (samples,), mono, 8000 Hz: the tone, then silence."""
    at = np.arange(int(TONE_S * RATE_HZ)) / RATE_HZ
    both = np.sin(2 * np.pi * low_hz * at) + np.sin(2 * np.pi * high_hz * at)
    return np.concatenate([(AMPLITUDE * both).astype(np.int16), _silence(GAP_S)])


def _silence(seconds: float) -> npt.NDArray[np.int16]:
    return np.zeros(int(seconds * RATE_HZ), np.int16)
