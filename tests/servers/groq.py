"""Groq's HTTP API on loopback, for the real SDK; with `dialect="openai"` any compatible server.

Strict like the original: it refuses what Groq refuses, so that a request that passes here is one
that was thought about. What it says is scripted. By hand::

    python -m tests.servers.groq --port 9001 --key test-key
    GROQ_API_KEY=test-key voxd …      # with [engines.groq] base_url = "http://127.0.0.1:9001"
"""

import argparse
import asyncio
import contextlib
import time
import weakref
from collections.abc import AsyncIterator
from typing import Any

import orjson
from aiohttp import web

from tests.servers.groq_answer import Answer
from tests.servers.groq_script import KEY, Exchange, Fault, Script, Trouble
from tests.servers.groq_tools import are_answered, are_tools

_GROQ_FIELDS = {
    *("messages", "model", "stream", "temperature", "top_p", "stop", "seed", "n", "user", "tools"),
    *("tool_choice", "parallel_tool_calls", "max_completion_tokens", "max_tokens"),
    *("reasoning_effort", "include_reasoning", "reasoning_format", "service_tier"),
    *("response_format", "stream_options"),
}
_OPENAI_FIELDS = _GROQ_FIELDS - {"include_reasoning", "reasoning_format"}
_ROLES = {"system", "developer", "user", "assistant", "tool"}


class Refused(Exception):
    """The request gets an error instead of an answer."""

    def __init__(self, status: int, code: str, message: str, retry_after: str = "") -> None:
        self.response = web.json_response(
            {"error": {"message": message, "type": "invalid_request_error", "code": code}},
            status=status,
            headers={"retry-after": retry_after} if retry_after else {},
        )
        super().__init__(message)


class GroqServer:
    """The server; open it with `open_server`."""

    def __init__(self, script: Script) -> None:
        self.script = script
        self.exchanges: list[Exchange] = []
        self.unfinished = 0
        """Replies that are being written now."""
        self.url = ""
        self._transports: weakref.WeakKeyDictionary[asyncio.Transport, int]
        self._transports = weakref.WeakKeyDictionary()
        self._listing: list[asyncio.Event] = []
        """Requests for models that wait for each other."""
        self.connections = 0
        """TCP connections that ever carried a request."""

    @property
    def replies(self) -> list[Exchange]:
        """The requests for replies."""
        return [item for item in self.exchanges if item.path.endswith("/chat/completions")]

    def drop_all(self) -> None:
        """Reset every TCP connection."""
        for transport in list(self._transports):
            transport.abort()

    def application(self) -> web.Application:
        prefix = "/openai/v1" if self.script.dialect == "groq" else "/v1"
        app = web.Application()
        app.router.add_get(f"{prefix}/models", self._models)
        app.router.add_post(f"{prefix}/chat/completions", self._chat)
        return app

    async def _models(self, request: web.Request) -> web.StreamResponse:
        try:
            await self._receive(request, {}, self.script.models_fault, time.monotonic())
        except Refused as refused:
            return refused.response
        turn = asyncio.Event()
        self._listing.append(turn)
        if len(self._listing) >= self.script.models_together:
            together, self._listing = self._listing, []
            for waiting in together:
                waiting.set()
        await turn.wait()
        models = [
            {"id": name, "object": "model", "created": 1, "owned_by": "them", "active": True}
            for name in self.script.models
        ]
        return web.json_response({"object": "list", "data": models})

    async def _chat(self, request: web.Request) -> web.StreamResponse:
        try:
            await request.read()
            received_at = time.monotonic()
            body = await self._decode(request)
            exchange = await self._receive(request, body, self.script.fault, received_at)
            self._judge(body)
        except Refused as refused:
            return refused.response
        response = web.StreamResponse(
            headers={"Content-Type": "text/event-stream", "x-ratelimit-remaining-tokens": "7000"}
        )
        await response.prepare(request)
        self.unfinished += 1
        try:
            with contextlib.suppress(ConnectionError):
                await Answer(self.script, body, exchange, request, response).write()
        finally:
            self.unfinished -= 1
        return response

    async def _receive(
        self, request: web.Request, body: dict[str, Any], fault: Fault | None, received_at: float
    ) -> Exchange:
        transport = request.transport
        assert transport is not None
        if transport not in self._transports:
            self.connections += 1
            self._transports[transport] = self.connections
        number = self._transports[transport]
        exchange = Exchange(request.path, body, number, received_at, dict(request.headers))
        self.exchanges.append(exchange)
        if self.script.key and request.headers.get("Authorization") != f"Bearer {self.script.key}":
            raise Refused(401, "invalid_api_key", "Invalid API Key")
        if fault is not None and fault.trouble is Trouble.STATUS:
            # A provider's sentence may quote what it was asked.
            sentence = f"scripted: {body.get('messages')}"
            raise Refused(fault.status, fault.code, sentence, fault.retry_after)
        if fault is not None and fault.trouble is Trouble.STALL_BEFORE_HEADERS:
            await asyncio.Event().wait()
        return exchange

    async def _decode(self, request: web.Request) -> dict[str, Any]:
        if request.content_type != "application/json":
            raise Refused(415, "unsupported_media_type", "JSON is wanted")
        try:
            body = orjson.loads(await request.read())
        except ValueError:
            raise Refused(400, "json_invalid", "no JSON") from None
        if not isinstance(body, dict):
            raise Refused(400, "json_invalid", "no object")
        return body

    def _judge(self, body: dict[str, Any]) -> None:
        """Refuse what Groq refuses."""
        is_groq = self.script.dialect == "groq"
        model = body.get("model")
        if model not in self.script.models:
            raise Refused(404, "model_not_found", "The model does not exist")
        unknown = set(body) - (_GROQ_FIELDS if is_groq else _OPENAI_FIELDS)
        if unknown:
            raise Refused(400, "unknown_field", f"property {sorted(unknown)} is unsupported")
        messages = body.get("messages")
        if not isinstance(messages, list) or not messages or not all(map(_is_message, messages)):
            raise Refused(400, "messages_invalid", "'messages' is invalid")
        if not are_answered(messages):
            raise Refused(400, "messages_invalid", "tool calls and tool messages do not match")
        if "tools" in body and not are_tools(body["tools"]):
            raise Refused(400, "tools_invalid", "'tools' is invalid")
        if body.get("n", 1) != 1:
            raise Refused(400, "n_invalid", "'n' must be 1")
        if not 0 <= body.get("temperature", 1) <= 2:
            raise Refused(400, "temperature_invalid", "'temperature' must be within 0 and 2")
        if is_groq and body.get("reasoning_effort") == "none" and "gpt-oss" in model:
            raise Refused(400, "reasoning_effort_invalid", "'none' is not for this model")
        if "include_reasoning" in body and "reasoning_format" in body:
            raise Refused(400, "reasoning_invalid", "include_reasoning excludes reasoning_format")


