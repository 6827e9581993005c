import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.audio.samples import NAMES, read_speech
from voxd.audio.level import SILENCE_DBFS, loud_dbfs, normalize, rms_dbfs, trim_silence

RATE_HZ = 8000


def tone(amplitude: float, length_s: float) -> npt.NDArray[np.float32]:
    time = np.arange(round(length_s * RATE_HZ)) / RATE_HZ
    return (amplitude * np.sin(2 * np.pi * 200 * time)).astype(np.float32)


def silence(length_s: float) -> npt.NDArray[np.float32]:
    return np.zeros(round(length_s * RATE_HZ), np.float32)


def test_a_full_scale_sine_is_3_db_below_a_square_wave() -> None:
    assert rms_dbfs(tone(1.0, 1.0)) == pytest.approx(-3.01, abs=0.01)
    assert rms_dbfs((tone(1.0, 1.0) * 32767).astype(np.int16)) == pytest.approx(-3.01, abs=0.01)


def test_silence_and_nothing_have_the_lowest_level() -> None:
    assert rms_dbfs(silence(0.1)) == SILENCE_DBFS
    assert rms_dbfs(np.zeros(0, np.int16)) == SILENCE_DBFS
    assert loud_dbfs(np.zeros(0, np.int16)) == SILENCE_DBFS


def test_pauses_do_not_make_a_clause_quieter() -> None:
    words = tone(0.3, 0.4)
    with_pauses = np.concatenate([silence(0.5), words, silence(0.4), words, silence(0.5)])
    assert loud_dbfs(with_pauses) == pytest.approx(loud_dbfs(words), abs=0.2)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("gain_db", [-15.0, 0.0, 5.0])
def test_speech_of_any_loudness_comes_out_equally_loud(name: str, gain_db: float) -> None:
    speech = read_speech(name).astype(np.float32) / 32768 * np.float32(10 ** (gain_db / 20))
    steady = normalize(speech, -20.0)
    assert loud_dbfs(steady) == pytest.approx(-20.0, abs=0.5)
    assert np.abs(steady).max() <= 10 ** (-1 / 20) + 1e-6


def test_int16_gives_the_same_as_float() -> None:
    speech = read_speech("yes")
    as_float = normalize(speech.astype(np.float32) / 32768, -16.0) * 32768
    assert np.abs(normalize(speech, -16.0) - as_float).max() <= 1


def test_silence_stays_silence() -> None:
    assert not normalize(silence(0.5), -20.0).any()
    assert len(normalize(np.zeros(0, np.int16), -20.0)) == 0


def test_noise_is_not_raised_to_speech() -> None:
    hiss = (np.random.default_rng(1).standard_normal(8000) * 1e-4).astype(np.float32)
    assert rms_dbfs(normalize(hiss, -20.0)) == pytest.approx(rms_dbfs(hiss) + 20, abs=0.1)


def test_a_peak_is_turned_down_without_touching_what_is_far_from_it() -> None:
    signal = tone(0.2, 1.0)
    signal[4000] = 0.98
    limited = normalize(signal, rms_dbfs(signal) + 3, peak_dbfs=-6.0)
    assert np.abs(limited).max() <= 10 ** (-6 / 20) + 1e-6
    untouched = slice(0, 3500)
    ratio = limited[untouched][signal[untouched] != 0] / signal[untouched][signal[untouched] != 0]
    assert np.ptp(ratio) < 1e-5


@settings(max_examples=60, deadline=None)
@given(
    seed=st.integers(0, 999),
    samples=st.integers(1, 4000),
    level=st.floats(-40, 0),
    peak=st.floats(-20, 0),
    rate_hz=st.sampled_from([8000, 22050]),
)
def test_no_sample_is_ever_above_the_peak(
    seed: int, samples: int, level: float, peak: float, rate_hz: int
) -> None:
    rng = np.random.default_rng(seed)
    burst = np.exp(3 * np.sin(np.arange(samples) / rng.integers(5, 500)))
    signal = (rng.standard_normal(samples) * burst * 0.05).astype(np.float32)
    limited = normalize(signal, level, peak, rate_hz=rate_hz)
    assert limited.shape == signal.shape
    assert np.abs(limited).max() <= 10 ** (peak / 20) * (1 + 1e-5)


def test_silence_around_a_clause_is_shortened() -> None:
    clause = np.concatenate([silence(0.3), tone(0.3, 0.5), silence(0.6)])
    trimmed = trim_silence(clause, lead_s=0.01, tail_s=0.1)
    assert len(trimmed) / RATE_HZ == pytest.approx(0.61, abs=0.011)
    assert not trimmed[:79].any()
    assert np.abs(trimmed[80:160]).max() > 0.1


def test_silence_that_is_short_already_stays() -> None:
    clause = np.concatenate([silence(0.005), tone(0.3, 0.5), silence(0.02)])
    assert len(trim_silence(clause, lead_s=0.01, tail_s=0.1)) == len(clause)


def test_only_silence_becomes_nothing() -> None:
    assert len(trim_silence(silence(0.5))) == 0
    assert len(trim_silence(np.zeros(0, np.int16))) == 0


@pytest.mark.parametrize("name", ["five-fresh-fish", "sea-shells", "yes"])
def test_soft_consonants_at_the_borders_are_kept(name: str) -> None:
    speech = read_speech(name)
    quiet = np.random.default_rng(2).integers(-1, 2, 2000).astype(np.int16)
    padded = np.concatenate([quiet, speech, quiet])
    trimmed = trim_silence(padded, lead_s=0.0, tail_s=0.0)
    power = np.square(padded.astype(np.float64) / 32768)
    kept = np.square(trimmed.astype(np.float64) / 32768).sum() / power.sum()
    assert kept > 0.9999
    assert len(trimmed) < len(padded) - 3000
