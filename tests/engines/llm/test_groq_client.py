"""The shortened way to a chat, beside the SDK's own, against a server on a real socket."""

import asyncio
import contextlib
from collections.abc import AsyncIterator

import groq
import orjson
import pytest

from tests.engines.llm.loopback import ask, until
from tests.servers.groq import GroqServer, open_server
from tests.servers.groq_script import KEY, Fault, Script, Trouble
from voxd.engines.llm.groq import Settings, encode_request
from voxd.engines.llm.groq_client import CHAT, ChatClient, make_client

SETTINGS = Settings()
BODY = orjson.dumps(encode_request(SETTINGS, SETTINGS.model, ask()))


@contextlib.asynccontextmanager
async def opened(script: Script | None = None) -> AsyncIterator[tuple[ChatClient, GroqServer]]:
    async with open_server(script or Script()) as server:
        # As the daemon makes it: in a thread, but for the headers, which name the event loop.
        async with await asyncio.to_thread(make_client, server.url, KEY, 1.5) as client:
            client.make_template()
            yield client, server


async def test_a_chat_is_asked_for_and_read_as_the_sdk_does_it() -> None:
    async with opened() as (client, server):
        own = await client.open_chat(BODY)
        own_chunks = [chunk async for chunk in own]
        await own.close()
        theirs = await client.post(
            CHAT,
            content=BODY,
            cast_to=object,
            stream=True,
            stream_cls=groq.AsyncStream[object],
        )
        their_chunks = [chunk async for chunk in theirs]
    first, second = server.replies
    assert first.headers == second.headers and first.body == second.body
    assert len(own_chunks) == len(their_chunks) > 3
    assert [_content(chunk) for chunk in own_chunks] == [_content(chunk) for chunk in their_chunks]
    assert server.connections == 1  # the first was kept


def _content(chunk: object) -> object:
    assert isinstance(chunk, dict)
    return [choice["delta"] for choice in chunk["choices"]]


@pytest.mark.parametrize(
    ("status", "error"),
    [
        (401, groq.AuthenticationError),
        (429, groq.RateLimitError),
        (500, groq.InternalServerError),
        (302, groq.APIStatusError),
    ],
)
async def test_a_refusal_is_the_sdks_own_error(status: int, error: type[Exception]) -> None:
    fault = Fault(Trouble.STATUS, status=status, code="some_code", retry_after="7")
    async with opened(Script(fault=fault)) as (client, _):
        with pytest.raises(error) as refused:
            await client.open_chat(BODY)
    assert isinstance(refused.value, groq.APIStatusError)
    assert refused.value.status_code == status
    assert refused.value.response.headers["retry-after"] == "7"
    assert isinstance(refused.value.body, dict)
    assert refused.value.body["error"]["code"] == "some_code"


async def test_nobody_there_is_a_connection_error() -> None:
    async with opened() as (client, _):
        await (await client.open_chat(BODY)).close()
    with pytest.raises(groq.APIConnectionError):
        await client.open_chat(BODY)
    async with make_client("http://127.0.0.1:1", KEY, connect_s=1.5) as client:
        client.make_template()
        with pytest.raises(groq.APIConnectionError):
            await client.open_chat(BODY)


async def test_a_client_that_was_never_used_is_closed_as_well() -> None:
    async with opened() as (client, server):
        pass
    with pytest.raises(groq.APIConnectionError):
        await client.open_chat(BODY)
    assert not server.connections


async def test_a_refusal_leaves_its_connection_to_the_next() -> None:
    fault = Fault(Trouble.STATUS, status=500)
    async with opened(Script(fault=fault)) as (client, server):
        for _ in range(2):
            with pytest.raises(groq.InternalServerError):
                await client.open_chat(BODY)
        assert server.connections == 1


async def test_who_stops_waiting_leaves_no_connection_behind() -> None:
    async with opened(Script(fault=Fault(Trouble.STALL_BEFORE_HEADERS))) as (client, server):
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.05):
                await client.open_chat(BODY)
        await until(lambda: server.unfinished == 0)


async def test_a_proxy_of_the_environment_is_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = asyncio.Event()

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        assert b"http://groq.test/openai" in await reader.readline()
        asked.set()
        writer.write(b"HTTP/1.1 407 no\r\nContent-Length: 0\r\n\r\n")
        writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    monkeypatch.setenv("HTTP_PROXY", f"http://127.0.0.1:{port}")
    async with server, make_client("http://groq.test", KEY, connect_s=1.5) as client:
        client.make_template()
        with pytest.raises(groq.APIError):
            await client.open_chat(BODY)
    assert asked.is_set()


async def test_an_answer_that_no_library_expects_is_a_connection_error() -> None:
    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 502 d\xe9fectueuse\r\nContent-Length: 0\r\n\r\n")
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    async with server, make_client(url, KEY, connect_s=1.5) as client:
        client.make_template()
        with pytest.raises(groq.APIConnectionError):
            await client.open_chat(BODY)
