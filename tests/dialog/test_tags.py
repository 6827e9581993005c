"""Tags are found in whatever pieces they come, and never left in the text."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from voxd.dialog.tags import Control, Tag, TagReader

SAD = Tag(Control.EMOTION, "sad")
LAUGH = Tag(Control.LAUGHTER)


def read(*pieces: str) -> list[str | Tag]:
    """Everything a reader finds, neighbouring texts joined."""
    reader = TagReader()
    joined: list[str | Tag] = []
    for item in [item for piece in pieces for item in reader.feed(piece)] + reader.finish():
        if joined and isinstance(item, str) and isinstance(joined[-1], str):
            joined[-1] += item
        else:
            joined.append(item)
    return joined


@pytest.mark.parametrize(
    ("written", "found"),
    [
        ('<emotion value="sad"/>I am sorry.', [SAD, "I am sorry."]),
        ('Oh. <emotion value="sad"/> I am sorry.', ["Oh. ", SAD, "I am sorry."]),
        ("<Emotion value='Sad'>Oh</emotion> well", [SAD, "Oh", Tag(Control.EMOTION), " well"]),
        ("< emotion = “sad” / >Oh", [SAD, "Oh"]),
        ("[sad] Oh. [emotion: sad] Oh.", [SAD, "Oh. ", SAD, "Oh."]),
        ('<speed ratio="0.9"/>Slow', [Tag(Control.SPEED, "0.9"), "Slow"]),
        ('<volume ratio="1.2"/>Loud', [Tag(Control.VOLUME, "1.2"), "Loud"]),
        ("[laughter] Ha. [laughs] <laughter/>", [LAUGH, "Ha. ", LAUGH, LAUGH]),
        ('Wait <break time="1s"/>here, <spell>AB</spell>.', ["Wait here, AB."]),
        ("<emotion>Oh", ["Oh"]),
        ('Well <emotion value="sa', ["Well "]),
        ('Well <emotion value=<emotion value="sad"/>Oh', ["Well ", SAD, "Oh"]),
        ("Well <emo", ["Well "]),
        ("I am [Your Name], a < b, x [5", ["I am [Your Name], a < b, x [5"]),
        ("<emotional> [happyhour]", ["<emotional> [happyhour]"]),
        ("We [", ["We ["]),
    ],
)
def test_tags_are_told_from_text(written: str, found: list[str | Tag]) -> None:
    assert read(written) == found
    assert read(*written) == found


def test_text_is_held_back_only_while_it_may_become_a_tag() -> None:
    reader = TagReader()
    assert reader.feed("Hello <") == ["Hello "]
    assert reader.feed("em") == []
    assert reader.feed("ber") == ["<ember"]
    assert reader.feed(" [sa") == [" "]
    assert reader.feed("turday]") == ["[saturday]"]


def test_an_endless_tag_is_cut() -> None:
    reader = TagReader()
    found = reader.feed("<emotion " + "x" * 500)
    assert len("".join(item for item in found if isinstance(item, str))) > 400


PIECES = st.sampled_from(
    [
        *("<", ">", "/", "[", "]", " ", '"', "=", "a", "emotion", "sad", "speed", "ratio", "0.9"),
        *('<emotion value="sad"/>', "</emotion>", "[laughter]", "[Your Name]", "<speed ratio=2/>"),
        *("<emotion ", "Hello there.", "\n", "<spell>"),
    ]
)


@pytest.mark.parametrize("text", ["<<spell>emotion>", "< <spell>speed>", "<em[laughter]otion>"])
def test_what_is_left_of_a_torn_tag_is_none(text: str) -> None:
    found = "".join(item for item in read(text) if isinstance(item, str))
    assert "<" not in found
    assert read(*text) == read(text)


@given(st.lists(PIECES, max_size=30), st.integers(1, 9))
def test_any_pieces_give_the_same(parts: list[str], step: int) -> None:
    text = "".join(parts)
    found = read(text)
    assert read(*(text[at : at + step] for at in range(0, len(text), step))) == found
    left = "".join(item for item in found if isinstance(item, str))
    assert not re.search(r"<\s{0,2}/?\s{0,2}(?:emotion|speed|spell)\b[^<>]{0,80}>", left)
    assert "[laughter]" not in left
