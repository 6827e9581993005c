"""Text for the ear."""

import pytest

from voxd.dialog.spoken import to_spoken


@pytest.mark.parametrize(
    ("written", "spoken"),
    [
        ("**Sure!** We're open.", "Sure! We're open."),
        ("- Monday to Friday", "Monday to Friday"),
        ("1. Call us", "Call us"),
        ("See [our site](http://x.y)", "See our site"),
        ("Great 😀 idea", "Great idea"),
        ("fish & chips, 50% off", "fish and chips, 50 percent off"),
        ("***", ""),
        ("👍", ""),
        ("# Title", "Title"),
        ("It costs $5.", "It costs $5."),
        ("I'm [Your Name], hello.", "I'm, hello."),
        ("[laughs]", ""),
        ("Hi {first_name}!", "Hi!"),
        ("Press [5] now, a < b > c", "Press 5 now, a b c"),
    ],
)
def test_what_only_an_eye_can_use_is_gone(written: str, spoken: str) -> None:
    assert to_spoken(written) == spoken
