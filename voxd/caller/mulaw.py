"""G.711 mu-law by its formula. Pure; the caller's own, so that it checks the daemon's.

Both directions are table look-ups; the tables are computed once from ITU-T G.711's segments
(bias 33 in 14-bit units, that is 132 in 16-bit units; clip at 8158, that is 32635).
"""

import numpy as np
from numpy.typing import NDArray

RATE_HZ = 8000
"""Samples a second on the line."""
SILENCE = 0xFF
"""The code of a zero sample."""

_BIAS = 132
_CLIP = 32635


def _decoding_table() -> NDArray[np.int16]:
    codes = ~np.arange(256, dtype=np.uint8)  # all bits are sent inverted
    segment = (codes >> 4 & 0x07).astype(np.int32)
    step = (codes & 0x0F).astype(np.int32)
    magnitude = ((step * 8 + _BIAS) << segment) - _BIAS
    return np.where(codes & 0x80, -magnitude, magnitude).astype(np.int16)


def _encoding_table() -> NDArray[np.uint8]:
    samples = np.arange(-32768, 32768, dtype=np.int32)
    magnitude = np.minimum(np.abs(samples), _CLIP) + _BIAS
    segment = np.floor(np.log2(magnitude)).astype(np.int32) - 7
    step = (magnitude >> (segment + 3)) & 0x0F
    sign = np.where(samples < 0, 0x80, 0)
    codes: NDArray[np.uint8] = (~(sign | segment << 4 | step) & 0xFF).astype(np.uint8)
    return codes


_DECODED = _decoding_table()
_ENCODED = _encoding_table()
_POWER = (_DECODED.astype(np.float32) / 32768.0) ** 2


def decode(mulaw: bytes) -> NDArray[np.int16]:
    """Expand mu-law to linear PCM: int16, one sample a byte, full scale ±32124."""
    return _DECODED[np.frombuffer(mulaw, np.uint8)]


def encode(pcm: NDArray[np.int16]) -> bytes:
    """Compress linear PCM (int16) to mu-law, one byte a sample."""
    return bytes(_ENCODED[pcm.astype(np.int32) + 32768].tobytes())


def power(mulaw: bytes) -> NDArray[np.float32]:
    """Return the square of each sample, relative to a full-scale sample (0 to 1)."""
    return _POWER[np.frombuffer(mulaw, np.uint8)]
