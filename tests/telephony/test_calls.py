"""Orders about calls through the real twilio package, to a loopback server that is strict."""

import logging
from collections.abc import AsyncIterator

import pytest

from tests.fakes.call import make_config
from tests.servers.twilio_rest import (
    ACCOUNT_SID,
    AUTH_TOKEN,
    Fault,
    Trouble,
    TwilioRestServer,
    open_server,
)
from voxd.errors import Category, TelephonyError
from voxd.telephony import calls as module
from voxd.telephony.calls import Account, TwilioCalls, open_calls, open_telephony
from voxd.twilio import twiml
from voxd.twilio.orders import MAX_TWIML_CHARS, CallOrder, Detection

ACCOUNT = Account(ACCOUNT_SID, AUTH_TOKEN)
ORDER = CallOrder(
    "+15550100123",
    "+15550199456",
    "https://voice.example.com/twilio/voice?order=abc",
    "https://voice.example.com/twilio/status",
    ring_s=25,
)
AMD_URL = "https://voice.example.com/twilio/answerer"


@pytest.fixture(autouse=True)
def no_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "RETRIES_S", (0.0, 0.0))


@pytest.fixture
async def server() -> AsyncIterator[TwilioRestServer]:
    async with open_server() as server:
        yield server


@pytest.fixture
async def calls(server: TwilioRestServer) -> AsyncIterator[TwilioCalls]:
    async with open_calls(ACCOUNT, server.url, 5.0) as calls:
        yield calls


async def failure(order: object) -> TelephonyError:
    with pytest.raises(TelephonyError) as caught:
        await order  # type: ignore[misc]
    return caught.value


async def test_a_call_is_placed_with_what_twilio_needs(
    server: TwilioRestServer, calls: TwilioCalls
) -> None:
    sid = await calls.place(ORDER)
    placed = server.only_call
    assert placed.sid == sid
    assert placed.order.getall("StatusCallbackEvent") == [
        *("initiated", "ringing", "answered", "completed"),
    ]
    assert {name: placed.order[name] for name in ("To", "From", "Url", "Timeout", "Method")} == {
        "To": ORDER.to,
        "From": ORDER.from_,
        "Url": ORDER.voice_url,
        "Timeout": "25",
        "Method": "POST",
    }
    assert "MachineDetection" not in placed.order


@pytest.mark.parametrize(
    ("detection", "word"),
    [(Detection.HANG_UP, "Enable"), (Detection.MESSAGE, "DetectMessageEnd")],
)
async def test_machines_are_detected_while_the_call_goes_on(
    server: TwilioRestServer, calls: TwilioCalls, detection: Detection, word: str
) -> None:
    order = CallOrder(
        *(ORDER.to, ORDER.from_, ORDER.voice_url, ORDER.status_url, 25, detection, AMD_URL)
    )
    await calls.place(order)
    placed = server.only_call.order
    assert (placed["MachineDetection"], placed["AsyncAmd"]) == (word, "true")
    assert placed["AsyncAmdStatusCallback"] == AMD_URL


async def test_a_call_is_hung_up_and_one_that_is_over_is_no_error(
    server: TwilioRestServer, calls: TwilioCalls
) -> None:
    call = server.add_call("CA1")
    await calls.hang_up("CA1")
    assert call.status == "completed"
    await calls.hang_up("CA1")
    await calls.hang_up("CA2")


async def test_a_call_gets_new_instructions(server: TwilioRestServer, calls: TwilioCalls) -> None:
    call = server.add_call("CA1")
    await calls.redirect("CA1", twiml=twiml.hang_up())
    assert call.document == twiml.hang_up()
    await calls.redirect("CA1", url="https://voice.example.com/other")
    assert call.updates[-1]["Url"] == "https://voice.example.com/other"


async def test_a_call_that_is_over_gets_no_instructions(
    server: TwilioRestServer, calls: TwilioCalls
) -> None:
    server.add_call("CA1", "completed")
    error = await failure(calls.redirect("CA1", twiml=twiml.hang_up()))
    assert (error.category, error.code) == (Category.BAD_REQUEST, 21220)


async def test_a_document_that_twilio_would_refuse_is_not_sent(
    server: TwilioRestServer, calls: TwilioCalls
) -> None:
    for wrong in ({}, {"twiml": "x", "url": "y"}, {"twiml": "x" * (MAX_TWIML_CHARS + 1)}):
        with pytest.raises(ValueError, match="one of the two"):
            await calls.redirect("CA1", **wrong)
    assert server.requests == []


