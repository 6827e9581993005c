"""Cartesia's text-to-speech WebSocket on loopback, for the real SDK.

A stand-in, not the service: what it says is a hum as long as the text. It is strict where the
original is (`cartesia_rules`), keeps sending after a cancel, lets contexts expire and fails as its
script says. `POST /tts/bytes` and `/tts/sse` are not there, because voxd does not use them.
By hand::

    python -m tests.servers.cartesia --port 9003 --key test-key
    CARTESIA_API_KEY=test-key voxd …  # with [engines.cartesia] base_url = "http://127.0.0.1:9003"

`GET /records` tells what came and went, for a bench in another process.
"""

import argparse
import asyncio
import contextlib
import dataclasses
import time
from collections import deque
from collections.abc import AsyncIterator
from typing import Any

import orjson
from aiohttp import WSMsgType, web

from tests.servers.cartesia_context import GeneratingContext
from tests.servers.cartesia_rules import Refused, judge_handshake, judge_input, judge_repetition
from tests.servers.cartesia_script import KEY, Heard, Script, Sent

KEPT = 100_000
"""Messages that are remembered."""


class CartesiaServer:
    """The server; open it with `open_server`."""

    def __init__(self, script: Script) -> None:
        self.script = script
        self.url = ""
        self.attempts = 0
        """Handshakes that were begun."""
        self.connections = 0
        """Sockets that were ever accepted."""
        self.open_sockets: dict[int, web.WebSocketResponse] = {}
        self.heard: deque[Heard] = deque(maxlen=KEPT)
        self.sent: deque[Sent] = deque(maxlen=KEPT)
        self.complaints: list[str] = []
        """Why inputs were refused; scripted faults are not here."""
        self.generating = 0
        """Contexts that are making audio."""
        self._transports: dict[int, Any] = {}

    @property
    def transcripts(self) -> list[str]:
        """What was to be spoken, in order."""
        return [item.transcript for item in self.heard if item.transcript]

    def application(self) -> web.Application:
        app = web.Application()
        app.router.add_get("/", self._status)
        app.router.add_get("/tts/websocket", self._socket)
        app.router.add_get("/records", self._records)
        return app

    def drop_all(self) -> None:
        """Reset every TCP connection."""
        for transport in list(self._transports.values()):
            transport.abort()

    async def close_all(self, code: int) -> None:
        """Close every socket."""
        for socket in list(self.open_sockets.values()):
            await socket.close(code=code)

    async def _status(self, request: web.Request) -> web.StreamResponse:
        return web.json_response({"ok": True, "version": "loopback"})

    async def _records(self, request: web.Request) -> web.StreamResponse:
        return web.json_response(
            {
                "attempts": self.attempts,
                "connections": self.connections,
                "complaints": self.complaints,
                "heard": [dataclasses.asdict(item) for item in self.heard],
                "sent": [dataclasses.asdict(item) for item in self.sent],
            }
        )

    async def _socket(self, request: web.Request) -> web.StreamResponse:
        self.attempts += 1
        refused = await self._refuse(request)
        if refused is not None:
            return refused
        socket = web.WebSocketResponse(compress=False)
        await socket.prepare(request)
        self.connections += 1
        number = self.connections
        self.open_sockets[number] = socket
        self._transports[number] = request.transport
        try:
            await _Conversation(self, number, socket, request).run()
        finally:
            del self.open_sockets[number], self._transports[number]
        return socket

    async def _refuse(self, request: web.Request) -> web.StreamResponse | None:
        if refusal := self.script.refusal:
            if refusal.status < 0:
                await asyncio.Event().wait()
            if not refusal.status:
                assert request.transport is not None
                request.transport.abort()
                return web.Response(status=500)
            headers = {"Retry-After": refusal.retry_after} if refusal.retry_after else {}
            return web.Response(status=refusal.status, headers=headers)
        if problem := judge_handshake(request.headers, request.query, self.script.key):
            status, title = problem
            return web.json_response({"error_code": None, "title": title}, status=status)
        return None


