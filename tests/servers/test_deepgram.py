"""The loopback server refuses what Deepgram refuses: each rule is broken here on purpose."""

import json
from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import pytest

from tests.servers.deepgram import DeepgramServer, open_server
from tests.servers.deepgram_query import refuse_query
from tests.servers.deepgram_script import KEY, Script

V1 = {"model": "nova-3", "encoding": "mulaw", "sample_rate": "8000"}
V2 = {"model": "flux-general-en", "encoding": "mulaw", "sample_rate": "8000"}
HEADERS = {"Authorization": f"Token {KEY}"}
SILENCE = b"\xff" * 160
TONE = bytes([0x20, 0x20, 0xA0, 0xA0]) * 40


@pytest.fixture
async def server() -> AsyncIterator[DeepgramServer]:
    async with open_server(Script(unknown_every=0)) as server:
        yield server


@pytest.fixture
async def http() -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession() as session:
        yield session


async def read(socket: aiohttp.ClientWebSocketResponse) -> list[dict[str, Any]]:
    """Everything until the close."""
    return [json.loads(message.data) async for message in socket]


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (
            {"utterance_end_ms": "999", "interim_results": "true"},
            "'utterance_end_ms' value of '999'",
        ),
        ({"utterance_end_ms": "1000"}, "requires interim_results"),
        ({"model": "nova-9"}, "No such model"),
        ({"encoding": "linear16"}, "'encoding'"),
        ({"sample_rate": "16000"}, "'sample_rate'"),
        ({"punctuate": "True"}, "'punctuate' value of 'True'"),
        ({"endpointing": "soon"}, "'endpointing'"),
        ({"keyterm": "voxd", "model": "nova-2"}, "nova-3"),
        ({"keywords": "voxd:2"}, "not supported with nova-3"),
        ({"eot_threshold": "0.7"}, "Unexpected query parameter"),
    ],
)
async def test_v1_refuses_the_query(
    server: DeepgramServer, http: aiohttp.ClientSession, change: dict[str, str], reason: str
) -> None:
    with pytest.raises(aiohttp.WSServerHandshakeError) as caught:
        await http.ws_connect(server.url + "/v1/listen", params=V1 | change, headers=HEADERS)
    assert caught.value.status == 400
    assert caught.value.headers is not None
    assert reason in caught.value.headers["dg-error"]


@pytest.mark.parametrize(
    "change",
    [
        {"eot_threshold": "0.95"},
        {"eager_eot_threshold": "0.8"},
        {"eot_timeout_ms": "100"},
        {"language_hint": "es"},
        {"interim_results": "true"},
        {"language": "en"},
        {"model": "nova-3"},
    ],
)
def test_v2_refuses_the_query(change: dict[str, str]) -> None:
    query = {name: [value] for name, value in (V2 | change).items()}
    assert refuse_query("/v2/listen", query) is not None


def test_good_queries_pass() -> None:
    for path, query in (("/v1/listen", V1), ("/v2/listen", V2)):
        assert refuse_query(path, {name: [value] for name, value in query.items()}) is None
    assert refuse_query("/v1/listen", {**{k: [v] for k, v in V1.items()}, "model": ["a", "b"]})


@pytest.mark.parametrize("header", [None, f"Bearer {KEY}", "Token other"])
async def test_only_the_right_token_is_let_in(
    server: DeepgramServer, http: aiohttp.ClientSession, header: str | None
) -> None:
    headers = {"Authorization": header} if header else {}
    with pytest.raises(aiohttp.WSServerHandshakeError) as caught:
        await http.ws_connect(server.url + "/v1/listen", params=V1, headers=headers)
    assert caught.value.status == 401


async def test_an_idle_client_is_closed_after_metadata(
    server: DeepgramServer, http: aiohttp.ClientSession
) -> None:
    server.script.idle_s = 0.05
    async with http.ws_connect(server.url + "/v1/listen", params=V1, headers=HEADERS) as socket:
        assert [message["type"] for message in await read(socket)] == ["Metadata"]
        assert socket.close_code == 1011


