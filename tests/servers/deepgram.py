"""Deepgram's `/v1/listen` and `/v2/listen` on loopback, for the real SDK.

Strict like the original: it refuses what Deepgram refuses, so that a request that passes here is
one that was thought about. It hears when there is speech; the words are scripted. By hand::

    python -m tests.servers.deepgram --port 9002 "Hello there." "What are your hours?"
    DEEPGRAM_API_KEY=test-key voxd …  # with [engines.deepgram] base_url = "http://127.0.0.1:9002"

`GET /records` tells what came and went, for a bench in another process.
"""

import argparse
import asyncio
import contextlib
import dataclasses
import time
from collections.abc import AsyncIterator

from aiohttp import web

from tests.servers.deepgram_listen import ListenV1, ListenV2
from tests.servers.deepgram_query import refuse_query
from tests.servers.deepgram_script import KEY, Connection, Refusal, Script, Utterance
from tests.servers.deepgram_session import Session

SESSIONS: dict[str, type[Session]] = {"/v1/listen": ListenV1, "/v2/listen": ListenV2}


class DeepgramServer:
    """The server; open it with `open_server`."""

    def __init__(self, script: Script) -> None:
        self.script = script
        self.url = ""
        self.attempts = 0
        """Handshakes that were begun, refused ones included."""
        self.connections: list[Connection] = []
        """WebSockets that were opened, in order."""
        self.open = 0
        """WebSockets that are open now."""
        self._transports: set[asyncio.Transport] = set()

    def drop_all(self) -> None:
        """Reset every WebSocket's TCP connection."""
        for transport in self._transports:
            transport.abort()

    async def listen(self, request: web.Request) -> web.StreamResponse:
        """A handshake, and what follows."""
        self.attempts += 1
        refusal = self._refuse(request)
        if refusal is not None:
            return await self._perform(refusal, request)
        socket = web.WebSocketResponse()
        await socket.prepare(request)
        query = {name: request.query.getall(name) for name in request.query}
        connection = Connection(request.path, query, dict(request.headers), time.monotonic())
        self.connections.append(connection)
        self.open += 1
        transport = request.transport
        assert transport is not None
        self._transports.add(transport)
        try:
            await SESSIONS[request.path](self.script, connection, request, socket).run()
        finally:
            self.open -= 1
            self._transports.discard(transport)
        return socket

    async def records(self, request: web.Request) -> web.Response:
        """All connections with what came and went."""
        return web.json_response([dataclasses.asdict(item) for item in self.connections])

    def _refuse(self, request: web.Request) -> Refusal | None:
        if self.script.refusals:
            return self.script.refusals.pop(0)
        if self.script.refusal is not None:
            return self.script.refusal
        if request.headers.get("Authorization") != f"Token {self.script.key}":
            return Refusal(401, "Invalid credentials.")
        query = {name: request.query.getall(name) for name in request.query}
        reason = refuse_query(request.path, query)
        return Refusal(400, reason) if reason else None

    async def _perform(self, refusal: Refusal, request: web.Request) -> web.Response:
        if refusal.status == -1:
            await asyncio.Event().wait()
        if refusal.status == 0:
            assert request.transport is not None
            request.transport.abort()
        headers = {"dg-error": refusal.reason, "dg-request-id": "r1"}
        if refusal.retry_after:
            headers["retry-after"] = refusal.retry_after
        body = {"err_code": "REFUSED", "err_msg": refusal.reason, "request_id": "r1"}
        return web.json_response(body, status=refusal.status or 500, headers=headers)


@contextlib.asynccontextmanager
async def open_server(script: Script, port: int = 0) -> AsyncIterator[DeepgramServer]:
    """Serve on 127.0.0.1; port 0 takes a free one. `server.url` is for `base_url`."""
    server = DeepgramServer(script)
    app = web.Application()
    app.router.add_get("/v1/listen", server.listen)
    app.router.add_get("/v2/listen", server.listen)
    app.router.add_get("/records", server.records)
    runner = web.AppRunner(app, shutdown_timeout=0.1, handler_cancellation=True)
    await runner.setup()
    try:
        site = web.TCPSite(runner, "127.0.0.1", port)
        await site.start()
        server.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
        yield server
    finally:
        await runner.cleanup()


def main() -> None:
    parser = argparse.ArgumentParser(description="A loopback Deepgram.")
    parser.add_argument("--port", type=int, default=9002)
    parser.add_argument("--key", default=KEY)
    parser.add_argument("--final-delay-s", type=float, default=0.25)
    parser.add_argument("--interim-delay-s", type=float, default=0.15)
    parser.add_argument("--tail-s", type=float, default=0.3)
    parser.add_argument("text", nargs="*", default=["Hello there.", "What are your hours?"])
    given = parser.parse_args()
    script = Script(
        utterances=tuple(Utterance(text) for text in given.text),
        key=given.key,
        interim_delay_s=given.interim_delay_s,
        final_delay_s=given.final_delay_s,
        tail_s=given.tail_s,
    )

    async def serve() -> None:
        async with open_server(script, given.port) as server:
            print(f"a loopback Deepgram at {server.url}, key {given.key}", flush=True)
            await asyncio.Event().wait()

    with contextlib.suppress(KeyboardInterrupt):
        asyncio.run(serve())


if __name__ == "__main__":
    main()
