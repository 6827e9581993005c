"""Seconds of the stream become audio time, across gaps, drift and filler."""

import pytest

from voxd.engines.stt.stream_time import MAX_STRETCHES, StreamTime


def test_audio_without_gaps_keeps_its_offset() -> None:
    time = StreamTime()
    for number in range(1, 101):
        time.push(160, 50.0 + number * 0.02)
    assert time.seconds == 2.0
    assert time.to_audio(1.5) == pytest.approx(51.5)


def test_a_gap_on_the_line_is_no_second_of_the_stream() -> None:
    time = StreamTime()
    time.push(8000, 11.0)
    time.push(8000, 20.0)
    assert time.to_audio(1.0) == pytest.approx(11.0)
    assert time.to_audio(1.5) == pytest.approx(19.5)


def test_filler_maps_to_the_edge_of_the_next_audio() -> None:
    time = StreamTime()
    time.push(640, None)
    time.push(8000, 31.0)
    assert time.to_audio(0.04) == pytest.approx(30.0)
    assert time.to_audio(0.08 + 0.5) == pytest.approx(30.5)


def test_slow_drift_does_not_add_up() -> None:
    time = StreamTime()
    for number in range(1, 5001):
        time.push(160, number * 0.02 + number * 0.0002)
    assert time.to_audio(50.0) == pytest.approx(50.5, abs=0.002)


def test_beyond_what_was_pushed_is_its_end() -> None:
    time = StreamTime()
    assert time.to_audio(1.0) == float("-inf")
    time.push(8000, 5.0)
    assert time.to_audio(9.0) == pytest.approx(5.0)


def test_memory_is_bounded() -> None:
    time = StreamTime()
    for number in range(3 * MAX_STRETCHES):
        time.push(160, number * 1.0)
    assert len(time._stretches) <= MAX_STRETCHES
    assert time.to_audio(time.seconds) == pytest.approx(3 * MAX_STRETCHES - 1.0)
