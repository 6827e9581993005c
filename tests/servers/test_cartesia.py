"""The loopback server refuses what the original refuses: each rule is broken with the real SDK."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from typing import Any

import cartesia
import pytest
from aiohttp import ClientSession, WSServerHandshakeError
from websockets.exceptions import ConnectionClosed, InvalidStatus

from tests.servers.cartesia import CartesiaServer, open_server
from tests.servers.cartesia_script import KEY, Fault, Script, Trouble
from tests.servers.tone_speech import CHARACTERS_PER_S, tone_speech

INPUT: dict[str, Any] = {
    "context_id": "t7",
    "model_id": "sonic-3",
    "transcript": "Hello there. ",
    "voice": {"mode": "id", "id": "v"},
    "language": "en",
    "output_format": {"container": "raw", "encoding": "pcm_mulaw", "sample_rate": 8000},
    "continue": True,
    "max_buffer_delay_ms": 0,
}


@pytest.fixture(autouse=True)
def no_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")


@contextlib.asynccontextmanager
async def connect(server: CartesiaServer, key: str | None = KEY) -> AsyncIterator[Any]:
    client = cartesia.AsyncCartesia(
        api_key=key,
        base_url=server.url,
        websocket_base_url=server.url.replace("http", "ws"),
        max_retries=0,
    )
    async with client, client.tts.websocket_connect() as socket:
        yield socket


@contextlib.asynccontextmanager
async def connected(
    script: Script | None = None,
) -> AsyncIterator[tuple[Any, CartesiaServer]]:
    async with open_server(script or Script(speed=0)) as server, connect(server) as socket:
        yield socket, server


async def events(socket: Any, *ends: str) -> list[Any]:
    """What comes, up to the first event of such a type."""
    heard: list[Any] = []
    async with asyncio.timeout(5):
        while not heard or heard[-1].type not in ends:
            heard.append(await socket.recv())
    return heard


async def refusal_of(body: dict[str, Any]) -> Any:
    async with connected() as (socket, server):
        await socket.send(body)
        (error,) = await events(socket, "error")
        assert len(server.complaints) == 1
        return error


# --- the happy path -------------------------------------------------------------------------


async def test_an_input_comes_back_as_several_chunks_a_flush_and_a_done() -> None:
    async with connected() as (socket, server):
        await socket.send(INPUT | {"add_timestamps": True})
        await socket.send(INPUT | {"add_timestamps": True, "transcript": "", "flush": True})
        await socket.send(INPUT | {"add_timestamps": True, "continue": False})
        heard = await events(socket, "done")
    kinds = [event.type for event in heard]
    assert kinds.count("chunk") > 3 and kinds.count("flush_done") == 1
    assert kinds[0] == "timestamps" and heard[0].word_timestamps.words == ["Hello", "there."]
    chunks = [event for event in heard if event.type == "chunk"]
    assert [event.flush_id for event in chunks] == sorted(event.flush_id for event in chunks)
    assert {event.flush_id for event in chunks} == {1, 2}
    assert b"".join(event.audio for event in chunks) == 2 * tone_speech(INPUT["transcript"])
    assert not server.complaints


def test_the_hum_is_as_long_as_the_text_and_never_silent() -> None:
    text = "How can I help you today?"
    assert len(tone_speech(text)) == round(len(text) / CHARACTERS_PER_S * 8000)
    assert len(set(tone_speech(text))) > 50


async def test_without_a_buffer_delay_of_0_the_server_waits_for_more() -> None:
    body = {name: value for name, value in INPUT.items() if name != "max_buffer_delay_ms"}
    async with connected() as (socket, server):
        await socket.send(body)
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.05):
                await socket.recv()
        await socket.send(body | {"continue": False, "transcript": ""})
        await events(socket, "done")


async def test_get_status_answers() -> None:
    async with open_server() as server:
        async with cartesia.AsyncCartesia(api_key=KEY, base_url=server.url) as client:
            assert (await client.get_status()).ok


# --- refusals -------------------------------------------------------------------------------


@pytest.mark.parametrize("key", [None, "wrong"])
async def test_a_missing_or_wrong_key_is_refused_at_the_handshake(key: str | None) -> None:
    async with open_server() as server:
        with pytest.raises(InvalidStatus, match="401"):
            async with connect(server, key):
                pass
        assert server.attempts == 1 and server.connections == 0


@pytest.mark.parametrize("version", ["", "latest", "2024-11-13"])
async def test_a_missing_or_old_version_is_refused_at_the_handshake(version: str) -> None:
    headers = {"Authorization": f"Bearer {KEY}", "Cartesia-Version": version}
    async with open_server() as server, ClientSession() as session:
        with pytest.raises(WSServerHandshakeError, match="400"):
            await session.ws_connect(f"{server.url}/tts/websocket", headers=headers)


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"model_id": "sonic-2-2025-03-07"}, "model_sunsetted"),
        ({"model_id": "sonic-9"}, "model_not_found"),
        ({"voice": {"mode": "id"}}, None),
        ({"voice": {"id": "v", "__experimental_controls": {}}}, None),
        ({"locale": "en-US"}, None),
        ({"max_buffer_delay_ms": 5001}, None),
        ({"output_format": {**INPUT["output_format"], "container": "wav"}}, None),
        ({"output_format": {**INPUT["output_format"], "sample_rate": 44100}}, None),
        ({"generation_config": {"speed": 2.0}}, None),
        ({"generation_config": {"pitch": 1.0}}, None),
        ({"generation_config": {"emotion": "gloomy"}}, None),
        ({"generation_config": {}}, None),
        ({"transcript": "<emotion value='sad'>Oh. "}, None),
        ({"transcript": "**Sure!** "}, None),
        ({"transcript": "I am [Your Name]. "}, None),
        ({"transcript": ""}, None),
        ({"stream": True}, None),
    ],
)
async def test_a_wrong_input_is_refused_in_its_context(
    change: dict[str, Any], code: str | None
) -> None:
    error = await refusal_of(INPUT | change)
    assert (error.context_id, error.status_code, error.error_code) == ("t7", 400, code)


async def test_an_error_may_come_without_a_context() -> None:
    body = {name: value for name, value in INPUT.items() if name != "context_id"}
    assert (await refusal_of(body)).context_id is None


@pytest.mark.parametrize("change", [{"language": "es"}, {"add_timestamps": True}])
async def test_a_field_that_changes_within_a_context_is_refused(change: dict[str, Any]) -> None:
    async with connected() as (socket, server):
        await socket.send(INPUT)
        await socket.send(INPUT | change)
        await events(socket, "error")
        assert len(server.complaints) == 1


async def test_a_context_expires_after_its_last_audio() -> None:
    async with connected(Script(speed=0, context_life_s=0.01)) as (socket, server):
        await socket.send(INPUT | {"flush": True})
        await events(socket, "flush_done")
        await asyncio.sleep(0.05)
        await socket.send(INPUT)
        await events(socket, "error")
        assert server.complaints == ["the context is over"]


async def test_a_finished_context_takes_no_input() -> None:
    async with connected() as (socket, server):
        await socket.send(INPUT | {"continue": False})
        await events(socket, "done")
        await socket.send(INPUT)
        await events(socket, "error")


async def test_more_contexts_than_allowed_are_refused_with_429() -> None:
    async with connected(Script(generating=1, speed=1.0)) as (socket, server):
        await socket.send(INPUT)
        await events(socket, "chunk")
        await socket.send(INPUT | {"context_id": "t8"})
        error = (await events(socket, "error"))[-1]
        assert (error.context_id, error.status_code) == ("t8", 429)
        assert error.error_code == "concurrency_limited"


async def test_a_cancel_stops_what_has_not_begun_and_the_rest_goes_on_to_its_done() -> None:
    async with connected(Script(speed=10.0)) as (socket, server):
        await socket.send(INPUT)
        await socket.send(INPUT | {"transcript": "This is never begun. "})
        await events(socket, "chunk")
        await socket.send({"context_id": "t7", "cancel": True})
        heard = await events(socket, "done")
    more = sum(len(event.audio) for event in heard if event.type == "chunk")
    assert 0 < more < len(tone_speech(INPUT["transcript"]))


async def test_cancelling_what_is_not_there_is_refused() -> None:
    assert (await refusal_of({"context_id": "t9", "cancel": True})).type == "error"


# --- faults ---------------------------------------------------------------------------------


@pytest.mark.parametrize("after", [0, 2])
async def test_a_socket_can_be_closed_in_mid_stream(after: int) -> None:
    script = Script(speed=0, fault=Fault(Trouble.CLOSE, after, status=1001))
    async with connected(script) as (socket, server):
        await socket.send(INPUT)
        heard = [await socket.recv() for _ in range(after)]
        with pytest.raises(ConnectionClosed) as caught:
            await socket.recv()
        assert caught.value.rcvd and caught.value.rcvd.code == 1001
        assert len(heard) == after


async def test_an_idle_socket_is_closed() -> None:
    async with connected(Script(idle_s=0.01)) as (socket, _):
        with pytest.raises(ConnectionClosed):
            await socket.recv()


async def test_what_was_heard_and_sent_is_written_down_with_its_time() -> None:
    async with connected(Script(first_audio_s=0.02, speed=0)) as (socket, server):
        await socket.send(INPUT | {"continue": False})
        await events(socket, "done")
    first = next(item for item in server.sent if item.kind == "chunk")
    assert first.at - server.heard[0].at >= 0.02 and first.mulaw_bytes == 800


async def test_the_records_can_be_fetched_by_another_process() -> None:
    async with connected() as (socket, server), ClientSession() as session:
        await socket.send(INPUT | {"continue": False})
        await events(socket, "done")
        async with session.get(f"{server.url}/records") as response:
            records = await response.json()
    assert records["connections"] == 1 and records["heard"][0]["context_id"] == "t7"
    assert records["sent"][-1]["kind"] == "done"
