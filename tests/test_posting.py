import hashlib
import hmac
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import aiohttp
import pytest
from aiohttp import web
from aiohttp.typedefs import Handler

from voxd.posting import open_session, post, read_bounded

SECRET = "between us"


@asynccontextmanager
async def service(handler: Handler) -> AsyncIterator[str]:
    app = web.Application()
    app.router.add_post("/", handler)
    runner = web.AppRunner(app)
    await runner.setup()
    try:
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        yield f"http://127.0.0.1:{runner.addresses[0][1]}/"
    finally:
        await runner.cleanup()


@pytest.mark.parametrize("key", ["", "CA1-2"])
async def test_a_post_is_signed_over_its_bytes(key: str) -> None:
    seen = []

    async def hear(request: web.Request) -> web.Response:
        seen.append((request.headers.copy(), await request.read()))
        return web.Response(text="fine")

    async with service(hear) as url, open_session(aiohttp.TCPConnector()) as session:
        async with post(session, url, SECRET, b'{"a":1}', key) as response:
            assert await read_bounded(response, 4) == b"fine"
    ((headers, body),) = seen
    at, signature = headers["X-Voxd-Signature"].removeprefix("t=").split(",v1=")
    expected = hmac.new(SECRET.encode(), f"{at}.".encode() + body, hashlib.sha256)
    assert signature == expected.hexdigest()
    assert headers["Content-Type"] == "application/json"
    assert headers.get("Idempotency-Key", "") == key


async def test_no_redirect_is_followed_and_no_cookie_kept() -> None:
    cookies = []

    async def elsewhere(request: web.Request) -> web.Response:
        cookies.append(request.headers.get("Cookie"))
        return web.Response(status=302, headers={"Location": "/", "Set-Cookie": "a=b"})

    async with service(elsewhere) as url, open_session(aiohttp.TCPConnector()) as session:
        for _ in range(2):
            async with post(session, url, SECRET, b"{}") as response:
                assert response.status == 302
    assert cookies == [None, None]


async def test_of_a_long_answer_no_more_is_read_than_the_bound() -> None:
    sent = 0

    async def talk(request: web.Request) -> web.StreamResponse:
        nonlocal sent
        response = web.StreamResponse()
        await response.prepare(request)
        for _ in range(10_000):
            await response.write(bytes(64 * 1024))
            sent += 64 * 1024
        return response

    async with service(talk) as url, open_session(aiohttp.TCPConnector()) as session:
        async with post(session, url, SECRET, b"{}") as response:
            assert await read_bounded(response, 100_000) is None
    assert sent < 10_000 * 64 * 1024


async def test_without_a_secret_nothing_is_sent() -> None:
    async with open_session(aiohttp.TCPConnector()) as session:
        with pytest.raises(ValueError, match="empty secret"):
            post(session, "http://127.0.0.1:9/", "", b"{}")