class _Conversation:
    """One socket."""

    def __init__(
        self,
        server: CartesiaServer,
        number: int,
        socket: web.WebSocketResponse,
        request: web.Request,
    ) -> None:
        self._server = server
        self._number = number
        self._socket = socket
        self._request = request
        self._contexts: dict[str, GeneratingContext] = {}
        self._ended: set[str] = set()
        self._tasks: set[asyncio.Task[None]] = set()

    async def run(self) -> None:
        try:
            while True:
                message = await self._socket.receive(timeout=self._server.script.idle_s)
                if message.type is not WSMsgType.TEXT:
                    break
                await self._hear(message.data)
        except TimeoutError:
            await self._socket.close(code=1000)
        finally:
            for task in self._tasks:
                task.cancel()
            await asyncio.gather(*self._tasks, return_exceptions=True)

    async def send(self, kind: str, context_id: str, body: dict[str, Any], size: int = 0) -> None:
        """Send a message of a context; a peer that is gone does not matter."""
        named = {"context_id": context_id} if context_id else {}
        text = orjson.dumps({"type": kind, "done": False, "status_code": 206} | named | body)
        self._server.sent.append(Sent(time.monotonic(), self._number, context_id, kind, size))
        with contextlib.suppress(ConnectionError):
            await self._socket.send_str(text.decode())

    async def send_raw(self, text: str) -> None:
        """Send whatever it is."""
        with contextlib.suppress(ConnectionError):
            await self._socket.send_str(text)

    async def close(self, code: int) -> None:
        """End the socket."""
        await self._socket.close(code=code)

    def drop(self) -> None:
        """Reset the connection."""
        if self._request.transport is not None:
            self._request.transport.abort()

    async def send_error(self, context_id: str, status: int, code: str | None, title: str) -> None:
        """Tell what is wrong; the context is over."""
        self.end(context_id)
        error = {"error_code": code, "title": title, "message": title, "request_id": "r"}
        await self.send("error", context_id, error | {"done": True, "status_code": status})

    def end(self, context_id: str) -> None:
        """A context is over: nothing more may be said in it."""
        if self._contexts.pop(context_id, None):
            self._ended.add(context_id)

    async def _hear(self, text: str) -> None:
        received_at = time.monotonic()
        context_id = ""
        try:
            body = orjson.loads(text)
            if not isinstance(body, dict):
                raise Refused("no object")
            context_id = body.get("context_id") or ""
            self._note(context_id, body, received_at)
            if "cancel" in body:
                self._cancel(context_id, body)
            else:
                judge_input(body)
                self._take(context_id, body)
        except orjson.JSONDecodeError:
            await self._complain(context_id, Refused("no JSON"))
        except Refused as refused:
            await self._complain(context_id, refused)

    async def _complain(self, context_id: str, refused: Refused) -> None:
        self._server.complaints.append(refused.title)
        await self.send_error(context_id, refused.status, refused.code, refused.title)

    def _note(self, context_id: str, body: dict[str, Any], received_at: float) -> None:
        transcript = None if "cancel" in body else body.get("transcript")
        flags = bool(body.get("continue")), bool(body.get("flush"))
        self._server.heard.append(
            Heard(
                received_at,
                self._number,
                context_id,
                transcript,
                *flags,
                generation=body.get("generation_config", {}),
                language=body.get("language", ""),
            )
        )

    def _cancel(self, context_id: str, body: dict[str, Any]) -> None:
        if body.get("cancel") is not True or set(body) != {"cancel", "context_id"}:
            raise Refused("a cancel has a context_id and nothing else")
        if context_id not in self._contexts:
            raise Refused("a context that is not there was cancelled")
        self._contexts[context_id].cancel()

    def _take(self, context_id: str, body: dict[str, Any]) -> None:
        if context_id in self._ended:
            raise Refused("the context is over")
        context = self._contexts.get(context_id)
        if context is None:
            if self._server.generating >= self._server.script.generating:
                raise Refused(
                    "Too many concurrent requests", status=429, code="concurrency_limited"
                )
            context = GeneratingContext(self._server, self, body)
            self._contexts[context_id] = context
            task = asyncio.get_running_loop().create_task(context.run())
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)
        judge_repetition(context.first, body)
        context.take(body)


@contextlib.asynccontextmanager
async def open_server(script: Script | None = None, port: int = 0) -> AsyncIterator[CartesiaServer]:
    """Serve on 127.0.0.1; port 0 takes a free one, `url` tells which."""
    server = CartesiaServer(script or Script())
    runner = web.AppRunner(server.application(), shutdown_timeout=0.05, handler_cancellation=True)
    await runner.setup()
    try:
        site = web.TCPSite(runner, "127.0.0.1", port)
        await site.start()
        server.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
        yield server
    finally:
        server.drop_all()
        await runner.cleanup()


async def _serve(arguments: argparse.Namespace) -> None:
    script = Script(key=arguments.key, first_audio_s=arguments.first_audio_s, speed=arguments.speed)
    async with open_server(script, arguments.port) as server:
        print(f"cartesia on {server.url}, a hum, no model", flush=True)
        await asyncio.Event().wait()


def main() -> None:
    """The server by hand."""
    parser = argparse.ArgumentParser(prog="python -m tests.servers.cartesia")
    parser.add_argument("--port", type=int, default=9003)
    parser.add_argument("--key", default=KEY, help="the key that is accepted; empty: none wanted")
    parser.add_argument("--first-audio-s", type=float, default=0.09)
    parser.add_argument("--speed", type=float, default=20.0, help="times real time")
    with contextlib.suppress(KeyboardInterrupt):
        asyncio.run(_serve(parser.parse_args()))


if __name__ == "__main__":
    main()
