"""The loopback Twilio refuses what Twilio refuses, and what it would silently pass over."""

from typing import Any

import aiohttp
import pytest

from tests.servers.twilio_rest import ACCOUNT_SID, AUTH_TOKEN, open_server

GOOD = {"To": "+15550100123", "From": "+15550199456", "Url": "https://voice.example.com/x"}
CALLS = f"/2010-04-01/Accounts/{ACCOUNT_SID}/Calls"


async def ask(
    method: str, path: str, token: str = AUTH_TOKEN, **given: Any
) -> tuple[int, dict[str, Any]]:
    async with open_server() as server, aiohttp.ClientSession() as session:
        server.add_call("CA1")
        server.add_call("CA2", "completed")
        headers = {"Authorization": aiohttp.encode_basic_auth(ACCOUNT_SID, token)}
        async with session.request(method, server.url + path, headers=headers, **given) as response:
            answer: dict[str, Any] = await response.json()
            return response.status, answer


@pytest.mark.parametrize(
    ("changed", "code"),
    [
        ({"To": ""}, 21201),
        ({"To": "5550100"}, 21211),
        ({"From": "anonymous"}, 21212),
        ({"Url": "voice.example.com"}, 21205),
        ({"Timeout": "601"}, 20001),
        ({"Tiemout": "30"}, 20001),
        ({"MachineDetection": "Enable", "AsyncAmd": "True"}, 20001),
        ({"AsyncAmd": "true"}, 20001),
        ({"StatusCallbackEvent": "answered completed"}, 20001),
        ({"Twiml": "<Response>" + "x" * 4000 + "</Response>"}, 20001),
        ({"Twiml": "<Response>"}, 12100),
        ({"Twiml": "<Say>Hello</Say>"}, 12100),
    ],
    ids=str,
)
async def test_a_wrong_field_is_refused_with_its_code(changed: dict[str, str], code: int) -> None:
    status, answer = await ask("POST", f"{CALLS}.json", data={**GOOD, **changed})
    assert (status, answer["status"], answer["code"]) == (400, 400, code)


async def test_a_good_order_is_taken() -> None:
    status, answer = await ask("POST", f"{CALLS}.json", data=GOOD)
    assert (status, answer["status"], answer["to"]) == (201, "queued", GOOD["To"])


async def test_a_call_that_is_over_takes_no_orders() -> None:
    status, answer = await ask("POST", f"{CALLS}/CA2.json", data={"Status": "completed"})
    assert (status, answer["code"]) == (400, 21220)
    assert (await ask("POST", f"{CALLS}/CA1.json", data={"Status": "completed"}))[0] == 200


@pytest.mark.parametrize(
    ("method", "path", "given", "expected"),
    [
        ("POST", f"{CALLS}/CA1.json", {"data": {"Status": "paused"}}, (400, 20001)),
        ("POST", f"{CALLS}/CA1.json", {"data": {"Method": "POST"}}, (400, 21205)),
        ("POST", f"{CALLS}/CA9.json", {"data": {"Status": "completed"}}, (404, 20404)),
        ("GET", f"{CALLS}/CA9.json", {}, (404, 20404)),
        ("POST", f"{CALLS}.json", {"json": GOOD}, (415, 20001)),
        ("POST", "/2010-04-01/Accounts/ACother/Calls.json", {"data": GOOD}, (404, 20404)),
        ("GET", "/", {}, (404, 20404)),
    ],
)
async def test_other_paths_and_bodies_are_refused(
    method: str, path: str, given: dict[str, Any], expected: tuple[int, int]
) -> None:
    status, answer = await ask(method, path, **given)
    assert (status, answer["code"]) == expected


async def test_a_wrong_token_is_refused_before_anything_is_read() -> None:
    status, answer = await ask("POST", f"{CALLS}.json", token="wrong", json=GOOD)
    assert (status, answer["code"]) == (401, 20003)
