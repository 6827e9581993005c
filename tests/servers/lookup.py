"""An operator's look-up service on loopback: real HTTP, scripted answers, strict about requests."""

import asyncio
import hashlib
import hmac
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web

SECRET = "look-up-secret"


@dataclass
class LookupServer:
    """What it will answer, and what it was asked."""

    answer: Any = field(default_factory=dict)
    """Sent as JSON; bytes are sent as they are."""
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    hangs: bool = False
    """Take the request, and never answer."""
    asked: list[dict[str, str]] = field(default_factory=list)
    port: int = 0

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/who?key=in-the-address"

    async def take(self, request: web.Request) -> web.Response:
        body = await request.read()
        assert request.content_type == "application/json"
        assert is_signed(request.headers["X-Voxd-Signature"], body)
        asked = json.loads(body)
        assert set(asked) == {"called", "caller", "call_sid"}
        self.asked.append(asked)
        if self.hangs:
            await asyncio.Event().wait()
        answer = self.answer if isinstance(self.answer, bytes) else json.dumps(self.answer).encode()
        return web.Response(body=answer, status=self.status, headers=self.headers)


def is_signed(header: str, body: bytes) -> bool:
    """What an operator would do, written from the documentation and not with our own code."""
    parts = dict(part.split("=", 1) for part in header.split(","))
    signed = parts["t"].encode() + b"." + body
    expected = hmac.new(SECRET.encode(), signed, hashlib.sha256).hexdigest()
    return hmac.compare_digest(parts["v1"], expected)


@asynccontextmanager
async def lookup_server() -> AsyncIterator[LookupServer]:
    """Serve on a free port."""
    server = LookupServer()
    app = web.Application()
    app.router.add_post("/who", server.take)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    server.port = runner.addresses[0][1]
    try:
        yield server
    finally:
        await runner.cleanup()
