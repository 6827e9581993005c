import asyncio
import base64
import contextlib
import json
import logging
import socket as sockets
from itertools import chain, count
from typing import Any, cast

import aiohttp
import pytest
from aiohttp import WSMessage, WSMsgType

from tests.server.harness import HOST, Server, connected, message, serving, start
from voxd.events import EndReason
from voxd.server import media, state

STOP = {"accountSid": "AC1", "callSid": "CA1"}
FRAME = {
    "track": "inbound",
    "chunk": "1",
    "timestamp": "20",
    "payload": base64.b64encode(b"\xff" * 160).decode(),
}


async def close_code(socket: aiohttp.ClientWebSocketResponse) -> int | None:
    """The code that the server closes with, whatever it sends before."""
    async with asyncio.timeout(10):
        while (await socket.receive()).type in (WSMsgType.TEXT, WSMsgType.BINARY):
            pass
    return socket.close_code


async def ended(server: Server, call_sid: str = "CA1") -> EndReason | None:
    """Why a call ended, once it has."""
    async with asyncio.timeout(10):
        while not server.runtime.calls.end_reason(call_sid):
            await asyncio.sleep(0.005)
    return server.runtime.calls.end_reason(call_sid)


async def first(socket: aiohttp.ClientWebSocketResponse, event: str) -> dict[str, str]:
    """The next message of a kind."""
    async with asyncio.timeout(10):
        while True:
            received: dict[str, str] = json.loads(await socket.receive_str())
            if received["event"] == event:
                return received


async def test_a_call_runs_from_start_to_stop() -> None:
    async with serving() as server:
        async with server.call() as socket:
            spoken = await first(socket, "media")
            assert spoken["streamSid"] == "MZ1"
            assert server.runtime.calls.is_active("CA1")
            await socket.send_str(message("stop", 2, **STOP))
            assert await close_code(socket) == 1000
        assert await ended(server) is EndReason.CALLER_HUNG_UP
        assert len(server.runtime.calls) == 0
        assert len(server.state.half_open) == 0


async def test_a_socket_that_closes_without_stop_is_a_lost_line() -> None:
    async with serving() as server:
        async with server.call() as socket:
            await first(socket, "media")
        assert await ended(server) is EndReason.LINE_LOST


async def test_a_connection_that_breaks_is_a_lost_line() -> None:
    async with serving() as server:
        async with server.call() as socket:
            await first(socket, "media")
            socket._writer.transport.abort()
            assert await ended(server) is EndReason.LINE_LOST


@pytest.mark.parametrize(
    "messages",
    [
        [connected(), start("CA1", "guessed")],
        [connected(), start("CA1", "")],
        [connected(), start("CA2", "TOKEN")],
    ],
)
async def test_without_a_token_of_its_own_call_a_stream_is_refused(messages: list[str]) -> None:
    async with serving() as server:
        token = await server.reserve("CA1")
        async with server.socket() as socket:
            for text in messages:
                await socket.send_str(text.replace("TOKEN", token))
            assert await close_code(socket) == 1008
        assert len(server.runtime.calls) == 0


async def test_a_token_is_good_for_one_stream() -> None:
    async with serving() as server:
        token = await server.reserve("CA1")
        for _ in range(2):
            async with server.socket() as socket:
                await socket.send_str(connected())
                await socket.send_str(start("CA1", token))
                if server.runtime.calls.end_reason("CA1"):
                    assert await close_code(socket) == 1008
                else:
                    await first(socket, "media")
            await ended(server)


async def test_a_second_stream_of_a_running_call_is_refused() -> None:
    async with serving() as server, server.call("CA1") as running:
        await first(running, "media")
        assert (await server.post("/twilio/voice", {"CallSid": "CA1"}))[0] == 409
        async with server.socket() as second:
            await second.send_str(connected())
            await second.send_str(start("CA1", "guessed"))
            assert await close_code(second) == 1008
        assert server.runtime.calls.is_active("CA1")


async def test_a_peer_that_does_not_start_is_closed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(media, "FIRST_MESSAGES_S", 0.05)
    async with serving() as server:
        async with server.socket() as socket:
            assert await close_code(socket) == 1008
        async with server.socket() as socket:
            await socket.send_str(connected())
            assert await close_code(socket) == 1008
        async with server.socket() as socket:
            await socket.send_str(start("CA1", await server.reserve()))
            assert await close_code(socket) == 1008
        assert len(server.state.half_open) == 0


