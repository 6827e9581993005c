"""Agents and texts that a config's keys are well by themselves, but not together."""

from typing import Any

import pytest

from tests.test_config import RAW, parse, problems_of


def agent(**keys: Any) -> dict[str, Any]:
    return {**RAW, "agent": {**RAW["agent"], **keys}}


def test_a_last_resort_needs_what_it_leads_to() -> None:
    assert problems_of(agent(on_failure="transfer")) == {
        "agent.on_failure": 'on_failure = "transfer" needs a transfer.number'
    }
    assert "redirect_url" in problems_of(agent(on_failure="redirect"))["agent.on_failure"]
    parse(agent(on_failure="transfer", transfer={"number": "+15550123"}))
    parse(agent(on_failure="redirect", redirect_url="https://example.com/twiml"))
    parse(agent(on_failure="voicemail"))


def test_an_agent_may_lean_on_what_the_first_one_has() -> None:
    raw = agent(transfer={"number": "+15550123"})
    parse({**raw, "agents": {"night": {"on_failure": "transfer"}}})
    problems = problems_of({**RAW, "agents": {"night": {"on_failure": "transfer"}}})
    assert set(problems) == {"agents.night.on_failure"}


@pytest.mark.parametrize("number", ["5550123", "+0123", "+1 555 0123", "+1" + "5" * 20, "sip:a@b"])
def test_a_transfer_goes_to_a_telephone_number(number: str) -> None:
    assert "agent.transfer.number" in problems_of(agent(transfer={"number": number}))


@pytest.mark.parametrize(
    "url", ["http://example.com", "http://127.0.0.1.example.com", "ftp://x", "https://", "example"]
)
def test_a_call_is_handed_only_to_an_encrypted_address(url: str) -> None:
    assert "agent.redirect_url" in problems_of(agent(redirect_url=url))
    assert "lookup.url" in problems_of({**RAW, "lookup": {"url": url}})


def test_voices_belong_to_engines_that_speak() -> None:
    parse(agent(voices={"cartesia": "some-id", "polly": "Polly.Joanna-Neural"}))
    problems = problems_of(agent(voices={"groq": "x", "acme": "y"}))
    assert set(problems) == {"agent.voices.groq", "agent.voices.acme"}
    assert "known: polly, cartesia, piper" in problems["agent.voices.acme"]


def test_a_variable_that_no_call_has_is_a_problem_with_its_key() -> None:
    problems = problems_of(
        {
            **agent(prompt="Today is {date}, {weather}.", greeting="Hi {name}."),
            "agents": {"night": {"greeting": "Hi {nmae}."}},
            "phrases": {"en": {"greeting": "This is {city}."}},
            "variables": {"name": "friend"},
        }
    )
    keys = {"agent.prompt", "agents.night.greeting", "phrases.en.greeting"}
    assert set(problems) == keys
    assert problems["agent.prompt"] == (
        "no variable {weather}; known: called, caller, date, name, tenant, time; "
        "write {{weather}} for the braces themselves"
    )


def test_what_is_rendered_ahead_has_no_variables() -> None:
    raw = agent(phrases={"goodbye": "Bye {caller}.", "fillers": ["{date}"]})
    problems = problems_of({**raw, "phrases": {"en": {"failure": "Sorry, {caller}."}}})
    assert set(problems) == {
        *("agent.phrases.goodbye", "agent.phrases.fillers", "phrases.en.failure")
    }


def test_variables_are_given_a_default_before_a_number_changes_them() -> None:
    problems = problems_of(
        {
            **RAW,
            "variables": {"caller": "x"},
            "numbers": {"+1": {"variables": {"hours": "nine"}}},
        }
    )
    assert "numbers.+1.variables.hours" in problems
    assert problems["variables.caller"] == "every call has a variable of this name already"
    assert any("variables.Bad" in key for key in problems_of({**RAW, "variables": {"Bad": "y"}}))


def test_a_value_has_its_bound() -> None:
    assert "variables.x" in problems_of({**RAW, "variables": {"x": "y" * 201}})


def test_a_full_house_needs_what_it_sends_callers_to() -> None:
    tiers = {**RAW["tiers"], "pro": {**RAW["tiers"]["pro"], "no_room": ["transfer", "redirect"]}}
    parse({**RAW, "tiers": tiers})  # nobody has that tier
    problems = problems_of({**RAW, "tiers": tiers, "numbers": {"+1": {"tier": "pro"}}})
    assert set(problems) == {"tiers.pro.no_room"}
    assert "of the agent of calls to +1" in problems["tiers.pro.no_room"]
