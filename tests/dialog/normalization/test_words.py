"""Every step that needs a language, in the order that keeps them out of each other's way."""

import pytest

from voxd.dialog.normalization.words import say_words


@pytest.mark.parametrize(
    ("written", "language", "said"),
    [
        (
            "Call 555-0134 by 3/4 at 3:30 pm.",
            "en",
            "Call five five five, zero one three four by March fourth at three thirty PM.",
        ),
        (
            "It costs $4.50, 20% off, 2 km from here, 9-5.",
            "en",
            "It costs four dollars and fifty cents, twenty percent off, two kilometers from here, "
            "nine to five.",
        ),
        (
            "See www.example.com/a-b & ask Dr. Lee.",
            "en",
            "See example dot com slash a dash b and ask Doctor Lee.",
        ),
        (
            "Cuesta 4,50 € el 3/4 a las 15:30.",
            "es",
            "Cuesta cuatro euros con cincuenta céntimos el tres de abril a las tres y media de la "
            "tarde.",
        ),
        ("Hello there.", "en", "Hello there."),
    ],
)
def test_each_step_takes_its_own(written: str, language: str, said: str) -> None:
    assert " ".join(say_words(written, language).split()) == said
