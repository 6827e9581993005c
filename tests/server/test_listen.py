import asyncio
import contextlib
import errno
import socket

import pytest
from aiohttp import web

from voxd.config import Server
from voxd.errors import ListenError
from voxd.server import listen as module
from voxd.server.listen import listen

HOST = "127.0.0.1"


def app() -> web.Application:
    async def answer(_: web.Request) -> web.Response:
        return web.Response(text="here")

    made = web.Application()
    made.router.add_get("/", answer)
    return made


def at(**keys: object) -> Server:
    return Server.model_validate({"host": HOST, "port": 0, "max_calls": 1, **keys})


async def ask(port: int, head: str) -> bytes:
    reader, writer = await asyncio.open_connection(HOST, port)
    try:
        writer.write(head.encode())
        return await reader.read()
    except ConnectionError:
        return b""
    finally:
        writer.close()
        with contextlib.suppress(ConnectionError):
            await writer.wait_closed()


async def test_port_0_takes_a_free_one_and_tells_it() -> None:
    async with listen(app(), at()) as (host, port):
        assert host == HOST
        assert b"200 OK" in await ask(port, "GET / HTTP/1.0\r\n\r\n")


async def test_a_port_in_use_is_one_sentence() -> None:
    with socket.socket() as taken:
        taken.bind((HOST, 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(ListenError, match=rf"listens on {HOST}:{port} already.*port") as caught:
            async with listen(app(), at(port=port)):
                pass
    assert "\n" not in str(caught.value)
    assert isinstance(caught.value.__cause__, OSError)
    assert caught.value.__cause__.errno == errno.EADDRINUSE


async def test_an_address_that_is_not_ours_is_one_sentence() -> None:
    with pytest.raises(ListenError, match=r"cannot listen on 192\.0\.2\.1:8080"):
        async with listen(app(), at(host="192.0.2.1", port=8080)):
            pass


async def test_a_request_head_that_trickles_in_is_cut_off(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "HEAD_S", 0.05)
    async with listen(app(), at()) as (_, port):
        assert await ask(port, "GET / HTTP/1.1\r\nHost: x\r\nX-Slow: ") == b""


async def test_a_connection_that_says_nothing_is_cut_off(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "HEAD_S", 0.05)
    async with listen(app(), at()) as (_, port):
        assert await ask(port, "") == b""


@pytest.mark.parametrize(
    "head",
    [
        "GET / HTTP/1.0\r\nX: " + "y" * 20_000 + "\r\n\r\n",
        "GET /" + "y" * 20_000 + " HTTP/1.0\r\n\r\n",
        "GET / HTTP/1.0\r\n" + "".join(f"X{n}: 1\r\n" for n in range(100)) + "\r\n",
    ],
)
async def test_oversized_heads_are_refused(head: str) -> None:
    async with listen(app(), at()) as (_, port):
        assert (await ask(port, head)).startswith(b"HTTP/1.0 400")


@pytest.mark.parametrize("host", ["localhost", ""])
async def test_a_host_of_several_addresses_is_listened_to_at_each(host: str) -> None:
    async with listen(app(), at(host=host)) as (_, port):
        assert b"200 OK" in await ask(port, "GET / HTTP/1.0\r\n\r\n")


async def test_at_the_end_connections_that_wait_are_closed_and_the_port_is_free() -> None:
    async with listen(app(), at()) as (_, port):
        reader, writer = await asyncio.open_connection(HOST, port)
        assert b"200 OK" in await ask(port, "GET / HTTP/1.0\r\n\r\n")
    assert await reader.read() == b""
    writer.close()
    await writer.wait_closed()
    async with listen(app(), at(port=port)):
        pass


async def test_beyond_the_bound_the_oldest_silent_connection_is_closed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(module, "SPARE_CONNECTIONS", 2)
    async with listen(app(), at()) as (_, port):
        silent = [await asyncio.open_connection(HOST, port) for _ in range(3)]
        assert b"200 OK" in await ask(port, "GET / HTTP/1.0\r\n\r\n")
        with contextlib.suppress(ConnectionError):
            assert await silent[0][0].read() == b""
        silent[2][1].write(b"GET / HTTP/1.0\r\n\r\n")
        assert b"200 OK" in await silent[2][0].read()
        for _, writer in silent:
            writer.close()
            with contextlib.suppress(ConnectionError):
                await writer.wait_closed()
