import pytest
from hypothesis import given
from hypothesis import strategies as st

from voxd.audio.clock import AudioClock, Placement

FRAME = 160
FRAME_S = 0.02


def make_clock() -> AudioClock:
    return AudioClock(stall_s=0.5, max_gap_s=1.0)


def run_steadily(clock: AudioClock, frames: int, *, first: int = 0, offset: float = 100.0) -> None:
    """Frames number `first`… arrive exactly when they end, plus `offset`."""
    for index in range(first, first + frames):
        timestamp = index * FRAME_S
        assert place(clock, timestamp, timestamp + FRAME_S + offset).silence_samples == 0


def place(clock: AudioClock, timestamp_s: float, at: float, samples: int = FRAME) -> Placement:
    placement = clock.place(timestamp_s, samples, at)
    assert placement is not None
    return placement


def test_audio_time_is_arrival_without_jitter() -> None:
    clock = make_clock()
    run_steadily(clock, 10)
    late = place(clock, 0.2, 100.22 + 0.08)
    assert late == Placement(0, pytest.approx(100.22))
    assert clock.now == late.end_at


def test_the_smallest_delay_counts() -> None:
    clock = make_clock()
    place(clock, 0.0, 100.12)
    for index in range(1, 200):
        place(clock, index * FRAME_S, 100.02 + index * FRAME_S)
    # The first frame was 100 ms late; the slew has taken that back.
    assert clock.now == pytest.approx(100.02 + 199 * FRAME_S, abs=1e-6)


def test_a_short_gap_becomes_silence() -> None:
    clock = make_clock()
    run_steadily(clock, 10)
    placement = place(clock, 0.5, 100.52)
    assert placement == Placement(round(0.3 * 8000), pytest.approx(100.52))


def test_a_long_gap_is_skipped() -> None:
    clock = make_clock()
    run_steadily(clock, 10)
    assert place(clock, 1.5, 101.52) == Placement(0, pytest.approx(101.52))


def test_rounded_timestamps_of_odd_sizes_are_contiguous() -> None:
    clock = make_clock()
    for index in range(100):
        timestamp = int(index * 12.5) / 1000
        assert place(clock, timestamp, 100 + timestamp + 0.0125, 100).silence_samples == 0


@pytest.mark.parametrize("timestamp_s", [0.18, 0.16, 0.0, 0.185])
def test_repeated_and_old_audio_is_refused(timestamp_s: float) -> None:
    clock = make_clock()
    run_steadily(clock, 10)
    before = clock.now
    assert clock.place(timestamp_s, FRAME, 100.22) is None
    assert clock.now == before
    run_steadily(clock, 5, first=10)


def test_a_repeated_tiny_piece_is_refused() -> None:
    clock = make_clock()
    place(clock, 0.0, 100.0, 8)
    assert clock.place(0.0, 8, 100.001) is None


def test_a_timestamp_far_ahead_is_refused_and_harms_nothing() -> None:
    clock = make_clock()
    run_steadily(clock, 10)
    assert clock.place(500.0, FRAME, 100.22) is None
    run_steadily(clock, 10, first=10)


def test_a_stream_that_starts_over_is_followed_again() -> None:
    clock = make_clock()
    run_steadily(clock, 100)
    at = 102.02
    answers = [clock.place(index * FRAME_S, FRAME, at + index * FRAME_S) for index in range(20)]
    assert answers[:9] == [None] * 9
    assert all(answers[9:])
    assert clock.now == pytest.approx(at + 19 * FRAME_S)


def test_a_stall_goes_on_as_silence() -> None:
    clock = make_clock()
    run_steadily(clock, 10)
    assert clock.stalled_silence(100.69) == 0
    assert clock.stalled_silence(100.72) == round(0.52 * 8000)
    assert clock.stalled_silence(100.74) == pytest.approx(160, abs=1)
    assert clock.now == pytest.approx(100.74, abs=1e-3)


