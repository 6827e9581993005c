"""The words tell whether an utterance looks finished."""

import pytest

from voxd.dialog.shape import Shape, judge_shape


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
        "What is your address?",
        "My address is 12 Main Street.",
        "My account number is 5512 3345.",
        "I would like a table for 4.",
        "The number that I called is not in service.",
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
        "My account number is 55.",
        "My address is 12 Main.",
        "Mi número es 55.",
    ],
)
def test_incomplete(text: str) -> None:
    assert judge_shape(text) is Shape.INCOMPLETE


@pytest.mark.parametrize("text", ["", "table", "booking a table", "I think so"])
def test_unknown(text: str) -> None:
    assert judge_shape(text) is Shape.UNKNOWN
