"""Supabase's REST wire (PostgREST) on loopback, for the table `turns` of the design document.

Strict: what the original would refuse it refuses, with its codes. The table is kept in memory.
"""

import asyncio
import json
from collections.abc import AsyncIterator, Iterator
from concurrent.futures import Future
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from threading import Thread
from typing import Any

from aiohttp import web

KEY = "sb_secret_0123456789abcdef"
COLUMNS: dict[str, type | tuple[type, ...]] = {
    "created_at": str,
    "session_id": str,
    "turn_number": int,
    "content": (str, type(None)),
    "stt_latency_ms": (int, type(None)),
    "llm_ttft_ms": (int, type(None)),
    "tts_ttfa_ms": (int, type(None)),
    "total_latency_ms": (int, type(None)),
    "stt_provider": (str, type(None)),
    "llm_provider": (str, type(None)),
    "tts_provider": (str, type(None)),
    "meta": dict,
}
UNIQUE = ("session_id", "turn_number")
LARGEST = 2**31 - 1


class Refusal(Exception):
    """An error as PostgREST tells it."""

    def __init__(self, status: int, code: str, message: str) -> None:
        self.status = status
        self.body = {"code": code, "message": message, "details": None, "hint": None}
        super().__init__(message)


@dataclass
class SupabaseServer:
    """One project."""

    rows: dict[tuple[str, int], dict[str, Any]] = field(default_factory=dict)
    requests: int = 0
    has_table: bool = True
    is_down: bool = False
    """Its gateway answers in its stead, in HTML."""
    hangs: bool = False
    """It takes requests, and answers them when it no longer does."""
    largest_post: int = 0
    """Rows."""
    largest_body: int = 16 * 1024 * 1024
    """Bytes that its gateway lets through."""
    port: int = 0

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    async def take(self, request: web.Request) -> web.Response:
        self.requests += 1
        body = await request.read()
        while self.hangs:
            await asyncio.sleep(0.02)
        if self.is_down:
            return web.Response(status=503, text="<html>down</html>", content_type="text/html")
        if len(body) > self.largest_body:
            return web.Response(status=413, text="<html>large</html>", content_type="text/html")
        try:
            self._insert(request, body)
        except Refusal as refusal:
            return web.json_response(refusal.body, status=refusal.status)
        return web.Response(status=201)

    def _insert(self, request: web.Request, body: bytes) -> None:
        if request.headers.get("apikey") != KEY:
            raise Refusal(401, "PGRST301", "Invalid API key")
        if request.headers.get("Authorization") != f"Bearer {KEY}":
            raise Refusal(401, "PGRST301", "No suitable key or wrong key type")
        if request.content_type != "application/json":
            raise Refusal(415, "PGRST102", "Content-Type not acceptable")
        if request.headers.get("Content-Profile") != "public" or not self.has_table:
            raise Refusal(404, "PGRST205", "Could not find the table 'public.turns'")
        prefer = {part.strip() for part in request.headers.get("Prefer", "").split(",")}
        if "return=minimal" not in prefer:
            raise Refusal(403, "42501", "permission denied for table turns")
        try:
            rows = json.loads(body)
        except ValueError:
            raise Refusal(400, "PGRST102", "Empty or invalid json") from None
        if not isinstance(rows, list):
            raise Refusal(400, "PGRST102", "All object keys must match")
        columns = [name.strip('"') for name in request.query.get("columns", "").split(",")]
        if unknown := [name for name in columns if name not in COLUMNS]:
            raise Refusal(400, "PGRST204", f"Could not find the '{unknown[0]}' column of 'turns'")
        is_upsert = "resolution=merge-duplicates" in prefer
        target = request.query.get("on_conflict", "")
        if is_upsert and target.split(",") != list(UNIQUE):
            raise Refusal(400, "42P10", "there is no unique constraint matching ON CONFLICT")
        self.largest_post = max(self.largest_post, len(rows))
        self._keep([self._row(row, columns) for row in rows], is_upsert=is_upsert)

    def _row(self, row: Any, columns: list[str]) -> dict[str, Any]:
        for name in columns:
            value = row.get(name)
            if not isinstance(value, COLUMNS[name]) or isinstance(value, bool):
                code = "23502" if value is None else "22P02"
                raise Refusal(400, code, f"invalid value of {name}")
            if isinstance(value, int) and abs(value) > LARGEST:
                raise Refusal(400, "22003", "integer out of range")
            if isinstance(value, str) and "\0" in value:
                raise Refusal(400, "22P05", "unsupported Unicode escape sequence")
        return {name: row[name] for name in columns}

    def _keep(self, rows: list[dict[str, Any]], *, is_upsert: bool) -> None:
        keys = [(row["session_id"], row["turn_number"]) for row in rows]
        if len(set(keys)) < len(keys):
            code = "21000" if is_upsert else "23505"
            raise Refusal(409, code, "cannot affect row a second time")
        if not is_upsert and any(key in self.rows for key in keys):
            raise Refusal(409, "23505", "duplicate key value violates unique constraint")
        self.rows |= dict(zip(keys, rows, strict=True))


@asynccontextmanager
async def supabase_server() -> AsyncIterator[SupabaseServer]:
    """Serve on a free port."""
    server = SupabaseServer()
    app = web.Application(client_max_size=16 * 1024 * 1024)
    app.router.add_post("/rest/v1/turns", server.take)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    server.port = runner.addresses[0][1]
    try:
        yield server
    finally:
        await runner.cleanup()


@contextmanager
def supabase_beside() -> Iterator[SupabaseServer]:
    """The same on a thread of its own, for tests whose loop comes and goes."""
    started: Future[SupabaseServer] = Future()
    loop = asyncio.new_event_loop()
    ended = asyncio.Event()

    async def serve() -> None:
        async with supabase_server() as server:
            started.set_result(server)
            await ended.wait()

    def run() -> None:
        with asyncio.Runner(loop_factory=lambda: loop) as runner:
            runner.run(serve())

    thread = Thread(target=run)
    thread.start()
    try:
        yield started.result(10)
    finally:
        loop.call_soon_threadsafe(ended.set)
        thread.join()
