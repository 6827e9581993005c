"""Pitch, level and spectrum of short stretches."""

import numpy as np
import pytest

from voxd.audio.voicing import HOP_S, WINDOW_S, analyse

RATE = 8000


def buzz(hz: float, seconds: float = 0.2) -> np.ndarray:
    time = np.arange(round(seconds * RATE)) / RATE
    waves = sum(np.sin(2 * np.pi * hz * k * time) / k for k in range(1, int(3400 / hz) + 1))
    return np.asarray(waves * 4000, dtype=np.int16)


@pytest.mark.parametrize("hz", [90, 120, 200, 350])
def test_a_buzz_is_periodic_at_its_pitch(hz: float) -> None:
    frames = analyse(buzz(hz))
    assert np.all(frames.strength > 0.65)
    assert np.median(frames.pitch_hz) == pytest.approx(hz, rel=0.03)


def whistle() -> np.ndarray:
    return (np.sin(2 * np.pi * 1000 * np.arange(1600) / RATE) * 8000).astype(np.int16)


def test_noise_is_not_periodic_and_has_no_tone() -> None:
    noise = np.random.default_rng(1).normal(0, 3000, RATE).astype(np.int16)
    frames = analyse(noise)
    assert np.median(frames.strength) < 0.5
    assert np.median(frames.tone) < 0.3


def test_a_whistle_is_all_tone_and_a_buzz_is_not() -> None:
    assert np.median(analyse(whistle()).tone) > 0.95
    assert np.median(analyse(buzz(120)).tone) < 0.8


def test_levels_are_dbfs() -> None:
    sine = (np.sin(np.arange(1600) * 0.5) * 32767 * 10 ** (-17 / 20)).astype(np.int16)
    assert np.median(analyse(sine).level_dbfs) == pytest.approx(-20, abs=0.5)


def test_there_is_a_frame_for_every_hop_in_which_a_window_fits() -> None:
    assert len(analyse(np.zeros(0, np.int16)).level_dbfs) == 0
    assert len(analyse(np.zeros(round(WINDOW_S * RATE) - 1, np.int16)).level_dbfs) == 0
    frames = analyse(np.zeros(round((WINDOW_S + 3 * HOP_S) * RATE), np.int16))
    assert len(frames.level_dbfs) == len(frames.strength) == len(frames.bands_db) == 4
    assert np.all(np.isfinite(frames.level_dbfs))


def test_the_newest_sound_is_in_the_last_frame() -> None:
    """Of a stretch in which whole frames leave 8 ms over, the oldest 8 are left out."""
    silence = np.zeros(round((WINDOW_S + 3 * HOP_S) * RATE) + 64, np.int16)
    old, new = silence.copy(), silence.copy()
    old[:64], new[-64:] = 10000, 10000
    assert len(analyse(old).level_dbfs) == len(analyse(new).level_dbfs) == 4
    assert analyse(old).level_dbfs.max() < -70
    assert analyse(new).level_dbfs[-1] > -40 > analyse(new).level_dbfs[0]