async def test_an_empty_audio_message_ends_the_stream(
    server: DeepgramServer, http: aiohttp.ClientSession
) -> None:
    async with http.ws_connect(server.url + "/v1/listen", params=V1, headers=HEADERS) as socket:
        await socket.send_bytes(b"")
        assert await read(socket) == []
        assert socket.close_code == 1008


async def test_an_unknown_control_message_is_an_error(
    server: DeepgramServer, http: aiohttp.ClientSession
) -> None:
    async with http.ws_connect(server.url + "/v1/listen", params=V1, headers=HEADERS) as socket:
        await socket.send_str("Finalise, please")
        assert (await socket.receive_json())["variant"] == "SchemaError"


@pytest.mark.parametrize("control", ["KeepAlive", "Finalize"])
async def test_flux_knows_no_keep_alive_and_no_finalize(
    server: DeepgramServer, http: aiohttp.ClientSession, control: str
) -> None:
    async with http.ws_connect(server.url + "/v2/listen", params=V2, headers=HEADERS) as socket:
        await socket.send_json({"type": control})
        assert [message["type"] for message in await read(socket)] == ["Connected", "Error"]


async def test_finalize_and_close_stream_are_answered(
    server: DeepgramServer, http: aiohttp.ClientSession
) -> None:
    query = V1 | {"endpointing": "300"}
    async with http.ws_connect(server.url + "/v1/listen", params=query, headers=HEADERS) as socket:
        for chunk in [TONE] * 20 + [SILENCE] * 5:
            await socket.send_bytes(chunk)
        await socket.send_json({"type": "Finalize"})
        await socket.send_bytes(SILENCE)
        await socket.send_json({"type": "CloseStream"})
        messages = await read(socket)
        assert socket.close_code == 1000
    assert [message["type"] for message in messages] == ["Results", "Results", "Metadata"]
    assert messages[0]["from_finalize"] and messages[0]["start"] == 0.0
    assert messages[0]["channel"]["alternatives"][0]["transcript"] == "Hello there."
    assert (messages[1]["start"], messages[1]["duration"]) == (0.5, 0.02)


async def test_empty_finals_and_late_utterance_ends_come(
    server: DeepgramServer, http: aiohttp.ClientSession
) -> None:
    query = V1 | {"interim_results": "true", "utterance_end_ms": "1000", "endpointing": "300"}
    async with http.ws_connect(server.url + "/v1/listen", params=query, headers=HEADERS) as socket:
        for chunk in [TONE] * 20 + [SILENCE] * 400:
            await socket.send_bytes(chunk)
        await socket.send_json({"type": "CloseStream"})
        messages = await read(socket)
    kinds = [
        (message["type"], message.get("speech_final"))
        for message in messages
        if message.get("is_final") is not False
    ]
    assert kinds[:3] == [("Results", True), ("UtteranceEnd", None), ("Results", True)]


async def test_flux_counts_its_messages(
    server: DeepgramServer, http: aiohttp.ClientSession
) -> None:
    async with http.ws_connect(server.url + "/v2/listen", params=V2, headers=HEADERS) as socket:
        for chunk in [TONE] * 50 + [SILENCE] * 50:
            await socket.send_bytes(chunk)
        await socket.send_json({"type": "CloseStream"})
        messages = await read(socket)
    assert [message["sequence_id"] for message in messages] == list(range(len(messages)))
    events = [
        message["event"] for message in messages if message.get("event", "Update") != "Update"
    ]
    assert events == ["StartOfTurn", "EndOfTurn"]


async def test_what_came_and_went_is_on_record(
    server: DeepgramServer, http: aiohttp.ClientSession
) -> None:
    async with http.ws_connect(server.url + "/v1/listen", params=V1, headers=HEADERS) as socket:
        await socket.send_bytes(TONE)
        await socket.send_json({"type": "CloseStream"})
        await read(socket)
    async with http.get(server.url + "/records") as answer:
        [record] = await answer.json()
    assert [what for _, what in record["received"]] == ["audio 160", "CloseStream"]
    assert [message["type"] for _, message in record["sent"]] == ["Results", "Metadata"]
