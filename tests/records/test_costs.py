from dataclasses import replace

from tests.records.outcomes import make_outcome
from voxd.records.costs import call_cost, turn_cost
from voxd.settings.records import Price

(TURN,) = make_outcome(turns=1).turns
PRICES = {
    "ear": Price(minute=0.6),
    "mind": Price(million_prompt_tokens=100.0, million_completion_tokens=1000.0),
    "mouth": Price(million_characters=1000.0),
}


def test_a_turn_costs_its_tokens_and_characters() -> None:
    assert turn_cost(TURN, PRICES) == {"llm": 0.014, "tts": 0.024}


def test_what_was_thrown_away_costs_as_well() -> None:
    wasteful = replace(TURN, wasted_tokens=2, wasted_characters=6)
    assert turn_cost(wasteful, PRICES) == {"llm": 0.016, "tts": 0.03}


def test_engines_without_a_price_cost_nothing_that_is_known() -> None:
    assert turn_cost(TURN, {}) == {}
    assert turn_cost(TURN, {"mind": Price(), "mouth": Price()}) == {}
    assert turn_cost(TURN, {"mind": Price(million_prompt_tokens=100.0)}) == {"llm": 0.006}


def test_listening_costs_as_long_as_the_call_lasts() -> None:
    assert call_cost((TURN,), 30.0, PRICES) == {"stt": 0.3, "llm": 0.014, "tts": 0.024}


def test_two_ears_share_the_time() -> None:
    turns = (TURN, replace(TURN, stt_engine="local"))
    assert call_cost(turns, 60.0, PRICES)["stt"] == 0.3


def test_a_turn_that_nobody_heard_takes_no_share_of_the_time() -> None:
    turns = (TURN, replace(TURN, stt_engine=""))
    assert call_cost(turns, 60.0, PRICES)["stt"] == 0.6


def test_a_call_without_turns_has_no_known_costs() -> None:
    assert call_cost((), 60.0, PRICES) == {}
