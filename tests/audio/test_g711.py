import warnings

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from voxd.audio.g711 import decode_mulaw, encode_mulaw

ALL_PCM = np.arange(-32768, 32768).astype(np.int16)
ALL_BYTES = bytes(range(256))


def itu_expand(code: int) -> int:
    """ITU-T G.191 ulaw_expand, one value, as the standard's C code has it."""
    sign = -1 if code < 0x80 else 1
    inverted = ~code
    exponent = (inverted >> 4) & 0x07
    mantissa = inverted & 0x0F
    step = 4 << (exponent + 1)
    return sign * ((0x80 << exponent) + step * mantissa + step // 2 - 4 * 33)


def itu_compress(sample: int) -> int:
    """ITU-T G.191 ulaw_compress, one value, as the standard's C code has it."""
    magnitude = min(((~sample if sample < 0 else sample) >> 2) + 33, 0x1FFF)
    segment = 1
    rest = magnitude >> 6
    while rest:
        segment += 1
        rest >>= 1
    code = (0x08 - segment) << 4 | 0x0F - (magnitude >> segment & 0x0F)
    return code | 0x80 if sample >= 0 else code


def test_every_byte_expands_as_the_itu_code_does() -> None:
    assert decode_mulaw(ALL_BYTES).tolist() == [itu_expand(code) for code in ALL_BYTES]


def test_every_sample_compresses_as_the_itu_code_does() -> None:
    assert list(encode_mulaw(ALL_PCM)) == [itu_compress(int(sample)) for sample in ALL_PCM]


def test_full_scale_and_silence_are_the_documented_values() -> None:
    assert decode_mulaw(b"\x80\x00\xff\x7f").tolist() == [32124, -32124, 0, 0]
    assert encode_mulaw(np.array([0, 32767, -32768], np.int16)) == b"\xff\x80\x00"


def test_a_decoded_byte_encodes_to_itself_but_for_minus_zero() -> None:
    assert encode_mulaw(decode_mulaw(ALL_BYTES)) == ALL_BYTES.replace(b"\x7f", b"\xff")


def test_encoding_is_right_to_half_a_step() -> None:
    codes = np.frombuffer(encode_mulaw(ALL_PCM), np.uint8).astype(int)
    half_step = 4 << (~codes >> 4 & 7)
    error = np.abs(decode_mulaw(codes.astype(np.uint8).tobytes()).astype(int) - ALL_PCM)
    is_clipped = np.abs(ALL_PCM.astype(int)) > 32635
    # The low two bits are not looked at (14-bit arithmetic).
    assert np.all((error <= half_step + 3) | is_clipped)


def test_audioop_differs_by_one_step_at_most() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        audioop = pytest.importorskip("audioop", reason="gone from Python 3.13 on")
    assert audioop.ulaw2lin(ALL_BYTES, 2) == decode_mulaw(ALL_BYTES).tobytes()
    theirs = audioop.lin2ulaw(ALL_PCM.tobytes(), 2)
    ours = encode_mulaw(ALL_PCM)
    positive = ALL_PCM >= 0
    difference = np.frombuffer(ours, np.uint8).astype(int) - np.frombuffer(theirs, np.uint8)
    assert not difference[positive].any()
    assert np.abs(difference).max() <= 1


def test_only_int16_is_encoded() -> None:
    with pytest.raises(TypeError, match="float32"):
        encode_mulaw(np.zeros(3, np.float32))  # type: ignore[arg-type]


@given(mulaw=st.binary(max_size=400), cut=st.integers(0, 400))
def test_any_chunking_gives_the_same_samples(mulaw: bytes, cut: int) -> None:
    parts = [decode_mulaw(mulaw[:cut]), decode_mulaw(mulaw[cut:])]
    assert np.array_equal(np.concatenate(parts), decode_mulaw(mulaw))
    assert b"".join(map(encode_mulaw, parts)) == encode_mulaw(decode_mulaw(mulaw))
