"""Gaps between words are told from gaps inside them, and their file fits the prompts."""

import pytest

from benches.gaps import Word, find_place, load_gaps, match_gap, split_printed
from benches.prompts import load_labels

WORDS = [Word("Please ", 0.0, 0.4), Word("hold, ", 0.5, 0.9), Word("while ", 1.2, 1.5)]


@pytest.mark.parametrize(
    ("gap", "before"),
    [
        ((0.42, 0.48), 1),  # between both boundaries
        ((0.95, 1.15), 2),  # within the pause
        ((0.84, 0.88), 2),  # 20 ms beside a boundary
        ((0.2, 0.3), None),  # inside a word
        ((1.6, 1.8), None),  # after the last
    ],
)
def test_a_gap_belongs_to_a_near_boundary(gap: tuple[float, float], before: int | None) -> None:
    assert match_gap(gap, WORDS) == before


@pytest.mark.parametrize(
    ("printed", "place"),
    [("hold, ", "clause"), ("hold. ", "sentence"), ("desk; ", "sentence"), ("hold ", "inside")],
)
def test_the_print_tells_the_place(printed: str, place: str) -> None:
    assert find_place(printed) == place


def test_printed_words_keep_their_punctuation() -> None:
    assert split_printed("...to lock, or re-enter. Press *") == [
        "to ",
        "lock, ",
        "or ",
        "re-",
        "enter. ",
        "Press ",
        "*",
    ]


def test_every_gap_of_the_file_lies_in_its_prompt() -> None:
    prompts = load_labels()
    gaps = load_gaps()
    assert len(gaps) >= 300
    for gap in gaps:
        prompt = prompts[gap.name]
        assert 0 < gap.start_s < gap.end_s < prompt.speech_end_s
        assert 0 < gap.words_before < len(split_printed(prompt.words))
        assert gap.place == find_place(split_printed(prompt.words)[gap.words_before - 1])
