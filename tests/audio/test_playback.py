import pytest
from hypothesis import given
from hypothesis import strategies as st

from voxd.audio.playback import PlaybackModel


def test_the_first_write_is_heard_at_once_and_is_no_gap() -> None:
    model = PlaybackModel()
    assert model.write(0.5, at=10.0) == 10.0
    assert model.last_gap_s == 0.0
    assert model.ends_at == 10.5


def test_audio_waits_behind_what_is_buffered() -> None:
    model = PlaybackModel()
    model.write(0.5, at=10.0)
    assert model.write(0.2, at=10.1) == 10.5
    assert model.last_gap_s == 0.0
    assert model.buffered_s(10.2) == pytest.approx(0.5)


def test_a_late_write_finds_the_gap() -> None:
    model = PlaybackModel()
    model.write(0.5, at=10.0)
    assert model.write(0.5, at=10.8) == 10.8
    assert model.last_gap_s == pytest.approx(0.3)


def test_a_clear_drops_what_was_not_heard_and_leaves_no_gap() -> None:
    model = PlaybackModel()
    model.write(2.0, at=10.0)
    assert model.clear(at=10.5) == pytest.approx(1.5)
    assert model.buffered_s(10.5) == 0.0
    assert model.ends_at == 10.5
    assert model.write(0.5, at=12.0) == 12.0
    assert model.last_gap_s == 0.0


def test_a_clear_of_an_empty_buffer_drops_nothing() -> None:
    model = PlaybackModel()
    model.write(0.5, at=10.0)
    assert model.clear(at=11.0) == 0.0
    assert model.ends_at == 10.5


@given(writes=st.lists(st.tuples(st.floats(0, 1), st.floats(0.001, 1)), max_size=30))
def test_what_was_written_is_heard_in_order_without_overlap(
    writes: list[tuple[float, float]],
) -> None:
    model, at, last_end = PlaybackModel(), 0.0, 0.0
    for wait_s, duration_s in writes:
        at += wait_s
        heard_at = model.write(duration_s, at)
        assert heard_at >= max(at, last_end)
        last_end = model.ends_at
        assert last_end == heard_at + duration_s
