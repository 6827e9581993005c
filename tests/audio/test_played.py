"""What the far end was playing can be asked for later."""

import numpy as np

from voxd.audio.g711 import decode_mulaw
from voxd.audio.played import KEPT_S, PlayedAudio

LOUD, OTHER = 0x10, 0x20


def level(byte: int) -> int:
    return int(decode_mulaw(bytes([byte]))[0])


def test_a_stretch_has_what_was_heard_in_it_and_zeros_elsewhere() -> None:
    played = PlayedAudio()
    played.write(bytes([LOUD]) * 160, 10.0)
    played.write(bytes([OTHER]) * 160, 10.04)
    heard = played.between(9.99, 10.07)
    assert len(heard) == 640
    expected = [(0, 80), (level(LOUD), 160), (0, 160), (level(OTHER), 160), (0, 80)]
    assert heard.tolist() == [value for value, count in expected for _ in range(count)]


def test_what_was_cut_was_not_heard() -> None:
    played = PlayedAudio()
    played.write(bytes([LOUD]) * 160, 10.0)
    played.write(bytes([OTHER]) * 160, 10.02)
    played.cut(10.01)
    heard = played.between(10.0, 10.04)
    assert heard[:80].tolist() == [level(LOUD)] * 80
    assert not heard[80:].any()


def test_only_the_recent_past_is_kept() -> None:
    played = PlayedAudio()
    for number in range(1000):
        played.write(bytes([LOUD]) * 160, number * 0.02)
    assert len(played._pieces) <= KEPT_S / 0.02 + 2
    assert np.all(played.between(19.0, 20.0) == level(LOUD))


def test_before_anything_was_said_there_is_silence() -> None:
    assert not PlayedAudio().between(1.0, 1.5).any()
