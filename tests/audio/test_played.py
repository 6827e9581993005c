"""What the far end was playing can be asked for later."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

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


@given(
    st.lists(st.tuples(st.sampled_from([0xFF, 0x7F, LOUD]), st.integers(1, 5)), max_size=12),
    st.integers(0, 60),
    st.integers(0, 60),
)
def test_it_has_sound_where_the_samples_are_not_all_zero(
    pieces: list[tuple[int, int]], first: int, count: int
) -> None:
    played, at = PlayedAudio(), 10.0
    for byte, frames in pieces:
        played.write(bytes([byte]) * 160 * frames, at)
        at += 0.02 * frames + (0.01 if frames == 3 else 0.0)
    begin, end = 9.9 + first / 50, 9.9 + (first + count) / 50
    assert played.has_sound(begin, end) == played.between(begin, end).any()
