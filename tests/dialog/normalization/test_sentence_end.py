"""Full stops that end an abbreviation, and perhaps their sentence."""

import pytest

from voxd.dialog.normalization.sentence_end import ends_sentence


@pytest.mark.parametrize(
    ("before", "after", "ends"),
    [
        ("on Main St.", "", True),
        ("on Main St.", " We open", True),
        ("(on Main St.", ") Then", True),
        ("on Main St.", ' "Closed"', True),
        ("a las 3 p.m.", " ¿Le viene bien?", True),
        ("at 3 p.m.", " today", False),
        ("at 3 p.m.", " EST", False),
        ("at 3 p.m.", ", or later", False),
    ],
)
def test_it_ends_with_a_capital_or_with_nothing(before: str, after: str, ends: bool) -> None:
    assert ends_sentence(before + after, len(before)) is ends
