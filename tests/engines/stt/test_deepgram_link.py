"""Every way in which Deepgram and the network refuse, through the real SDK, in our words."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from importlib import metadata

import pytest
from websockets.extensions.permessage_deflate import PerMessageDeflate

from tests.engines.stt.deepgram_setup import settle
from tests.servers.deepgram import DeepgramServer, open_server
from tests.servers.deepgram_script import KEY, Fault, Refusal, Script, Trouble
from voxd.engines.stt.deepgram_link import (
    CLOSE_S,
    Control,
    DeepgramLink,
    judge_close,
)
from voxd.errors import Category, EngineError, Phase

QUERY = {"model": "nova-3", "encoding": "mulaw", "sample_rate": 8000}


@pytest.fixture
async def server() -> AsyncIterator[DeepgramServer]:
    async with open_server(Script()) as server:
        yield server


async def refused(link: DeepgramLink, **query: object) -> EngineError:
    """Why a connection could not be made."""
    with pytest.raises(EngineError) as caught:
        async with link.connect("v1", {**QUERY, **query}):
            pytest.fail("it could be made")
    assert caught.value.phase is Phase.CONNECT
    return caught.value


def link_to(server: DeepgramServer, key: str = KEY, connect_s: float = 5.0) -> DeepgramLink:
    return DeepgramLink("deepgram", key, server.url, connect_s)


@pytest.mark.parametrize(
    ("status", "category"),
    [
        (400, Category.BAD_REQUEST),
        (401, Category.AUTH),
        (402, Category.QUOTA),
        (403, Category.AUTH),
        (404, Category.BAD_REQUEST),
        (429, Category.RATE_LIMIT),
        (500, Category.SERVER),
        (503, Category.SERVER),
    ],
)
async def test_a_refused_handshake_names_its_category_and_reason(
    server: DeepgramServer, status: int, category: Category
) -> None:
    server.script.refusal = Refusal(status, "Said by Deepgram.", retry_after="7")
    error = await refused(link_to(server))
    assert error.category is category
    assert error.retry_after_s == 7.0
    assert "Said by Deepgram." in str(error)
    assert error.__cause__ is not None


async def test_a_wrong_key_is_told_without_showing_it(server: DeepgramServer) -> None:
    error = await refused(link_to(server, key="not-the-key"))
    assert error.category is Category.AUTH
    assert "not-the-key" not in str(error) + repr(error.__cause__)


async def test_without_a_key_nothing_is_sent(server: DeepgramServer) -> None:
    error = await refused(link_to(server, key=""))
    assert error.category is Category.AUTH
    assert "DEEPGRAM_API_KEY" in str(error)
    assert server.attempts == 0


async def test_what_is_sent_is_not_deflated_and_what_comes_is_inflated(
    server: DeepgramServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> None:
        pytest.fail("a message was deflated")

    monkeypatch.setattr(PerMessageDeflate, "encode", refuse)
    async with link_to(server).connect("v1", QUERY) as socket:
        assert socket._connection._websocket.extensions, "the server did not agree to deflate"
        await socket.send(bytes([0xFF]) * 800)
        await socket.send(Control.CLOSE_STREAM)
        assert (await socket.receive()).type == "Results"
    assert server.connections[0].audio_bytes == 800


async def test_opening_a_socket_reads_nothing_from_the_disk(
    server: DeepgramServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    link = link_to(server)
    monkeypatch.setattr(metadata, "version", lambda name: pytest.fail("the version was read"))
    for _ in range(2):
        async with link.connect("v1", QUERY):
            pass
    assert server.connections[1].headers["User-Agent"] == "deepgram-sdk/7.17.0"


async def test_a_refused_parameter_is_named(server: DeepgramServer) -> None:
    error = await refused(link_to(server), utterance_end_ms=999, interim_results=True)
    assert error.category is Category.BAD_REQUEST
    assert "'utterance_end_ms' value of '999'" in str(error)


async def test_nobody_listens(server: DeepgramServer) -> None:
    free = DeepgramLink("deepgram", KEY, "http://127.0.0.1:1", 5.0)
    assert (await refused(free)).category is Category.CONNECTIVITY


async def test_a_name_that_does_not_resolve() -> None:
    nowhere = DeepgramLink("deepgram", KEY, "http://deepgram.invalid:80", 20.0)
    assert (await refused(nowhere)).category is Category.CONNECTIVITY


async def test_a_drop_in_mid_handshake(server: DeepgramServer) -> None:
    server.script.refusal = Refusal(0)
    assert (await refused(link_to(server))).category is Category.CONNECTIVITY


async def test_a_handshake_that_hangs_is_left(server: DeepgramServer) -> None:
    server.script.refusal = Refusal(-1)
    assert (await refused(link_to(server, connect_s=0.05))).category is Category.TIMEOUT


async def test_a_tls_handshake_that_hangs_is_left() -> None:
    gone = asyncio.Event()

    async def say_nothing(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()
        writer.close()
        await writer.wait_closed()
        gone.set()

    silent = await asyncio.start_server(say_nothing, "127.0.0.1", 0)
    port = silent.sockets[0].getsockname()[1]
    async with silent:
        error = await refused(DeepgramLink("deepgram", KEY, f"https://127.0.0.1:{port}", 0.1))
        await gone.wait()
    assert error.category is Category.TIMEOUT


@pytest.mark.parametrize(
    ("fault", "category"),
    [
        (Fault(Trouble.CLOSE, code=1011, reason="see https://dpgr.am/net0001"), Category.TIMEOUT),
        (Fault(Trouble.CLOSE, code=1011, reason="see https://dpgr.am/net0000"), Category.TIMEOUT),
        (Fault(Trouble.CLOSE, code=1011, reason="internal"), Category.SERVER),
        (Fault(Trouble.CLOSE, code=1008, reason="DATA-0000"), Category.BAD_REQUEST),
        (Fault(Trouble.CLOSE, code=1001), Category.CONNECTIVITY),
        (Fault(Trouble.CLOSE, code=1000), Category.CONNECTIVITY),
        (Fault(Trouble.DROP), Category.CONNECTIVITY),
        (Fault(Trouble.GARBAGE), Category.SERVER),
        (Fault(Trouble.BINARY), Category.SERVER),
    ],
    ids=lambda item: f"{item.trouble} {item.code}" if isinstance(item, Fault) else str(item),
)
async def test_a_stream_that_ends_says_why(
    server: DeepgramServer, fault: Fault, category: Category
) -> None:
    server.script.fault = fault
    async with link_to(server).connect("v1", QUERY) as socket:
        await socket.send(b"\xff" * 160)
        with pytest.raises(EngineError) as caught:
            while True:
                await socket.receive()
        assert caught.value.category is category
        assert caught.value.phase is Phase.STREAM


async def test_what_is_sent_after_a_close_fails_in_our_words(server: DeepgramServer) -> None:
    server.script.fault = Fault(Trouble.CLOSE, code=1011, reason="internal")
    async with link_to(server).connect("v1", QUERY) as socket:
        await socket.send(b"\xff" * 160)
        with pytest.raises(EngineError) as caught:
            await socket.receive()
        with pytest.raises(EngineError) as again:
            await socket.send(Control.KEEP_ALIVE)
        assert again.value.category is caught.value.category


async def test_each_control_message_arrives(server: DeepgramServer) -> None:
    async with link_to(server).connect("v1", QUERY) as socket:
        for control in (Control.KEEP_ALIVE, Control.FINALIZE, Control.CLOSE_STREAM):
            await socket.send(control)
        with contextlib.suppress(EngineError):
            while True:
                await socket.receive()
    assert server.connections[0].controls() == ["KeepAlive", "Finalize", "CloseStream"]


async def test_a_dead_peer_does_not_hold_up_the_end(server: DeepgramServer) -> None:
    server.script.fault = Fault(Trouble.STALL)
    async with asyncio.timeout(10.0):  # the SDK's own limits would take 20 s
        async with link_to(server).connect("v1", QUERY) as socket:
            assert socket._connection._websocket.close_timeout == CLOSE_S
            await socket.send(b"\xff" * 160)
            await settle(lambda: server.connections[0].audio_bytes)


async def test_errors_of_the_user_of_a_socket_pass_unchanged(server: DeepgramServer) -> None:
    with pytest.raises(ZeroDivisionError):
        async with link_to(server).connect("v1", QUERY):
            raise ZeroDivisionError


def test_a_close_that_nobody_has_seen_yet() -> None:
    assert judge_close(4999, "") is Category.CONNECTIVITY
