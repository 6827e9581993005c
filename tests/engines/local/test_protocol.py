"""Frames survive any chunking, and strangers are refused."""

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from voxd.engines.local.protocol import (
    MAX_FRAME_BYTES,
    Frame,
    FrameDecoder,
    MessageType,
    ProtocolError,
    encode_frame,
)

json_values = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner),
    max_leaves=8,
)
frames = st.builds(
    Frame,
    st.sampled_from(MessageType),
    st.dictionaries(st.text(max_size=8).filter(lambda key: key != "type"), json_values, max_size=4),
    st.binary(max_size=300),
)


@given(st.lists(frames, max_size=5), st.lists(st.integers(1, 97), min_size=1, max_size=20))
def test_any_chunking_gives_the_same_frames(sent: list[Frame], sizes: list[int]) -> None:
    wire = b"".join(encode_frame(frame) for frame in sent)
    decoder, received, position, turn = FrameDecoder(), [], 0, 0
    while position < len(wire):
        size = sizes[turn % len(sizes)]
        received += decoder.feed(wire[position : position + size])
        position, turn = position + size, turn + 1
    assert received == sent


@given(st.binary(min_size=8, max_size=400))
def test_garbage_is_refused_or_waited_for_but_never_anything_else(wire: bytes) -> None:
    try:
        list(FrameDecoder().feed(wire))
    except ProtocolError:
        pass


def test_a_frame_above_the_bound_is_refused_before_its_bytes_come() -> None:
    with pytest.raises(ProtocolError):
        list(FrameDecoder().feed(struct.pack(">II", 10, MAX_FRAME_BYTES)))


@pytest.mark.parametrize(
    "header", [b"[]", b"{}", b'{"type": "nonsense"}', b"\xff", b'{"type": {}}']
)
def test_a_header_that_is_no_message_is_refused(header: bytes) -> None:
    with pytest.raises(ProtocolError):
        list(FrameDecoder().feed(struct.pack(">II", len(header), 0) + header))


def test_a_frame_about_no_request_has_id_minus_one() -> None:
    assert Frame(MessageType.HEARTBEAT).id == -1
    assert Frame(MessageType.DONE, {"id": "7"}).id == -1
