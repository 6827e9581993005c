"""The nearest that a voice without emotions can do: an emotion as rate and loudness. Pure.

Used by engines whose voice knows no emotions. Small steps on purpose: who is sad
speaks slower and softer, but a receptionist who is heard to drawl is worse than one without mood.
"""

from dataclasses import replace

from voxd.contracts import Delivery

_LIVELY = frozenset(
    "happy excited enthusiastic elated euphoric triumphant amazed surprised angry mad outraged"
    " agitated panicked alarmed scared anxious".split()
)
_SUBDUED = frozenset(
    "peaceful serene calm sympathetic sad dejected melancholic disappointed hurt guilty bored"
    " tired rejected nostalgic wistful apologetic hesitant insecure resigned distant"
    " contemplative".split()
)
LIVELY_SPEED, LIVELY_VOLUME = 1.06, 1.1
SUBDUED_SPEED, SUBDUED_VOLUME = 0.93, 0.9


def without_emotion(delivery: Delivery) -> Delivery:
    """The same by speed and volume alone."""
    speed, volume = delivery.speed, delivery.volume
    if delivery.emotion in _LIVELY:
        speed, volume = speed * LIVELY_SPEED, volume * LIVELY_VOLUME
    elif delivery.emotion in _SUBDUED:
        speed, volume = speed * SUBDUED_SPEED, volume * SUBDUED_VOLUME
    return replace(delivery, emotion="", speed=speed, volume=volume, has_laughter=False)
