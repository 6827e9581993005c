"""The bodies of requests to `/api/calls`; over real HTTP they are in `test_api`."""

from typing import Any

import pytest
from aiohttp import web
from pydantic import BaseModel, ValidationError

from voxd.server.wanted import Redirection, WantedCall, refused
from voxd.twilio.orders import Detection

TO, FROM = "+15550100123", "+15550199456"


def is_good(model: type[BaseModel], given: dict[str, Any]) -> bool:
    try:
        model.model_validate(given)
    except ValidationError:
        return False
    return True


def test_two_numbers_are_enough_for_a_call() -> None:
    wanted = WantedCall.model_validate({"to": TO, "from": FROM})
    assert (wanted.to, wanted.from_, wanted.agent, wanted.variables) == (TO, FROM, None, {})


@pytest.mark.parametrize("detection", [word.value for word in Detection])
def test_machine_detection_has_its_words(detection: str) -> None:
    body = f'{{"to": "{TO}", "from": "{FROM}", "machine_detection": "{detection}"}}'
    assert WantedCall.model_validate_json(body).machine_detection == detection


@pytest.mark.parametrize(
    "number",
    ["", "+", "5550100123", "+0550100123", "+1555", "+1555010012345678", f"{TO}\n", "+١٢٣٤٥٦٧٨"],
)
def test_a_number_is_e164_and_nothing_else(number: str) -> None:
    assert not is_good(WantedCall, {"to": number, "from": FROM})
    assert not is_good(Redirection, {"number": number})


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({"number": TO}, True),
        ({"url": "https://x.example.com/twiml?a=1"}, True),
        ({"number": TO, "url": "https://x.example.com"}, False),
        ({"url": "ftp://x.example.com"}, False),
        ({}, False),
        ({"number": TO, "more": 1}, False),
    ],
)
def test_a_call_goes_to_a_number_or_to_an_address(given: dict[str, Any], expected: bool) -> None:
    assert is_good(Redirection, given) == expected


def test_a_refusal_is_one_word_and_what_is_known() -> None:
    answer = refused(web.HTTPConflict, "why", headers={"Retry-After": "1"}, code=7)
    assert (answer.status, answer.text) == (409, '{"error":"why","code":7}\n')
    assert (answer.content_type, answer.headers["Retry-After"]) == ("application/json", "1")
