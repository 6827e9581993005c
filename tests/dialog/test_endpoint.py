"""What was said decides how long the pause must be."""

import pytest

from voxd.dialog.endpoint import Shape, Waits, judge_shape


@pytest.mark.parametrize(
    "text",
    [
        "What time do you open?",
        "I would like to book a table.",
        "Yes.",
        "No thanks.",
        "Thank you very much!",
        "can you tell me your address",
        "¿Qué hora es?",
        "My number is 5551234567.",
        "What is that?",
        "Do you deliver it?",
    ],
)
def test_complete(text: str) -> None:
    assert judge_shape(text) is Shape.COMPLETE


@pytest.mark.parametrize(
    "text",
    [
        "I would like to",
        "I would like to.",
        "Well, I was wondering,",
        "My name is John and",
        "um",
        "It's for my",
        "five five five one two",
        "5 5 5",
        "My name is spelled J O H",
        "quiero una mesa para",
        "I was thinking...",
    ],
)
def test_incomplete(text: str) -> None:
    assert judge_shape(text) is Shape.INCOMPLETE


@pytest.mark.parametrize("text", ["", "table", "booking a table", "I think so"])
def test_unknown(text: str) -> None:
    assert judge_shape(text) is Shape.UNKNOWN


def test_each_shape_has_its_wait() -> None:
    waits = Waits(0.4, 0.7, 1.2)
    assert [waits.of(shape) for shape in Shape] == [0.4, 0.7, 1.2]
