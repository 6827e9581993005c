"""Keys sound as the standard says: two tones each, long and loud enough."""

import numpy as np
import pytest

from voxd.audio.dtmf import encode_digits
from voxd.audio.g711 import decode_mulaw

STANDARD_HZ = {
    "1": (697, 1209),
    "6": (770, 1477),
    "#": (941, 1477),
    "0": (941, 1336),
    "D": (941, 1633),
}


@pytest.mark.parametrize("key", STANDARD_HZ)
def test_a_key_is_its_two_tones(key: str) -> None:
    pcm = decode_mulaw(encode_digits(key))[:800].astype(np.float64)  # 100 ms: steps of 10 Hz
    spectrum = np.abs(np.fft.rfft(pcm * np.hanning(len(pcm))))
    loudest = {10 * int(bin) for bin in np.argsort(spectrum)[-6:]}
    for wanted in STANDARD_HZ[key]:
        assert any(abs(wanted - found) <= 10 for found in loudest), (wanted, loudest)


def test_each_key_is_followed_by_silence_and_w_waits() -> None:
    assert len(encode_digits("12")) == 2 * 1600
    assert len(encode_digits("w")) == 4000
    assert set(encode_digits("w")) == {0xFF}
    assert set(encode_digits("5")[800:]) == {0xFF}
    assert encode_digits("") == b""


def test_it_is_loud_and_not_clipped() -> None:
    pcm = decode_mulaw(encode_digits("5")).astype(int)
    assert 20_000 < np.abs(pcm).max() < 32_000


def test_what_no_telephone_has_is_an_error() -> None:
    with pytest.raises(KeyError):
        encode_digits("x")
