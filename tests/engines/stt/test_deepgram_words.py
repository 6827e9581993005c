"""What the SDK does not check is checked here."""

from types import SimpleNamespace
from typing import Any

import pytest

from voxd.engines.stt.deepgram_words import decode_code, decode_number, decode_words
from voxd.engines.stt.segments import Word


@pytest.mark.parametrize("value", [None, "1.5", True, float("nan"), float("inf"), [1], {}])
def test_only_finite_numbers_are_numbers(value: Any) -> None:
    assert decode_number(value) is None
    assert decode_number(2) == 2.0


def test_words_are_read_as_they_should_be_written() -> None:
    plain = SimpleNamespace(word="hi", start=0, end=0.5)
    written = SimpleNamespace(word="there", punctuated_word="there.", start=0.5, end=1.0)
    assert decode_words([plain, written]) == (Word("hi", 0, 0.5), Word("there.", 0.5, 1.0))


@pytest.mark.parametrize("words", [None, "hi", [None], [SimpleNamespace(word="hi", start=None)]])
def test_words_without_times_are_no_words(words: Any) -> None:
    assert decode_words(words) == ()


def test_a_code_is_short_text() -> None:
    assert decode_code("INTERNAL") == "INTERNAL"
    assert decode_code(None) == decode_code(7) == decode_code("") == "unnamed error"
    assert len(decode_code("x" * 1000)) == 64
