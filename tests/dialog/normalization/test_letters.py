"""Letters that only patterns without case take for one of the alphabet."""

import re

from hypothesis import given
from hypothesis import strategies as st

from voxd.dialog.normalization.letters import plain_letters

ALPHABET = "abcdefghijklmnopqrstuvwxyzáéíóúüñ"


def test_every_letter_that_a_pattern_without_case_takes_is_one_in_small() -> None:
    """In all of Unicode: else what was found by a pattern is not found in its table."""
    every = "".join(map(chr, range(0x110000)))
    found = re.findall(f"[{ALPHABET}]", plain_letters(every), re.IGNORECASE)
    assert len(set(found)) == 2 * len(ALPHABET)
    assert {letter.lower() for letter in found} == set(ALPHABET)


@given(st.text())
def test_places_in_the_text_stay(text: str) -> None:
    assert len(plain_letters(text)) == len(text)
