"""Marks for the eye go, the words stay."""

import pytest

from voxd.dialog.normalization.markup import strip_markup


@pytest.mark.parametrize(
    ("written", "words"),
    [
        ("**Sure!** We're _open_.", "Sure! We're open ."),
        ("# Our hours", "Our hours"),
        ("- Monday", "Monday,"),
        ("- Monday.", "Monday."),
        ("1. Call us\n2) Or write", "Call us, Or write,"),
        ("- [x] Done", "Done,"),
        ("> A quote", "A quote"),
        ("See [our site](http://x.y/z_1) now", "See our site now"),
        ("![A map](map.png) Here", "Here"),
        ("```python\nprint\n```", "print"),
        ("| Day | Hours |\n| --- | --- |", "Day, Hours"),
        ("---", ""),
        ("Great 😀👍🏽 idea ✅", "Great idea"),
        ("fish &amp; chips", "fish & chips"),
        ("I'm [Your Name], <b>hello</b> {first_name}", "I'm , hello"),
        ("*laughs* That is fun (sighs softly)", "That is fun"),
        ("*Sonríe* Hola", "Hola"),
        ("*really* good", "really good"),
        ("snake_case name", "snake case name"),
        ("Press [5] now", "Press 5 now"),
        ("about ~5 of ~ them", "about ~5 of them"),
        ("a\x00b\ud83dc", "a b c"),
    ],
)
def test_what_only_an_eye_can_use_is_gone(written: str, words: str) -> None:
    assert " ".join(strip_markup(written).split()) == words


def test_a_reference_to_no_character_is_nothing() -> None:
    assert strip_markup(f"a&#{'9' * 5000};b &#38; c") == "a b & c"