def test_until_a_stall_nothing_need_be_asked() -> None:
    clock = AudioClock(stall_s=0.5, max_gap_s=1.0)
    assert clock.unasked_s(100.0) == 0.0
    clock.place(0.0, 160, 100.0)
    assert clock.unasked_s(100.1) == pytest.approx(0.4)
    assert clock.stalled_silence(100.5) == 0
    assert clock.unasked_s(100.5) == 0.0
    assert clock.stalled_silence(100.52) > 0


def test_a_stall_of_five_seconds_then_media_on_time() -> None:
    clock = make_clock()
    run_steadily(clock, 10)
    for tick in range(250):
        clock.stalled_silence(100.2 + tick * FRAME_S)
    placement = place(clock, 5.2, 105.22)
    assert placement == Placement(0, pytest.approx(105.22))


def test_silence_of_a_stall_is_not_put_twice() -> None:
    clock = make_clock()
    run_steadily(clock, 10)
    for tick in range(36):
        clock.stalled_silence(100.2 + tick * FRAME_S)
    assert clock.now == pytest.approx(100.9, abs=1e-3)
    placement = place(clock, 0.9, 101.02)
    assert placement.silence_samples == 0
    assert placement.end_at == pytest.approx(100.92, abs=2e-3)


def test_late_media_is_fed_and_time_continues_from_the_later_point() -> None:
    clock = make_clock()
    run_steadily(clock, 10)
    for tick in range(100):
        clock.stalled_silence(100.2 + tick * FRAME_S)
    last = clock.now
    # All that was held back arrives at once, then the line goes on in real time.
    for index in range(10, 110):
        placement = place(clock, index * FRAME_S, 102.22)
        assert placement.silence_samples == 0
        assert 0.95 * FRAME_S - 1e-9 <= placement.end_at - last <= FRAME_S + 1e-9
        last = placement.end_at
    for index in range(110, 3000):
        place(clock, index * FRAME_S, 100.02 + index * FRAME_S)
    assert clock.now == pytest.approx(100.02 + 2999 * FRAME_S, abs=1e-6)


def test_a_line_without_any_media_has_audio_time_too() -> None:
    clock = make_clock()
    assert clock.stalled_silence(50.0) == 0
    assert clock.stalled_silence(50.4) == 0
    assert clock.stalled_silence(50.6) > 0
    assert clock.now == pytest.approx(50.6, abs=1e-3)
    assert place(clock, 0.0, 51.0).end_at == pytest.approx(51.0)


def test_a_loop_that_stood_still_catches_up_in_bounded_steps() -> None:
    clock = make_clock()
    run_steadily(clock, 1)
    steps = [clock.stalled_silence(110.0 + tick * FRAME_S) for tick in range(20)]
    assert max(steps) == 8000
    assert clock.now == pytest.approx(110.38, abs=1e-3)


@given(
    messages=st.lists(
        st.tuples(st.floats(0, 700_000), st.integers(1, 16_000), st.floats(0, 3), st.booleans()),
        max_size=60,
    )
)
def test_whatever_comes_audio_time_never_runs_back_nor_ahead_of_what_was_fed(
    messages: list[tuple[float, int, float, bool]],
) -> None:
    clock, at, due, first = make_clock(), 1000.0, 0.0, True
    for wild_s, samples, wait_s, is_wild in messages:
        at += wait_s
        before = clock.now
        filled = clock.stalled_silence(at)
        assert 0 <= filled <= 8000
        assert first or clock.now == pytest.approx(before + filled / 8000)
        first = False
        before = clock.now
        placement = clock.place(wild_s if is_wild else due, samples, at)
        if placement is None:
            assert clock.now == before
            continue
        due = (wild_s if is_wild else due) + samples / 8000
        assert 0 <= placement.silence_samples <= 8000
        assert placement.end_at == clock.now > before
        fed_s = (placement.silence_samples + samples) / 8000
        assert clock.now <= max(before + fed_s, at) + 1e-6


@given(jitter=st.lists(st.floats(0, 0.3), min_size=20, max_size=200))
def test_jitter_never_becomes_silence_or_loss(jitter: list[float]) -> None:
    clock = make_clock()
    for index, delay_s in enumerate(jitter):
        timestamp = index * FRAME_S
        placement = place(clock, timestamp, 100 + timestamp + FRAME_S + delay_s)
        assert placement.silence_samples == 0
