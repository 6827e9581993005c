"""The security table: what happens to an intruder, and to a good call beside him.

Each test is one intruder against a signed server on loopback, while a simulated caller of
`voxd.caller` is on the line and gets an answer. What came of both is printed at the end.
"""

import asyncio
import contextlib
import io
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path

import aiohttp
import numpy as np
import pytest
from aiohttp import WSMsgType
from twilio.request_validator import RequestValidator

from tests.fakes.call import make_config
from tests.fakes.language_model import said
from tests.server.harness import HOST, Server, connected, serving, start, stream_of
from tests.server.test_media_fuzz import Answers
from voxd.audio.g711 import decode_mulaw
from voxd.caller.call import place_call
from voxd.caller.plan import CallPlan, build_turn
from voxd.caller.report import CallReport, Outcome
from voxd.events import EndReason
from voxd.server import admission, listen
from voxd.server.guard import Guard
from voxd.server.keys import DoorKeys
from voxd.server.listen import HEAD_S
from voxd.server.media import BURST, FIRST_MESSAGES_S, RATE_PER_S
from voxd.server.state import MAX_HALF_OPEN_PER_ADDRESS

TOKEN = "the account's auth token"
SPEECH = Path(__file__).parents[1] / "samples" / "speech" / "yes.ulaw"
OVERCROWDED = "more silent connections than places"
FEW_PLACES = 20
"""Beside those of calls, for that intruder."""
STRANGER, OTHER = {"X-Forwarded-For": "54.1.2.3"}, {"X-Forwarded-For": "54.9.9.9"}
"""Two addresses, as the trusted proxy of these tests tells them."""


@pytest.fixture(scope="module")
def table(request: pytest.FixtureRequest) -> Iterator[list[tuple[str, str, str]]]:
    """Rows of the security table; printed when the last intruder is gone."""
    rows: list[tuple[str, str, str]] = []
    yield rows
    manager = request.config.pluginmanager.getplugin("capturemanager")
    with manager.global_and_fixture_disabled():
        print("\n\n| intruder | what happened to him | the good call beside him |")
        print("| --- | --- | --- |")
        for row in rows:
            print("| " + " | ".join(row) + " |")


class Door:
    """A signed server, and the hands of somebody who tries it."""

    def __init__(self, server: Server) -> None:
        self.server = server

    def signed(self, url: str, fields: Mapping[str, str] | None = None) -> dict[str, str]:
        signer = RequestValidator(TOKEN)
        return {"X-Twilio-Signature": signer.compute_signature(url, fields or {})}

    @property
    def upgrade(self) -> dict[str, str]:
        """The handshake's signature: the same for every call, so that it may have been seen."""
        return self.signed(f"wss://{HOST}:{self.server.port}/twilio/media")

    async def post(self, path: str, fields: Mapping[str, str], headers: Mapping[str, str]) -> int:
        return (await self.server.post(path, fields, headers))[0]

    async def reserve(self, call_sid: str) -> str:
        """A token that Twilio would be given for a call."""
        fields = {"CallSid": call_sid}
        headers = self.signed(f"{self.server.url}/twilio/voice", fields)
        status, body = await self.server.post("/twilio/voice", fields, headers)
        assert status == 200
        return stream_of(body)["token"]

    @asynccontextmanager
    async def stream(
        self, call_sid: str, token: str
    ) -> AsyncIterator[aiohttp.ClientWebSocketResponse]:
        async with self.server.socket(self.upgrade) as socket:
            await socket.send_str(connected())
            await socket.send_str(start(call_sid, token))
            yield socket

    async def handshake(self, headers: Mapping[str, str]) -> int:
        """The status that a WebSocket's handshake is answered with."""
        try:
            async with self.server.socket(headers):
                return 101
        except aiohttp.WSServerHandshakeError as error:
            return error.status

    async def runs(self, call_sid: str) -> None:
        async with asyncio.timeout(10):
            while not self.server.runtime.calls.is_active(call_sid):
                await asyncio.sleep(0.002)

    async def ended(self, call_sid: str) -> EndReason | None:
        async with asyncio.timeout(10):
            while not self.server.runtime.calls.end_reason(call_sid):
                await asyncio.sleep(0.002)
        return self.server.runtime.calls.end_reason(call_sid)


async def close_code(socket: aiohttp.ClientWebSocketResponse) -> int | None:
    async with asyncio.timeout(10):
        while (await socket.receive()).type in (WSMsgType.TEXT, WSMsgType.BINARY):
            pass
    return socket.close_code


