"""The utterance's audio is kept, bounded, and found again by audio time."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from voxd.audio.g711 import encode_mulaw
from voxd.engines.stt.utterance import IDLE_S, POST_ROLL_S, PRE_ROLL_S, UtteranceBuffer


def fill(
    buffer: UtteranceBuffer, begin: float, seconds: float, byte: bytes = b"\x10"
) -> list[bytes]:
    """Push 20 ms chunks; returns the parts that were cut off."""
    parts = []
    for frame in range(1, round(seconds / 0.02) + 1):
        part = buffer.push(byte * 160, begin + 0.02 * frame)
        if part is not None:
            parts.append(part)
    return parts


def test_silence_before_speech_is_not_kept_beyond_the_pre_roll() -> None:
    buffer = UtteranceBuffer(26.0)
    fill(buffer, 0.0, 60.0)
    assert buffer.seconds <= IDLE_S + 0.001
    assert not buffer.is_open and buffer.take(60.0) == b""


def test_an_utterance_begins_with_its_pre_roll_and_ends_with_its_post_roll() -> None:
    buffer = UtteranceBuffer(26.0)
    fill(buffer, 0.0, 10.0)
    buffer.speech_started(9.5)
    fill(buffer, 10.0, 5.0)
    taken = len(buffer.take(12.0)) / 8000
    assert abs(taken - (12.0 + POST_ROLL_S - 9.5 + PRE_ROLL_S)) < 0.03


def test_speech_that_goes_on_belongs_to_the_same_utterance() -> None:
    buffer = UtteranceBuffer(26.0)
    buffer.speech_started(0.5)
    fill(buffer, 0.0, 3.0)
    before = buffer.take(3.0)
    buffer.speech_started(2.5)
    assert buffer.take(3.0) == before


def test_forgetting_keeps_speech_that_began_later() -> None:
    buffer = UtteranceBuffer(26.0)
    buffer.speech_started(0.5)
    fill(buffer, 0.0, 2.0, b"\x01")
    fill(buffer, 2.0, 1.0, b"\x02")
    buffer.speech_started(2.2)
    buffer.forget(2.0)
    assert buffer.is_open
    assert set(buffer.take(3.0)) == {2}


def test_forgetting_everything_closes_the_utterance() -> None:
    buffer = UtteranceBuffer(26.0)
    buffer.speech_started(0.5)
    fill(buffer, 0.0, 2.0)
    buffer.forget(1.5)
    assert not buffer.is_open


def test_a_long_utterance_is_cut_where_it_is_quietest() -> None:
    buffer = UtteranceBuffer(10.0)
    loud = encode_mulaw(np.full(160, 8000, np.int16))
    quiet = encode_mulaw(np.full(160, 10, np.int16))
    buffer.speech_started(0.0)
    fill(buffer, 0.0, 8.0, loud[:1])
    fill(buffer, 8.0, 0.3, quiet[:1])
    [part] = fill(buffer, 8.3, 2.0, loud[:1])
    assert 8.0 <= len(part) / 8000 <= 8.3
    assert len(part) + len(buffer.take(99.0)) == round(10.3 * 8000)


def test_a_jump_of_audio_time_loses_no_samples() -> None:
    buffer = UtteranceBuffer(26.0)
    buffer.speech_started(0.0)
    fill(buffer, 0.0, 1.0)
    fill(buffer, 31.0, 1.0)
    assert len(buffer.take(32.0)) == 16000


steps = st.one_of(
    st.tuples(st.just("push"), st.integers(1, 4000), st.floats(-0.01, 3.0)),
    st.tuples(st.just("start"), st.floats(0.0, 1.0), st.just(0.0)),
    st.tuples(st.just("forget"), st.floats(0.0, 2.0), st.just(0.0)),
)


@given(st.lists(steps, max_size=60))
def test_whatever_comes_the_buffer_stays_bounded(history: list[tuple[str, float, float]]) -> None:
    buffer, now = UtteranceBuffer(5.0), 100.0
    for what, amount, gap in history:
        match what:
            case "push":
                now += amount / 8000 + gap
                buffer.push(b"\x55" * int(amount), now)
            case "start":
                buffer.speech_started(now - amount)
            case "forget":
                buffer.forget(now - amount)
        assert buffer.seconds <= 5.0 + 0.5
        assert len(buffer.take(now)) <= round(buffer.seconds * 8000)
