import asyncio

import pytest

from tests.server.harness import FORM, HOST, serving
from voxd.server import forms


@pytest.mark.parametrize("call_sid", ["", "CA 1", "CA1\n", "x" * 65, "../etc", "CÄ1"])
async def test_a_malformed_call_sid_is_refused(call_sid: str) -> None:
    async with serving() as server:
        assert (await server.post("/twilio/voice", {"CallSid": call_sid}))[0] == 400


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
    monkeypatch.setattr(forms, "BODY_S", 0.05)
    head = f"POST /twilio/voice HTTP/1.1\r\nHost: {HOST}\r\nContent-Type: {FORM}\r\n"
    async with serving() as server:
        reader, writer = await asyncio.open_connection(HOST, server.port)
        writer.write(f"{head}Content-Length: 100\r\n\r\nCall".encode())
        assert b" 408 " in await reader.readline()
        writer.close()
        await writer.wait_closed()


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("0", 0),
        ("3600", 3600),
        ("", None),
        ("-1", None),
        ("1.5", None),
        ("٣", None),
        ("9" * 5000, None),
    ],
)
def test_a_duration_is_a_bounded_number_or_none(text: str, expected: int | None) -> None:
    assert forms.read_seconds(text) == expected
