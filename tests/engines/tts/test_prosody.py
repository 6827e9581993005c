"""Emotions as rate and loudness."""

import pytest

from voxd.contracts import EMOTIONS, PLAIN, Delivery
from voxd.engines.tts.prosody import without_emotion


@pytest.mark.parametrize("emotion", sorted(EMOTIONS))
def test_every_emotion_is_a_small_step_at_most(emotion: str) -> None:
    nearest = without_emotion(Delivery(emotion))
    assert (nearest.emotion, nearest.has_laughter) == ("", False)
    assert 0.9 <= nearest.speed <= 1.1 and 0.85 <= nearest.volume <= 1.15


def test_the_sad_are_slower_and_softer_than_the_excited() -> None:
    sad, excited = without_emotion(Delivery("sad")), without_emotion(Delivery("excited"))
    assert sad.speed < 1 < excited.speed and sad.volume < 1 < excited.volume


def test_what_was_asked_for_stays() -> None:
    assert without_emotion(PLAIN) == PLAIN
    assert without_emotion(Delivery(speed=0.8, volume=1.5)) == Delivery(speed=0.8, volume=1.5)
