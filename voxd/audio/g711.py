"""G.711 mu-law, the line's only format, to linear PCM and back. Pure; table driven.

Called by the listener for each 20 ms of the caller and by the text-to-speech worker for each
piece of the agent, so both directions are one table look-up.

Source: ITU-T G.711 table 2a and the ITU's own reference code, G.191 `ulaw_compress` and
`ulaw_expand` (14-bit arithmetic in the upper bits of a 16-bit sample; negative samples are
complemented, not negated). Python's `audioop`, removed in 3.13, differs from it on negative
samples at interval borders, by one step at most.
"""

import numpy as np
import numpy.typing as npt

_BIAS = 33
"""Added to the 14-bit magnitude, so that segment borders fall on powers of two."""
_MAX_MAGNITUDE = 0x1FFF
"""Largest biased 14-bit magnitude; louder samples clip."""


def decode_mulaw(mulaw: bytes) -> npt.NDArray[np.int16]:
    """Expand mu-law to linear PCM.

    Returns:
        int16, shape (len(mulaw),), same rate as the input; full scale is ±32124. Writable.
    """
    return _EXPAND.take(np.frombuffer(mulaw, dtype=np.uint8))


def encode_mulaw(pcm: npt.NDArray[np.int16]) -> bytes:
    """Compress linear PCM to mu-law.

    Args:
        pcm: int16, one dimension; magnitudes above 32635 clip, as in every encoder.

    Returns:
        One byte a sample. `decode_mulaw` of it is within half a step of the segment, and encoding
        a decoded byte gives it back (but 0x7F, "minus zero", becomes 0xFF).
    """
    if pcm.dtype != np.int16:
        raise TypeError(f"mu-law is made from int16, not {pcm.dtype}")
    return _COMPRESS[pcm.view(np.uint16)].tobytes()


def _build_expand() -> npt.NDArray[np.int16]:
    inverted = ~np.arange(256, dtype=np.int32) & 0xFF
    exponent = (inverted >> 4) & 7
    mantissa = inverted & 0x0F
    magnitude = (((mantissa << 1) + _BIAS) << exponent) - _BIAS
    # The sign bit was inverted as well: set after the inversion means negative.
    return np.where(inverted & 0x80, -magnitude, magnitude).astype(np.int16) * np.int16(4)


def _build_compress() -> npt.NDArray[np.uint8]:
    pcm = np.arange(65536, dtype=np.uint16).view(np.int16).astype(np.int32)
    magnitude = np.where(pcm < 0, ~pcm, pcm) >> 2
    biased = np.minimum(magnitude + _BIAS, _MAX_MAGNITUDE)
    # Segment 0..7 is the place of the leading one, 5 bits below it are kept as 1 + mantissa.
    segment = np.frexp(biased)[1] - 6
    mantissa = (biased >> (segment + 1)) & 0x0F
    code = (~((segment << 4) | mantissa) & 0x7F) | np.where(pcm < 0, 0, 0x80)
    table: npt.NDArray[np.uint8] = code.astype(np.uint8)
    return table


_EXPAND = _build_expand()
_COMPRESS = _build_compress()
