"""A reply ends at a blank line after a sentence, whatever the chunks, and nowhere else."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from voxd.engines.local.reply_end import ReplyEnd


def shown(text: str, step: int = 1, stops: tuple[str, ...] = ("\n\n",)) -> str:
    end = ReplyEnd(stops)
    pieces = [end.feed(text[start : start + step]) for start in range(0, len(text), step)]
    return "".join([*pieces, end.finish()])


@pytest.mark.parametrize(
    ("text", "spoken"),
    [
        ("We close at five.\n\nBest regards,\n[Your Name]", "We close at five."),
        ('She said "Go!"\n\nUser: why?', 'She said "Go!"'),
        ("Really?  \n\n\nYes.", "Really?  "),
        ("We are open:\n\nMonday to Friday.\n\nBye", "We are open:\n\nMonday to Friday."),
        ("\n\nHello there.", "\n\nHello there."),
        ("One line.\nAnother line.\n", "One line.\nAnother line.\n"),
    ],
)
@pytest.mark.parametrize("step", [1, 2, 3, 99])
def test_a_blank_line_after_a_sentence_ends_the_reply(text: str, spoken: str, step: int) -> None:
    assert shown(text, step) == spoken


def test_without_stop_texts_nothing_is_held_back_or_cut() -> None:
    end = ReplyEnd(())
    assert end.feed("Hello.\n") == "Hello.\n"
    assert shown("Hello.\n\nBye.", stops=()) == "Hello.\n\nBye."


def test_a_line_end_waits_for_what_follows() -> None:
    end = ReplyEnd(("\n\n",))
    assert end.feed("Hello.\n") == "Hello."
    assert end.feed("Bye.") == "\nBye."
    assert not end.is_over


def test_after_the_end_nothing_is_shown() -> None:
    end = ReplyEnd(("\n\n",))
    assert end.feed("Hello.\n\nBye") == "Hello." and end.is_over
    assert end.feed("more") == "" and end.finish() == ""


@given(st.text("a.!?: \n[", max_size=40), st.integers(1, 9))
def test_what_is_shown_is_a_beginning_of_the_text_whatever_the_chunks(text: str, step: int) -> None:
    assert shown(text, step) == shown(text, 99)
    assert text.startswith(shown(text, step))