async def test_a_number_that_twilio_refuses_is_an_error_with_its_code(calls: TwilioCalls) -> None:
    order = CallOrder("+0", ORDER.from_, ORDER.voice_url, ORDER.status_url, 25)
    error = await failure(calls.place(order))
    assert (error.category, error.code) == (Category.BAD_REQUEST, 21211)


async def test_a_wrong_token_is_an_error_of_the_account(server: TwilioRestServer) -> None:
    async with open_calls(Account(ACCOUNT_SID, "wrong"), server.url, 5.0) as calls:
        error = await failure(calls.place(ORDER))
    assert (error.category, error.code) == (Category.AUTH, 20003)


@pytest.mark.parametrize(
    ("fault", "category"),
    [
        (Fault(Trouble.STATUS, 429, 20429), Category.RATE_LIMIT),
        (Fault(Trouble.STATUS, 503, 20503), Category.SERVER),
        (Fault(Trouble.STATUS, 402, 20402), Category.QUOTA),
        (Fault(Trouble.RESET), Category.CONNECTIVITY),
        (Fault(Trouble.NONSENSE), Category.SERVER),
        (Fault(Trouble.OTHER_JSON), Category.SERVER),
    ],
    ids=lambda item: str(getattr(item, "trouble", item)),
)
async def test_a_call_that_may_have_been_placed_is_not_placed_again(
    server: TwilioRestServer, calls: TwilioCalls, fault: Fault, category: Category
) -> None:
    server.fault = fault
    assert (await failure(calls.place(ORDER))).category is category
    assert len(server.requests) == 1


async def test_a_hang_up_is_tried_again(server: TwilioRestServer, calls: TwilioCalls) -> None:
    call = server.add_call("CA1")
    for trouble in (Trouble.STATUS, Trouble.RESET):
        call.status = "in-progress"
        server.fault = Fault(trouble, times=2)
        await calls.hang_up("CA1")
        assert call.status == "completed"
    server.fault = Fault(Trouble.STATUS, 401, 20003)
    before = len(server.requests)
    assert (await failure(calls.hang_up("CA1"))).category is Category.AUTH
    assert len(server.requests) == before + 1


async def test_an_answer_that_does_not_come_ends_at_our_deadline(server: TwilioRestServer) -> None:
    """The package takes a timeout and does not use it."""
    server.fault = Fault(Trouble.HANG)
    async with open_calls(ACCOUNT, server.url, 0.05) as calls:
        assert (await failure(calls.place(ORDER))).category is Category.TIMEOUT
        assert (await failure(calls.hang_up("CA1"))).category is Category.TIMEOUT


async def test_nobody_there_is_an_error_of_the_connection() -> None:
    async with open_calls(ACCOUNT, "http://127.0.0.1:9", 5.0) as calls:
        assert (await failure(calls.place(ORDER))).category is Category.CONNECTIVITY


async def test_no_number_no_key_and_no_words_of_twilios_reach_errors_or_logs(
    server: TwilioRestServer, calls: TwilioCalls, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    await calls.place(ORDER)
    server.fault = Fault(Trouble.STATUS, 400, 21211)
    error = await failure(calls.place(ORDER))
    assert error.__cause__ is None and error.__suppress_context__
    told = f"{error} {error.args} {ACCOUNT} {[vars(record) for record in caplog.records]}"
    for secret in (ORDER.to, ORDER.from_, AUTH_TOKEN, "scripted"):
        assert secret not in told
    assert not [record for record in caplog.records if "twilio" in record.name]


@pytest.mark.parametrize("missing", ["TWILIO_ACCOUNT_SID", "TWILIO_AUTH_TOKEN", None])
async def test_orders_are_taken_where_both_secrets_are_set(
    server: TwilioRestServer, monkeypatch: pytest.MonkeyPatch, missing: str | None
) -> None:
    secrets = {"TWILIO_ACCOUNT_SID": ACCOUNT_SID, "TWILIO_AUTH_TOKEN": AUTH_TOKEN}
    for name, value in secrets.items():
        monkeypatch.setenv(name, "" if name == missing else value)
    config = make_config(telephony={"api_url": server.url})
    async with open_telephony(config) as calls:
        assert (calls is None) == (missing is not None)
        if calls is not None:
            await calls.place(ORDER)
    assert bool(server.calls) == (missing is None)
