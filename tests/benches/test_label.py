"""How labels are measured and which recordings are usable."""

import numpy as np
import pytest

from benches.label import find_speech_end, is_usable
from benches.prompts import RATE_HZ


def test_the_end_of_speech_is_found_within_its_smoothing() -> None:
    time = np.arange(RATE_HZ) / RATE_HZ
    pcm = np.zeros(2 * RATE_HZ)
    pcm[1600 : 1600 + RATE_HZ] = 8000 * np.sin(2 * np.pi * 200 * time)
    pcm += np.random.default_rng(1).normal(0, 2, len(pcm))
    assert find_speech_end(pcm.astype(np.int16)) == pytest.approx(1.2, abs=0.02)


def test_a_fading_vowel_ends_38_db_below_the_loudest() -> None:
    time = np.arange(2 * RATE_HZ) / RATE_HZ
    pcm = 16000 * 10 ** (-40 * time / 20) * np.sin(2 * np.pi * 200 * time)
    assert find_speech_end(pcm.astype(np.int16)) == pytest.approx(38 / 40, abs=0.03)


@pytest.mark.parametrize(
    ("name", "words", "duration_s"),
    [
        ("beep", "[this is a simple beep tone]", 1.0),
        ("vm-intro", "Please leave your message. (simple tone sound plays)", 5.0),
        ("spy-nbs", "N B S", 1.1),
        ("hello-world", "Hello world.", 1.0),
        ("quick", "three quick words", 0.5),
        ("demo-instruct", "If you would like to learn more", 73.0),
        ("pbx-invalid", "I am sorry, that's not a valid extension.", 4.0),
    ],
)
def test_what_is_no_comparable_utterance_is_left_out(
    name: str, words: str, duration_s: float
) -> None:
    assert not is_usable(name, words, duration_s)


def test_an_ordinary_sentence_is_usable() -> None:
    assert is_usable("vm-savefolder", "Which folder should I save the message to?", 2.9)
