import numpy as np
import pytest

from voxd.caller import speech


def burst(silence_s: float, tone_s: float, tail_s: float) -> np.ndarray:
    parts = [np.zeros(round(silence_s * 8000)), np.full(round(tone_s * 8000), 8000.0)]
    return np.concatenate([*parts, np.zeros(round(tail_s * 8000))]).astype(np.int16)


def test_speech_is_found_to_ten_milliseconds() -> None:
    bounds = speech.find_speech(burst(0.2, 0.5, 0.3))
    assert bounds == speech.Bounds(pytest.approx(0.2), pytest.approx(0.7))


def test_pause_inside_belongs_to_the_speech() -> None:
    pcm = np.concatenate([burst(0.1, 0.2, 0.4), burst(0.4, 0.2, 0.1)])
    bounds = speech.find_speech(pcm)
    assert bounds is not None
    assert bounds.end_s == pytest.approx(1.3)


def test_room_noise_far_below_the_voice_is_no_speech() -> None:
    pcm = burst(0.2, 0.5, 0.5) + speech.line_noise(9600, -62.0, 1)
    bounds = speech.find_speech(pcm)
    assert bounds is not None
    assert bounds.end_s == pytest.approx(0.7)


def test_silence_and_nothing_have_no_speech() -> None:
    assert speech.find_speech(np.zeros(800, np.int16)) is None
    assert speech.find_speech(np.zeros(0, np.int16)) is None


def test_end_never_lies_beyond_the_samples() -> None:
    bounds = speech.find_speech(np.full(123, 8000, np.int16))
    assert bounds is not None
    assert bounds.end_s == pytest.approx(123 / 8000)


def test_line_noise_has_its_level_and_repeats_by_seed() -> None:
    noise = speech.line_noise(80000, -50.0, 7)
    level = 20 * np.log10(np.sqrt(np.mean((noise / 32768.0) ** 2)))
    assert level == pytest.approx(-50.0, abs=0.2)
    assert np.array_equal(noise, speech.line_noise(80000, -50.0, 7))
    assert not np.array_equal(noise, speech.line_noise(80000, -50.0, 8))
    assert not speech.line_noise(100, float("-inf"), 1).any()
