"""An operator's alert service on loopback: real HTTP, strict about what it is told."""

import asyncio
import hashlib
import hmac
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from aiohttp import web

SECRET = "alert-secret"
FIELDS = frozenset(
    "event tier stage engine voice_to_voice_ms target_ms violations call_id turn agent tenant"
    " at".split()
)


@dataclass
class AlertServer:
    """What it will answer, and what it was told."""

    statuses: list[int] = field(default_factory=list)
    """Of the next answers; then 204."""
    hangs: bool = False
    """Take requests, and never answer."""
    told: list[dict[str, Any]] = field(default_factory=list)
    keys: list[str] = field(default_factory=list)
    """`Idempotency-Key` of each request."""
    news: asyncio.Event = field(default_factory=asyncio.Event)
    """Set by each request."""
    port: int = 0

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/alerts"

    async def take(self, request: web.Request) -> web.Response:
        body = await request.read()
        assert request.content_type == "application/json"
        assert _is_signed(request.headers["X-Voxd-Signature"], body)
        told = json.loads(body)
        assert set(told) == FIELDS, told
        assert datetime.fromisoformat(told["at"]).utcoffset() is not None
        self.told.append(told)
        self.keys.append(request.headers["Idempotency-Key"])
        self.news.set()
        if self.hangs:
            await asyncio.Event().wait()
        status = self.statuses.pop(0) if self.statuses else 204
        return web.Response(status=status, headers={"Location": self.url} if status < 400 else {})


def _is_signed(header: str, body: bytes) -> bool:
    """What an operator would do, written from the documentation and not with our own code."""
    parts = dict(part.split("=", 1) for part in header.split(","))
    signed = parts["t"].encode() + b"." + body
    expected = hmac.new(SECRET.encode(), signed, hashlib.sha256).hexdigest()
    return hmac.compare_digest(parts["v1"], expected)


@asynccontextmanager
async def alert_server() -> AsyncIterator[AlertServer]:
    """Serve on a free port."""
    server = AlertServer()
    app = web.Application()
    app.router.add_post("/alerts", server.take)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    server.port = runner.addresses[0][1]
    try:
        yield server
    finally:
        await runner.cleanup()