async def unsigned(door: Door) -> str:
    fields = {"CallSid": "CAx"}
    for path in ("/twilio/voice", "/twilio/after", "/twilio/gather", "/twilio/status"):
        assert await door.post(path, fields, {}) == 403
    assert await door.handshake({}) == 403
    return "403 at every webhook and at the WebSocket"


async def wrongly_signed(door: Door) -> str:
    fields = {"CallSid": "CAx"}
    url = f"{door.server.url}/twilio/voice"
    guess = RequestValidator("a guess").compute_signature(url, fields)
    assert await door.post("/twilio/voice", fields, {"X-Twilio-Signature": guess}) == 403
    changed = {"CallSid": "CAy"}
    assert await door.post("/twilio/voice", changed, door.signed(url, fields)) == 403
    assert await door.handshake({"X-Twilio-Signature": guess}) == 403
    settings = {"X-Twilio-Webhooks-Signature-Settings": "key=k,algorithm=HMAC_SHA256"}
    assert await door.post("/twilio/voice", fields, door.signed(url, fields) | settings) == 403
    return "403, whatever the secret, the fields or the algorithm"


async def replayed(door: Door) -> str:
    token = await door.reserve("CAreplayed")
    async with door.stream("CAreplayed", token):
        await door.runs("CAreplayed")
    await door.ended("CAreplayed")
    async with door.stream("CAreplayed", token) as again:
        assert await close_code(again) == 1008
    return "the token opened one stream; with it again: closed, 1008"


async def expired(door: Door) -> str:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(admission, "RESERVED_S", 0.0)
        token = await door.reserve("CAlate")
    async with door.stream("CAlate", token) as socket:
        assert await close_code(socket) == 1008
    return "closed, 1008"


async def foreign_call_sid(door: Door) -> str:
    token = await door.reserve("CAmine")
    async with door.stream("CAforeign", token) as socket:
        assert await close_code(socket) == 1008
    return "the token is bound to its CallSid: closed, 1008"


async def second_stream(door: Door) -> str:
    token = await door.reserve("CAtwo")
    async with door.stream("CAtwo", token) as first:
        await door.runs("CAtwo")
        for wrong in (token, "guessed"):
            async with door.stream("CAtwo", wrong) as second:
                assert await close_code(second) == 1008
        assert door.server.runtime.calls.is_active("CAtwo")
        await first.close()
    return "the second was closed, 1008; the first went on"


async def tampered_url(door: Door) -> str:
    fields = {"CallSid": "CAx"}
    headers = door.signed(f"{door.server.url}/twilio/voice", fields)
    for path in ("/twilio/voice?agent=other", "/twilio/after", "/twilio/voice//"):
        assert await door.post(path, fields, headers) in (403, 404)
    host = headers | {"Host": "voice.example.com", "X-Forwarded-Host": "voice.example.com"}
    signed = door.signed("https://voice.example.com/twilio/voice", fields)
    assert await door.post("/twilio/voice", fields, host | signed) == 403
    return "403: signed is the configured address, not what a request says of itself"


async def forwarded_headers(door: Door) -> str:
    for value in ("127.0.0.1", "::1", "54.1.2.3, 127.0.0.1"):
        headers = {"X-Forwarded-For": value, "X-Real-IP": "127.0.0.1", "Host": "localhost"}
        for path in ("/health", "/calls/CA1", "/api/calls/CA1"):
            assert (await door.server.get(path, headers))[0] == 403
        assert await door.post("/twilio/voice", {"CallSid": "CAx"}, headers) == 403
    return "403: they open nothing, also from a trusted proxy"


async def big_body(door: Door) -> str:
    body = io.BytesIO(b"CallSid=CAx&x=" + b"y" * 10_000_000)
    headers = {"Content-Type": "application/x-www-form-urlencoded"}
    try:
        async with door.server.http.post(
            f"{door.server.url}/twilio/voice", data=body, headers=headers
        ) as response:
            assert response.status == 413
    except aiohttp.ClientConnectionError:  # the rest of the body met a closed connection
        return "cut off"
    return "413 after 64 KiB"


