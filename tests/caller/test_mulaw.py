import numpy as np

from voxd.caller import mulaw

CODES = bytes(range(256))


def compress_by_formula(sample: int) -> int:
    """ITU-T G.711 mu-law in 14-bit terms, one sample at a time, as the standard words it."""
    sign = 0x80 if sample < 0 else 0
    magnitude = min(abs(sample), 32635) + 132
    segment = magnitude.bit_length() - 8
    return ~(sign | segment << 4 | (magnitude >> segment + 3) & 0x0F) & 0xFF


def test_every_sample_is_encoded_as_the_formula_says() -> None:
    samples = np.arange(-32768, 32768, dtype=np.int32).astype(np.int16)
    assert list(mulaw.encode(samples)) == [compress_by_formula(int(s)) for s in samples]


def test_published_end_points_of_the_segments_decode_exactly() -> None:
    # G.711 table 2a, decoder output values y (14 bit) times four.
    known = {0x80: 32124, 0x8F: 16764, 0x9F: 8316, 0xAF: 4092, 0xBF: 1980, 0xCF: 924}
    known |= {0xDF: 396, 0xEF: 132, 0xFF: 0, 0x00: -32124, 0x7F: 0, 0x7E: -8}
    decoded = mulaw.decode(CODES)
    assert {code: int(decoded[code]) for code in known} == known


def test_codes_survive_the_round_trip_but_for_negative_zero() -> None:
    assert mulaw.encode(mulaw.decode(CODES)) == CODES.replace(b"\x7f", b"\xff")


def test_error_stays_within_half_a_step() -> None:
    samples = np.arange(-32124, 32125, dtype=np.int32).astype(np.int16)
    error = np.abs(mulaw.decode(mulaw.encode(samples)).astype(int) - samples)
    assert np.all(error <= np.maximum(4, np.abs(samples.astype(int)) / 32 + 4.2))


def test_power_is_relative_to_full_scale() -> None:
    assert mulaw.power(b"\xff")[0] == 0
    assert np.isclose(mulaw.power(b"\x80")[0], (32124 / 32768) ** 2)
