"""A scripted agent that speaks the server's side in raw JSON; shares nothing with the caller."""

import asyncio
import base64
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web

LOUD = 0x10
"""A mu-law code of about -10 dBFS; its sign-flipped twin is 0x90."""
TONE = bytes([LOUD] * 4 + [LOUD | 0x80] * 4)
"""1 kHz square wave: 1 ms."""


def tone(ms: int) -> bytes:
    return TONE * ms


def is_loud(mulaw: bytes) -> bool:
    """Codes near 0x00 and 0x80 are loud, near 0x7f and 0xff quiet."""
    return sum(code & 0x7F < 0x50 for code in mulaw) > len(mulaw) / 4


@dataclass
class Agent:
    """Greets, then answers each utterance `think_ms` after 100 ms without loud media."""

    twiml: str | None = None
    greeting_ms: int = 200
    reply_ms: int = 300
    answers: int = 1000
    """How many utterances get an answer; after that it is silent."""
    hole_ms: int = 0
    """A stop in the middle of every reply."""
    speaks_after_ms: int = 0
    """Answers while the caller is still speaking."""
    stops_when_interrupted: bool = False
    raw: list[str] = field(default_factory=list)
    """Sent as they are after the greeting; {sid} is the stream's."""
    closes_after: int = 0
    """Closes the socket after this many utterances."""
    handshake_status: int = 0
    turns_json: Any = None
    received: list[dict[str, Any]] = field(default_factory=list)
    forms: list[tuple[str, dict[str, str], dict[str, str]]] = field(default_factory=list)
    """Path, form fields and headers of each webhook request."""
    upgrade_headers: dict[str, str] = field(default_factory=dict)
    url: str = ""

    def events(self, name: str) -> list[dict[str, Any]]:
        return [message for message in self.received if message["event"] == name]

    async def voice(self, request: web.Request) -> web.Response:
        await self._note(request)
        host = request.host
        twiml = self.twiml or (
            '<?xml version="1.0" encoding="UTF-8"?><Response><Connect action="/after">'
            f'<Stream url="ws://{host}/media"><Parameter name="token" value="t1"/></Stream>'
            "</Connect></Response>"
        )
        return web.Response(text=twiml.replace("HOST", host), content_type="text/xml")

    async def after(self, request: web.Request) -> web.Response:
        await self._note(request)
        return web.Response(text="<Response><Hangup/></Response>", content_type="text/xml")

    async def got(self, request: web.Request) -> web.Response:
        self.forms.append((request.path_qs, dict(request.query), dict(request.headers)))
        return web.Response(text="<Response/>", content_type="application/xml")

    async def text(self, _: web.Request) -> web.Response:
        return web.Response(text="Hello")

    async def broken(self, _: web.Request) -> web.Response:
        return web.Response(text="<Response>", content_type="text/xml")

    async def _note(self, request: web.Request) -> None:
        form = {key: str(value) for key, value in (await request.post()).items()}
        self.forms.append((request.path, form, dict(request.headers)))

    async def calls(self, _: web.Request) -> web.Response:
        if self.turns_json is None:
            raise web.HTTPNotFound
        return web.json_response(self.turns_json)

    async def media(self, request: web.Request) -> web.StreamResponse:
        if self.handshake_status:
            return web.Response(status=self.handshake_status)
        self.upgrade_headers = dict(request.headers)
        socket = web.WebSocketResponse(compress=False)
        await socket.prepare(request)
        async with asyncio.TaskGroup() as group:
            await self._converse(socket, group)
        return socket

    async def _converse(self, socket: web.WebSocketResponse, group: asyncio.TaskGroup) -> None:
        loud = quiet = utterances = 0
        sid = ""
        reply: asyncio.Task[None] | None = None
        has_answered = False
        async for message in socket:
            body = json.loads(message.data)
            self.received.append(body)
            if body["event"] == "start":
                sid = body["streamSid"]
                await self._say(socket, sid, "greeting", self.greeting_ms)
                for raw in self.raw:
                    await socket.send_str(raw.replace("{sid}", sid))
            if body["event"] != "media":
                continue
            if not is_loud(base64.b64decode(body["media"]["payload"])):
                quiet += 1
            else:
                loud, quiet = loud + 1, 0
                if self.stops_when_interrupted and loud == 3 and utterances:
                    await socket.send_json({"event": "clear", "streamSid": sid})
            early = self.speaks_after_ms and loud * 20 >= self.speaks_after_ms
            if loud and (quiet == 5 or (early and not has_answered)):
                if not has_answered:
                    utterances += 1
                    if utterances <= self.answers:
                        name = f"reply{utterances}"
                        reply = group.create_task(self._say(socket, sid, name, self.reply_ms))
                has_answered = quiet < 5
            if quiet == 5:
                loud = 0
                if self.closes_after and utterances >= self.closes_after:
                    if reply is not None:
                        await reply
                    await socket.close()

    async def _say(self, socket: web.WebSocketResponse, sid: str, name: str, ms: int) -> None:
        half = tone(ms // 2)
        await _send(socket, sid, half)
        if self.hole_ms and name != "greeting":
            await asyncio.sleep((ms // 2 + self.hole_ms) / 1000)
        await _send(socket, sid, half)
        await socket.send_json({"event": "mark", "streamSid": sid, "mark": {"name": name}})


async def _send(socket: web.WebSocketResponse, sid: str, mulaw: bytes) -> None:
    for start in range(0, len(mulaw), 160):
        payload = base64.b64encode(mulaw[start : start + 160]).decode()
        await socket.send_json({"event": "media", "streamSid": sid, "media": {"payload": payload}})


@asynccontextmanager
async def running(agent: Agent) -> AsyncIterator[Agent]:
    """Serve the agent on a free port."""
    app = web.Application()
    routes: list[tuple[Callable[..., Any], str, str]] = [
        (app.router.add_post, "/voice", "voice"),
        (app.router.add_post, "/after", "after"),
        (app.router.add_get, "/got", "got"),
        (app.router.add_post, "/text", "text"),
        (app.router.add_post, "/broken", "broken"),
        (app.router.add_get, "/media", "media"),
        (app.router.add_get, "/calls/{sid}", "calls"),
    ]
    for add, path, name in routes:
        add(path, getattr(agent, name))
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    host, port = runner.addresses[0][:2]
    agent.url = f"http://{host}:{port}/voice"
    try:
        yield agent
    finally:
        await runner.cleanup()