async def flood(door: Door) -> str:
    token = await door.reserve("CAflood")
    async with door.stream("CAflood", token) as socket:
        await door.runs("CAflood")
        with contextlib.suppress(ConnectionError):
            for _ in range(10_000):
                await socket.send_str("{}")
        assert await close_code(socket) in (1008, 1006)
    assert await door.ended("CAflood") is EndReason.PROTOCOL
    return f"closed with 1008 after a first {BURST:.0f}; for long {RATE_PER_S:.0f} a second pass"


async def half_open(door: Door) -> str:
    async with contextlib.AsyncExitStack() as stack:
        taken = 0
        for _ in range(200):
            try:
                await stack.enter_async_context(door.server.socket(door.upgrade | STRANGER))
                taken += 1
            except aiohttp.WSServerHandshakeError as error:
                assert error.status == 503
        assert taken == MAX_HALF_OPEN_PER_ADDRESS
        assert await door.handshake(door.upgrade | OTHER) == 101
    room = f"{taken} of one address were taken, with {FIRST_MESSAGES_S:g} s to show a token"
    return f"{room}; {200 - taken} answered 503"


async def silent_connections(door: Door) -> str:
    async with contextlib.AsyncExitStack() as stack:
        for _ in range(200):
            _, writer = await asyncio.open_connection(HOST, door.server.port)
            stack.push_async_callback(writer.wait_closed)
            stack.callback(writer.close)
        await door.reserve("CAbesides")
    return f"taken, with {HEAD_S:g} s for a request each; a webhook beside them was answered"


async def all_places(door: Door) -> str:
    async with contextlib.AsyncExitStack() as stack:
        readers = []
        for _ in range(5 * FEW_PLACES):
            reader, writer = await asyncio.open_connection(HOST, door.server.port)
            stack.callback(writer.close)
            readers.append(reader)
        await door.reserve("CAbesides")
        async with asyncio.timeout(HEAD_S / 2):
            assert await readers[0].read() == b""
        assert not readers[-1].at_eof()
    return "each newcomer has the oldest silent one closed; a webhook beside them was answered"


INTRUDERS = {
    "unsigned": unsigned,
    "wrongly signed": wrongly_signed,
    "replayed (token used twice)": replayed,
    "expired token": expired,
    "foreign CallSid": foreign_call_sid,
    "second stream of a call": second_stream,
    "tampered URL": tampered_url,
    "forwarded headers from strangers": forwarded_headers,
    "10 MB body": big_body,
    "10,000 messages a second": flood,
    "200 half-open WebSockets": half_open,
    "200 silent connections": silent_connections,
    OVERCROWDED: all_places,
}


@asynccontextmanager
async def open_door() -> AsyncIterator[Door]:
    """A server that knows Twilio's signature and answers every turn of every call."""

    @asynccontextmanager
    async def open_stream(*_: object) -> AsyncIterator[Answers]:
        yield Answers()

    config = make_config(
        agent={"greeting": "Hi."}, server={"max_calls": 4, "trusted_proxies": [HOST]}
    )
    async with serving(auth_token=TOKEN, config=config) as server:
        # What Twilio signs begins with the public address, and the port is known only now.
        server.state.guard = Guard(DoorKeys((TOKEN,)), server.url, config.server.trusted_proxies)
        server.stage.stt.open_stream = open_stream  # type: ignore[method-assign, assignment]
        server.stage.llm.scripts = (said("We are."),)
        yield Door(server)


async def good_call(door: Door) -> CallReport:
    turn = build_turn("yes", decode_mulaw(SPEECH.read_bytes()).astype(np.int16))
    return await place_call(
        CallPlan((turn,), url=f"{door.server.url}/twilio/voice", auth_token=TOKEN)
    )


@pytest.mark.parametrize("name", INTRUDERS)
async def test_an_intruder_gets_nothing_and_disturbs_nobody(
    name: str, table: list[tuple[str, str, str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    if name == OVERCROWDED:
        monkeypatch.setattr(listen, "SPARE_CONNECTIONS", FEW_PLACES)
    async with open_door() as door, asyncio.TaskGroup() as group:
        good = group.create_task(good_call(door))
        async with asyncio.timeout(10):
            while not len(door.server.runtime.calls):
                await asyncio.sleep(0.002)
        happened = await INTRUDERS[name](door)
        report = await good
    assert report.outcome is Outcome.CONNECTED, report.problem
    assert report.is_good, report
    assert (report.ended_by, report.after) == ("caller", ["Hangup"])
    answered = f"answered {len(report.turns)} of 1 turn, {len(report.holes)} holes, ended by itself"
    table.append((name, happened, answered))