async def test_too_many_sockets_without_a_token_are_turned_away(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(state, "MAX_HALF_OPEN", 1)
    async with serving() as server, server.socket() as waiting:
        with pytest.raises(aiohttp.WSServerHandshakeError, match="503"):
            async with server.socket():
                pass
        await waiting.close()


async def test_before_it_is_warm_there_is_no_socket() -> None:
    async with serving(is_ready=False) as server:
        with pytest.raises(aiohttp.WSServerHandshakeError, match="503"):
            async with server.socket():
                pass


async def test_a_token_of_before_the_drain_opens_its_call() -> None:
    async with serving() as server:
        token = await server.reserve()
        server.state.drain()
        async with server.socket() as socket:
            await socket.send_str(connected())
            await socket.send_str(start("CA1", token))
            await socket.receive(timeout=5)  # its greeting
            assert server.runtime.calls.is_active("CA1")


async def test_a_token_that_was_withdrawn_is_worth_nothing() -> None:
    async with serving() as server:
        token = await server.reserve()
        assert server.state.admission is not None
        server.state.admission.withdraw()
        async with server.socket() as socket:
            await socket.send_str(connected())
            await socket.send_str(start("CA1", token))
            assert await close_code(socket) == 1008


async def test_an_ordinary_request_is_told_to_upgrade() -> None:
    async with serving() as server:
        assert (await server.get("/twilio/media"))[0] == 426


async def test_refused_messages_are_logged_once_per_reason_and_never_end_a_call(
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.INFO)
    async with serving() as server:
        async with server.call() as socket:
            await first(socket, "media")
            for _ in range(50):
                await socket.send_str("my secret words")
                await socket.send_str('{"event": "+15550100"}')
                await socket.send_bytes(b"my secret bytes")
                await socket.send_str(message("media", 2, "MZother", **FRAME))
            await socket.send_str(message("mark", 2, name="hello"))
            await socket.send_str(message("stop", 3, **STOP))
            assert await close_code(socket) == 1000
        assert await ended(server) is EndReason.CALLER_HUNG_UP
    refused = [r for r in caplog.records if r.message == "message refused"]
    assert sorted(r.reason for r in refused) == [  # type: ignore[attr-defined]
        "binary",
        "not_json",
        "unknown_event",
        "wrong_stream",
    ]
    assert all(r.call == "CA1" for r in refused if hasattr(r, "call"))
    (last,) = [r for r in caplog.records if r.message == "call ended"]
    assert last.refused_messages == 200  # type: ignore[attr-defined]
    everything = " ".join(str(vars(record)) for record in caplog.records)
    assert "secret" not in everything and "5550100" not in everything


async def test_a_message_above_the_bound_closes_its_own_socket_only() -> None:
    async with serving() as server, server.call("CA2") as other:
        await first(other, "media")
        async with server.call("CA1") as socket:
            await first(socket, "media")
            await socket.send_str("x" * (media.MAX_MESSAGE_BYTES + 1))
            assert await close_code(socket) == 1009
        assert await ended(server, "CA1") is EndReason.PROTOCOL
        assert server.runtime.calls.is_active("CA2")


async def test_broken_frames_close_their_own_socket_only() -> None:
    async with serving() as server, server.call("CA2") as other:
        await first(other, "media")
        async with server.call("CA1") as socket:
            await first(socket, "media")
            writer = socket._writer.transport
            writer.write(b"\xff" * 16)  # reserved bits, an unknown opcode
            assert await close_code(socket) == 1002
        assert await ended(server, "CA1") is EndReason.PROTOCOL
        assert server.runtime.calls.is_active("CA2")


async def test_compression_is_never_agreed_to() -> None:
    async with serving() as server:
        url = f"{server.url}/twilio/media"
        async with server.http.ws_connect(url, compress=15) as socket:
            assert socket.compress == 0


@pytest.mark.parametrize("kind", ["text", "binary", "ping"])
async def test_a_flood_of_messages_ends_its_own_call_only(kind: str) -> None:
    async with serving() as server, server.call("CA2") as other:
        await first(other, "media")
        async with server.call("CA1") as socket:
            await first(socket, "media")
            send = {
                "text": lambda: socket.send_str("{}"),
                "binary": lambda: socket.send_bytes(b"x"),
                "ping": socket.ping,
            }[kind]
            with contextlib.suppress(ConnectionError):
                for _ in range(10_000):
                    await send()
            assert await close_code(socket) in (1008, 1006)  # or our words met a closed socket
        assert await ended(server, "CA1") is EndReason.PROTOCOL
        assert server.runtime.calls.is_active("CA2")


async def test_what_a_line_that_was_stuck_brings_at_once_is_no_flood() -> None:
    async with serving() as server:
        async with server.call() as socket:
            await first(socket, "media")
            for number in range(900):
                frame = {**FRAME, "chunk": str(number + 1), "timestamp": str(20 * number)}
                await socket.send_str(message("media", number + 2, **frame))
            await socket.send_str(message("stop", 902, **STOP))
            assert await close_code(socket) == 1000
        assert await ended(server) is EndReason.CALLER_HUNG_UP


async def test_a_socket_with_much_to_read_lets_others_run() -> None:
    class Full:
        """A socket in which messages always wait."""

        def __init__(self) -> None:
            frames = (message("media", number, **FRAME) for number in count(2))
            self.texts = chain((connected(), start("CA1", "token")), frames)

        async def receive(self) -> WSMessage:
            return WSMessage(WSMsgType.TEXT, next(self.texts), None)

    turns = 0

    async def run() -> None:
        nonlocal turns
        while True:
            turns += 1
            await asyncio.sleep(0)

    line = media.MediaSocket(cast(Any, Full()), cast(Any, None))
    async with asyncio.TaskGroup() as tasks:
        other = tasks.create_task(run())
        for _ in range(10 * media.FAIRNESS):
            assert await line.receive() is not None
        other.cancel()
    assert turns >= 10


async def test_a_ping_is_answered() -> None:
    async with serving() as server:
        token = await server.reserve()
        url = f"{server.url}/twilio/media"
        async with server.http.ws_connect(url, autoping=False) as socket:
            await socket.send_str(connected())
            await socket.send_str(start("CA1", token))
            await socket.ping(b"there?")
            async with asyncio.timeout(10):
                while (answer := await socket.receive()).type is not WSMsgType.PONG:
                    pass
            assert answer.data == b"there?"


async def test_a_peer_that_does_not_read_loses_its_call_in_time(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(media, "SEND_S", 0.05)
    sent = asyncio.get_running_loop().create_future()

    async def flood(self: object) -> EndReason:
        line = self._transport  # type: ignore[attr-defined]
        with pytest.raises(ConnectionError):
            while True:
                await line.send_media(b"\xff" * 16_000)
        with pytest.raises(ConnectionError):
            await line.send_mark("r1.c0.g0")
        sent.set_result(await line.receive())
        return EndReason.LINE_LOST

    monkeypatch.setattr("voxd.call.live.LiveCall.run", flood)
    async with serving() as server:
        token = await server.reserve("CA1")
        peer = sockets.create_connection((HOST, server.port))
        peer.setblocking(False)
        loop = asyncio.get_running_loop()
        handshake = (
            f"GET /twilio/media HTTP/1.1\r\nHost: {HOST}\r\nConnection: Upgrade\r\n"
            "Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
            "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
        )
        await loop.sock_sendall(peer, handshake.encode())
        for text in (connected(), start("CA1", token)):
            await loop.sock_sendall(peer, masked(text))
        async with asyncio.timeout(10):
            assert await sent is None
        peer.close()
        assert await ended(server) is EndReason.LINE_LOST
    assert "peer does not read" in caplog.messages


async def test_a_bug_while_building_a_call_ends_that_call_with_a_reason(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    def build_call(*_: object) -> None:
        raise KeyError("bug")

    monkeypatch.setattr(media, "build_call", build_call)
    async with serving() as server:
        async with server.call() as socket:
            assert await close_code(socket) == 1000
        assert await ended(server) is EndReason.BUG
        assert "something went wrong" in (await server.post("/twilio/after", {"CallSid": "CA1"}))[1]
        await asyncio.sleep(0)
        assert not server.stage.stt.open_streams  # what was begun for it is given back
        assert not server.stage.llm.sequences
    assert "call ended by a bug" in caplog.messages


def masked(text: str) -> bytes:
    """One client frame with a mask of zeros."""
    body = text.encode()
    return b"\x81\xfe" + len(body).to_bytes(2, "big") + bytes(4) + body


async def test_the_token_is_not_among_the_call_s_parameters(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    seen = asyncio.get_running_loop().create_future()

    async def run(self: object) -> EndReason:
        line = self._transport  # type: ignore[attr-defined]
        seen.set_result((line.call_sid, line.stream_sid, dict(line.parameters)))
        return EndReason.AGENT_HUNG_UP

    monkeypatch.setattr("voxd.call.live.LiveCall.run", run)
    async with serving() as server, server.call() as socket:
        assert await close_code(socket) == 1000
    assert await seen == ("CA1", "MZ1", {"from": "+15550100"})
