"""Times of day."""

import pytest

from voxd.dialog.normalization.times import say_times


@pytest.mark.parametrize(
    ("written", "said"),
    [
        ("10:30", "ten thirty"),
        ("10:00", "ten o'clock"),
        ("9:05", "nine oh five"),
        ("9:30am", "nine thirty AM"),
        ("at 5 p.m.", "at five PM."),
        ("at 5 p.m. on Monday", "at five PM on Monday"),
        ("at 5 p.m. Please come", "at five PM. Please come"),
        ("at 12:00 p.m. EST", "at twelve PM EST"),
        ("5 PM, please", "five PM, please"),
        ("17:00", "five PM"),
        ("0:15", "twelve fifteen AM"),
        ("12:00 pm", "twelve PM"),
        ("9am-5pm", "nine AM to five PM"),
        ("9-5pm", "9 to five PM"),
        ("9:00 – 17:30", "nine o'clock to five thirty PM"),
        ("5 apples", "5 apples"),
        ("9-5", "9-5"),
        ("ratio 1:2", "ratio 1:2"),
        ("10:30:15", "ten thirty"),
    ],
)
def test_english_times(written: str, said: str) -> None:
    assert say_times(written, "en") == said


@pytest.mark.parametrize(
    ("written", "said"),
    [
        ("a las 10:30", "a las diez y media"),
        ("a la 1:15", "a la una y cuarto"),
        ("a las 17:00", "a las cinco de la tarde"),
        ("a las 9:00", "a las nueve"),
        ("a las 9 a.m.", "a las nueve de la mañana."),
        ("a las 8:05 p. m. en punto", "a las ocho y cinco de la noche en punto"),
        ("a las 13:15 p. m.", "a las una y cuarto de la tarde."),
        ("a las 12 p.m. o", "a las doce de la tarde o"),
        ("de 9:00-14:00 h", "de nueve a dos de la tarde"),
    ],
)
def test_spanish_times(written: str, said: str) -> None:
    assert say_times(written, "es") == said
