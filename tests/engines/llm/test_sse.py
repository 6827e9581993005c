"""Events come out whole, however the bytes are cut."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from voxd.engines.llm.sse import MAX_EVENT_BYTES, EventDecoder, ServerEvent

STREAM = (
    b": a comment\n\n"
    b'data: {"a":1}\n\n'
    b"event: error\r\ndata: {}\r\n\r\n"
    b"id: 7\rdata:two\rdata: lines\r\r"
    b"event: nothing\n\n" + "data: ¿Qué? 🙂\n\n".encode() + b"data: [DONE]\n\ndata: unfinished\n"
)
EVENTS = [
    ServerEvent("message", '{"a":1}'),
    ServerEvent("error", "{}"),
    ServerEvent("message", "two\nlines"),
    ServerEvent("message", "¿Qué? 🙂"),
    ServerEvent("message", "[DONE]"),
]


@given(st.lists(st.integers(0, len(STREAM))))
def test_any_chunking_gives_the_same_events(cuts: list[int]) -> None:
    edges = [0, *sorted(cuts), len(STREAM)]
    decoder = EventDecoder()
    events = []
    for begin, end in zip(edges, edges[1:], strict=False):
        events += decoder.feed(STREAM[begin:end])
    assert events == EVENTS


def test_bytes_one_by_one_give_the_same_events() -> None:
    decoder = EventDecoder()
    assert [
        event for n in range(len(STREAM)) for event in decoder.feed(STREAM[n : n + 1])
    ] == EVENTS


@pytest.mark.parametrize("piece", [b"x" * 65_536, b"data: " + b"x" * 1000 + b"\n"])
def test_an_endless_event_is_refused(piece: bytes) -> None:
    decoder = EventDecoder()
    with pytest.raises(ValueError, match="endless"):
        for _ in range(MAX_EVENT_BYTES // len(piece) + 2):
            list(decoder.feed(piece))


def test_many_events_are_not_an_endless_one() -> None:
    decoder = EventDecoder()
    event = b"data: " + b"x" * 65_536 + b"\n\n"
    assert sum(len(list(decoder.feed(event))) for _ in range(32)) == 32


def test_no_utf8_is_refused() -> None:
    with pytest.raises(ValueError):
        list(EventDecoder().feed(b"data: \xff\n"))


def test_what_came_before_a_broken_event_is_not_lost() -> None:
    events = EventDecoder().feed(b"data: good\n\ndata: \xff\n\n")
    assert next(events) == ServerEvent("message", "good")
    with pytest.raises(ValueError):
        next(events)
