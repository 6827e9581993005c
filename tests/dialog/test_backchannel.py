"""Which words leave the floor to the agent."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from voxd.dialog.backchannel import SURE_ECHO_WORDS, count_meant, is_backchannel, is_echo


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


def test_few_words_in_common_may_be_an_answer() -> None:
    offer = "Would you like morning or afternoon?"
    assert is_echo("Afternoon.", offer)
    assert not is_echo("Afternoon.", offer, SURE_ECHO_WORDS)
    assert is_echo("like morning or", offer, SURE_ECHO_WORDS)
    assert not is_echo("", offer, 0)


@pytest.mark.parametrize(
    "text",
    ["", "Okay, thank you.", "Thanks.", "Thank you very much!", "Gracias.", "Muchas gracias.",
     "No problem.", "Sure, take your time.", "Okay, sure, no rush, take your time.", "Please.",
     "Sí, por favor.", "That’s fine.", "No hay problema.", "okay okay okay okay okay okay"],
)  # fmt: skip
def test_who_only_waits_politely_asks_for_nothing(text: str) -> None:
    assert count_meant(text) == 0


@pytest.mark.parametrize(
    ("text", "meant"),
    [("the", 1), ("No.", 1), ("Take your", 2), ("Okay, but on Sundays?", 3), ("you", 1),
     ("No problem, but I need it today", 5), ("on Sundays please", 2), ("gracias, pero no", 2)],
)  # fmt: skip
def test_other_words_are_counted(text: str, meant: int) -> None:
    assert count_meant(text) == meant


@given(st.text())
def test_any_text_is_judged(text: str) -> None:
    assert 0 <= count_meant(text) <= len(text)
    assert isinstance(is_backchannel(text), bool)
    assert not is_echo(text, "")
