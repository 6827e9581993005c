from hypothesis import given
from hypothesis import strategies as st

from voxd.audio.framing import FrameCutter


@given(chunks=st.lists(st.binary(max_size=700), max_size=12))
def test_any_chunking_gives_the_same_frames(chunks: list[bytes]) -> None:
    cutter, whole = FrameCutter(), FrameCutter()
    frames = [frame for chunk in chunks for frame in cutter.push(chunk)] + cutter.flush()
    joined = b"".join(chunks)
    assert frames == whole.push(joined) + whole.flush()
    assert all(len(frame) == 160 for frame in frames)
    assert b"".join(frames)[: len(joined)] == joined


def test_the_last_frame_is_padded_with_silence() -> None:
    cutter = FrameCutter()
    assert cutter.push(b"\x01" * 161) == [b"\x01" * 160]
    assert cutter.flush() == [b"\x01" + b"\xff" * 159]


def test_nothing_left_means_no_padding() -> None:
    cutter = FrameCutter()
    cutter.push(b"\x01" * 320)
    assert cutter.flush() == []


def test_a_flush_leaves_nothing_for_the_next_clause() -> None:
    cutter = FrameCutter()
    cutter.push(b"\x01" * 10)
    cutter.flush()
    assert cutter.push(b"\x02" * 160) == [b"\x02" * 160]


def test_what_is_no_frame_yet_can_be_taken_out() -> None:
    cutter = FrameCutter()
    cutter.push(b"\x01" * 170)
    assert cutter.take() == b"\x01" * 10
    assert cutter.flush() == []
