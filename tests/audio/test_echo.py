"""The agent's own voice is recognised when it comes back."""

import numpy as np
import pytest

from tests.audio.samples import read_speech
from voxd.audio.echo import MAX_DELAY_S, compare

RATE = 8000
SPAN = round(MAX_DELAY_S * RATE)


def played(name: str = "afternoon") -> np.ndarray:
    return read_speech(name)[2000 : 2000 + SPAN + 1600]


@pytest.mark.parametrize("delay_s", [0.0, 0.05, 0.2, 0.39])
def test_an_echo_fits_at_its_delay_and_is_quieter(delay_s: float) -> None:
    reference = played()
    first = SPAN - round(delay_s * RATE)
    noise = np.random.default_rng(1).normal(0, 5, 1600)
    echo = reference[first : first + 1600] * 0.05 + noise
    likeness = compare(echo.astype(np.int16), reference)
    assert likeness.fit > 0.5
    assert likeness.delay_s == pytest.approx(delay_s, abs=0.001)
    assert likeness.level_db == pytest.approx(-26, abs=2)


def test_other_speech_fits_nowhere() -> None:
    likeness = compare(read_speech("sea-shells")[2000:3600], played())
    assert likeness.fit < 0.3


def test_against_silence_everything_is_louder_and_nothing_an_echo() -> None:
    likeness = compare(read_speech("yes")[:1600], np.zeros(SPAN + 1600, np.int16))
    assert likeness.fit == 0.0
    assert likeness.level_db == 100.0
