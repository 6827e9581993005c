"""Which words leave the floor to the agent."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from voxd.dialog.backchannel import is_backchannel, is_echo


@pytest.mark.parametrize(
    "text",
    ["", "...", "Uh-huh.", "Mm-hmm", "Yeah.", "Okay, okay.", "Right, I see.", "Got it!",
     "All right", "Ajá", "Sí, claro.", "De acuerdo"],
)  # fmt: skip
def test_encouragement_leaves_the_floor_to_the_agent(text: str) -> None:
    assert is_backchannel(text)


@pytest.mark.parametrize(
    "text",
    ["Stop.", "No.", "Wait.", "Yeah but not on Sunday", "Okay, can I ask something?", "Hello?",
     "Espere", "I", "got", "okay okay okay okay okay"],
)  # fmt: skip
def test_everything_else_takes_it(text: str) -> None:
    assert not is_backchannel(text)


def test_the_agents_own_words_are_an_echo_and_others_are_not() -> None:
    spoken = "We open at nine, and close at five in the evening."
    assert is_echo("close at FIVE", spoken)
    assert not is_echo("close at six", spoken)
    assert not is_echo("lose at five", spoken)
    assert not is_echo("", spoken)


@given(st.text())
def test_any_text_is_judged(text: str) -> None:
    assert isinstance(is_backchannel(text), bool)
    assert not is_echo(text, "")
