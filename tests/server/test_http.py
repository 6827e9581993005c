import asyncio
import logging

import pytest

from tests.fakes.call import make_config
from tests.server.harness import FORM, HOST, serving, stream_of
from voxd.events import EndReason
from voxd.server import http

CALL = {"CallSid": "CA1", "From": "+15550100", "To": "+15550199"}


async def test_a_call_is_connected_to_our_socket() -> None:
    async with serving() as server:
        status, body = await server.post("/twilio/voice", CALL)
        stream = stream_of(body)
        assert status == 200
        assert stream["url"] == f"ws://{HOST}:{server.port}/twilio/media"
        assert stream["action"] == f"{server.url}/twilio/after"
        assert (stream["from"], stream["to"]) == ("+15550100", "+15550199")
        assert len(stream["token"]) >= 32


async def test_the_dialled_number_decides_what_is_reserved() -> None:
    base = make_config().tiers["test"].model_dump()
    numbers = {CALL["To"]: {"tier": "gold", "language": "es"}}
    async with serving(config=make_config(tiers={"gold": base}, numbers=numbers)) as server:
        assert server.state.admission is not None
        for call, tier in ((CALL, "gold"), ({"CallSid": "CA2", "To": "+15550177"}, "test")):
            token = stream_of((await server.post("/twilio/voice", call))[1])["token"]
            reservation = server.state.admission.consume(token, call["CallSid"])
            assert reservation is not None
            assert reservation.stack.config.call.tier == tier


async def test_the_answer_is_xml() -> None:
    async with (
        serving() as server,
        server.http.post(f"{server.url}/twilio/voice", data=CALL) as response,
    ):
        assert response.content_type == "text/xml"


async def test_the_public_address_is_what_twilio_is_told() -> None:
    config = make_config(server={"public_url": "https://voice.example.com"})
    async with serving(config=config) as server:
        stream = stream_of((await server.post("/twilio/voice", CALL))[1])
        assert stream["url"] == "wss://voice.example.com/twilio/media"
        assert stream["action"] == "https://voice.example.com/twilio/after"


async def test_long_or_odd_numbers_are_bounded_and_escaped() -> None:
    fields = {"CallSid": "CA1", "From": "+" * 5000, "To": '"><Hangup/>\x00'}
    async with serving() as server:
        status, body = await server.post("/twilio/voice", fields)
        stream = stream_of(body)
        assert status == 200
        assert len(stream["from"]) == http.MAX_PARAMETER_CHARS
        assert stream["to"] == '"><Hangup/>'


async def test_a_full_house_says_so_and_hangs_up() -> None:
    config = make_config(server={"max_calls": 1})
    async with serving(config=config) as server:
        await server.reserve("CA1")
        status, body = await server.post("/twilio/voice", {"CallSid": "CA2"})
        assert status == 200
        assert "all our lines are busy" in body
        assert "<Hangup" in body and "<Stream" not in body


async def test_a_spanish_number_is_refused_in_spanish() -> None:
    config = make_config(numbers={CALL["To"]: {"language": "es"}})
    async with serving(config=config, is_ready=False) as server:
        body = (await server.post("/twilio/voice", CALL))[1]
        assert 'language="es-MX">Lo siento, todas nuestras líneas están ocupadas' in body


async def test_before_it_is_warm_and_while_it_drains_calls_are_refused_with_a_sentence() -> None:
    async with serving(is_ready=False) as server:
        assert "all our lines are busy" in (await server.post("/twilio/voice", CALL))[1]
    async with serving() as server:
        server.state.drain()
        assert "all our lines are busy" in (await server.post("/twilio/voice", CALL))[1]


@pytest.mark.parametrize("call_sid", ["", "CA 1", "CA1\n", "x" * 65, "../etc", "CÄ1"])
async def test_a_malformed_call_sid_is_refused(call_sid: str) -> None:
    async with serving() as server:
        assert (await server.post("/twilio/voice", {"CallSid": call_sid}))[0] == 400


@pytest.mark.parametrize(
    ("reason", "expected"),
    [
        (EndReason.ENGINES_FAILED, "something went wrong"),
        (EndReason.BUG, "something went wrong"),
        (EndReason.AGENT_HUNG_UP, "<Hangup"),
        (EndReason.SHUTDOWN, "<Hangup"),
        (EndReason.CALLER_HUNG_UP, "<Hangup"),
    ],
)
async def test_what_follows_a_stream_depends_on_why_it_ended(
    reason: EndReason, expected: str
) -> None:
    async with serving() as server:
        await server.runtime.calls.finish("CA1", reason)
        status, body = await server.post("/twilio/after", CALL)
        assert status == 200
        assert expected in body and "<Hangup" in body
        assert ("<Say" in body) == (expected != "<Hangup")


async def test_after_an_unknown_call_the_line_is_hung_up() -> None:
    async with serving() as server:
        assert "<Hangup" in (await server.post("/twilio/after", {"CallSid": "CA9"}))[1]
    async with serving(is_ready=False) as server:
        assert "<Hangup" in (await server.post("/twilio/after", {"CallSid": "CA9"}))[1]


@pytest.mark.parametrize(
    ("body", "content_type", "status"),
    [
        (b"CallSid=CA1&x=" + b"y" * 70_000, FORM, 413),
        (b"CallSid=CA1&" + b"&".join(b"a%d=1" % n for n in range(400)), FORM, 400),
        (b"CallSid=CA1&From=%ff%fe", FORM, 200),
        (b"CallSid=CA1&From=\xff\xfe", FORM, 400),
        (b"", FORM, 400),
        (b"CallSid=CA1", f"{FORM}; charset=nonsense", 200),
        (b'{"CallSid": "CA1"}', "application/json", 415),
        (b"--x\r\n\r\n--x--", "multipart/form-data; boundary=x", 415),
    ],
)
async def test_bodies_that_are_no_webhook_are_refused(
    body: bytes, content_type: str, status: int
) -> None:
    headers = {"Content-Type": content_type}
    async with (
        serving() as server,
        server.http.post(f"{server.url}/twilio/voice", data=body, headers=headers) as response,
    ):
        assert response.status == status


async def test_a_body_that_does_not_come_is_not_awaited_for_long(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(http, "BODY_S", 0.05)
    head = f"POST /twilio/voice HTTP/1.1\r\nHost: {HOST}\r\nContent-Type: {FORM}\r\n"
    async with serving() as server:
        reader, writer = await asyncio.open_connection(HOST, server.port)
        writer.write(f"{head}Content-Length: 100\r\n\r\nCall".encode())
        assert b" 408 " in await reader.readline()
        writer.close()
        await writer.wait_closed()


async def test_no_number_and_no_token_reaches_the_log(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    config = make_config(server={"max_calls": 1})
    async with serving(config=config) as server:
        stream = stream_of((await server.post("/twilio/voice", CALL))[1])
        await server.post("/twilio/voice", {**CALL, "CallSid": "CA2"})
        await server.post("/twilio/voice?From=%2B15550100", CALL, {"Via": "x"})
        await server.post("/twilio/after", CALL)
    records = [str(vars(record)) for record in caplog.records if record.name.startswith("voxd")]
    assert any("call refused" in record for record in records)
    for secret in ("5550100", "5550199", stream["token"]):
        assert not any(secret in record for record in records)
