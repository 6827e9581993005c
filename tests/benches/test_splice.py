"""Pauses spliced between words."""

import numpy as np
import pytest
from numpy.typing import NDArray

from benches.prompts import RATE_HZ
from benches.splice import NOISE_DBFS, choose_gap, find_gaps, line_noise, splice_pause


def words(*lengths_s: tuple[float, float]) -> NDArray[np.int16]:
    """Tones of a length, each followed by a silence: (word, silence), …, seconds."""
    parts = []
    for word_s, silence_s in lengths_s:
        time = np.arange(round(word_s * RATE_HZ)) / RATE_HZ
        parts.append((8000 * np.sin(2 * np.pi * 200 * time)).astype(np.int16))
        parts.append(np.zeros(round(silence_s * RATE_HZ), np.int16))
    return np.concatenate(parts)


def test_gaps_between_words_are_found_longest_first() -> None:
    pcm = words((0.3, 0.08), (0.3, 0.15), (0.3, 0.0))
    gaps = find_gaps(pcm, first=0, last=1)
    assert [round(end - start, 2) for start, end in gaps] == [0.15, 0.08]
    assert gaps[0] == pytest.approx((0.68, 0.83))


def test_short_closures_and_gaps_near_the_ends_are_left_out() -> None:
    assert find_gaps(words((0.5, 0.04), (0.5, 0.0))) == []
    assert find_gaps(words((0.1, 0.1), (0.9, 0.0))) == []
    assert len(find_gaps(words((0.1, 0.1), (0.9, 0.0)), first=0, last=1)) == 1


def test_silence_has_no_gaps() -> None:
    assert find_gaps(np.zeros(8000, np.int16)) == []


@pytest.mark.parametrize("pause_s", [0.3, 0.5, 0.8])
def test_a_spliced_pause_keeps_every_sample_and_has_the_right_length(pause_s: float) -> None:
    pcm = words((0.4, 0.1), (0.4, 0.05))
    gap = choose_gap(pcm, 0.45)
    spliced = splice_pause(pcm, gap, pause_s)
    added = len(spliced) - len(pcm)
    assert added == round((pause_s - 0.1) * RATE_HZ)
    middle = round(0.45 * RATE_HZ)
    assert np.array_equal(spliced[:middle], pcm[:middle])
    assert np.array_equal(spliced[middle + added :], pcm[middle:])
    start, end = find_gaps(spliced, first=0, last=1)[0]
    assert end - start == pytest.approx(pause_s, abs=0.011)


def test_what_is_spliced_in_is_line_noise_and_not_digital_silence() -> None:
    noise = line_noise(1.0, seed=3).astype(np.float64) / 32768
    assert 10 * np.log10(np.mean(noise**2)) == pytest.approx(NOISE_DBFS, abs=0.5)
    spliced = splice_pause(words((0.4, 0.1), (0.4, 0.0)), (0.4, 0.5), 0.8)
    middle = spliced[round(0.5 * RATE_HZ) : round(1.1 * RATE_HZ)]
    assert np.count_nonzero(middle) > 0.9 * len(middle)


def test_the_same_seed_gives_the_same_noise() -> None:
    assert np.array_equal(line_noise(0.5, seed=1), line_noise(0.5, seed=1))
    assert not np.array_equal(line_noise(0.5, seed=1), line_noise(0.5, seed=2))


def test_a_gap_that_is_longer_than_the_pause_is_refused() -> None:
    with pytest.raises(ValueError, match="longer than"):
        splice_pause(words((0.4, 0.5), (0.4, 0.0)), (0.4, 0.9), 0.3)


def test_a_moment_inside_a_word_is_no_gap() -> None:
    with pytest.raises(ValueError, match="no gap"):
        choose_gap(words((0.4, 0.1), (0.4, 0.0)), 0.2)
