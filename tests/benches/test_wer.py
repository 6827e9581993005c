"""Counting word errors; the model is not loaded."""

import pytest

from benches.prompts import Prompt
from benches.wer import Heard, count_errors, sum_up


@pytest.mark.parametrize(
    ("said", "heard", "errors"),
    [
        ("Press 1 now.", "press one now", 0),
        ("Press one now.", "press two now", 1),
        ("Press one now.", "press now", 1),
        ("Press one now.", "please press one now", 1),
        ("Press one now.", "", 3),
    ],
)
def test_errors_are_words_substituted_deleted_and_inserted(
    said: str, heard: str, errors: int
) -> None:
    assert count_errors(said, heard) == errors


def test_rates_are_pooled_over_all_words() -> None:
    prompt = Prompt("x", 1.0, 1.1, "a b c")
    right = Heard("", 0, 0.1)
    rows = [(prompt, 3, Heard("", 3, 0.1), right), (prompt, 7, right, right)]
    result = sum_up(rows)
    assert (result.short_rate, result.full_rate) == (0.3, 0.0)
    assert result.difference.estimate == pytest.approx(0.3)
    assert not result.is_good