def _is_message(message: object) -> bool:
    if not isinstance(message, dict):
        return False
    return message.get("role") in _ROLES and isinstance(message.get("content"), str)


@contextlib.asynccontextmanager
async def open_server(script: Script | None = None, port: int = 0) -> AsyncIterator[GroqServer]:
    """Serve on 127.0.0.1; port 0 takes a free one, `url` tells which."""
    server = GroqServer(script or Script())
    runner = web.AppRunner(server.application(), shutdown_timeout=0.05, handler_cancellation=True)
    await runner.setup()
    try:
        site = web.TCPSite(runner, "127.0.0.1", port)
        await site.start()
        server.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
        yield server
    finally:
        await runner.cleanup()


async def _serve(arguments: argparse.Namespace) -> None:
    script = Script(
        dialect=arguments.dialect,
        key=arguments.key,
        first_token_s=arguments.first_token_s,
        token_s=arguments.token_s,
    )
    async with open_server(script, arguments.port) as server:
        print(f"{arguments.dialect} on {server.url}, made-up answers, no model", flush=True)
        await asyncio.Event().wait()


def main() -> None:
    """The server by hand."""
    parser = argparse.ArgumentParser(prog="python -m tests.servers.groq")
    parser.add_argument("--port", type=int, default=9001)
    parser.add_argument("--key", default=KEY, help="the key that is accepted; empty: none wanted")
    parser.add_argument("--dialect", choices=("groq", "openai"), default="groq")
    parser.add_argument("--first-token-s", type=float, default=0.22)
    parser.add_argument("--token-s", type=float, default=0.002)
    with contextlib.suppress(KeyboardInterrupt):
        asyncio.run(_serve(parser.parse_args()))


if __name__ == "__main__":
    main()
