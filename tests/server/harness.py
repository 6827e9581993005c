"""A real server on loopback with scripted engines, and Twilio's side of it."""

import json
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any
from xml.etree import ElementTree

import aiohttp
from twilio.request_validator import RequestValidator

from tests.fakes.call import Stage, make_config
from voxd.config import Config
from voxd.runtime import Runtime
from voxd.server.guard import Guard
from voxd.server.http import build_app
from voxd.server.keys import DoorKeys
from voxd.server.listen import listen
from voxd.server.state import ServerState

HOST = "127.0.0.1"
FORM = "application/x-www-form-urlencoded"


@dataclass
class Server:
    """A server that runs, and a client of it."""

    state: ServerState
    stage: Stage
    http: aiohttp.ClientSession
    port: int
    auth_token: str = ""

    @property
    def url(self) -> str:
        return f"http://{HOST}:{self.port}"

    @property
    def runtime(self) -> Runtime:
        assert self.state.runtime is not None
        return self.state.runtime

    def sign(self, url: str, fields: Mapping[str, str]) -> dict[str, str]:
        return {
            "X-Twilio-Signature": RequestValidator(self.auth_token).compute_signature(url, fields)
        }

    async def post(
        self, path: str, fields: Mapping[str, str], headers: Mapping[str, str] | None = None
    ) -> tuple[int, str]:
        """Post a webhook; returns status and body."""
        url = self.url + path
        async with self.http.post(url, data=dict(fields), headers=headers) as response:
            return response.status, await response.text()

    async def get(self, path: str, headers: Mapping[str, str] | None = None) -> tuple[int, str]:
        async with self.http.get(self.url + path, headers=headers) as response:
            return response.status, await response.text()

    async def reserve(self, call_sid: str = "CA1") -> str:
        """The token that the voice webhook hands out."""
        status, body = await self.post("/twilio/voice", {"CallSid": call_sid})
        assert status == 200
        return stream_of(body)["token"]

    @asynccontextmanager
    async def socket(
        self, headers: Mapping[str, str] | None = None
    ) -> AsyncIterator[aiohttp.ClientWebSocketResponse]:
        url = f"{self.url}/twilio/media"
        async with self.http.ws_connect(url, headers=headers, max_msg_size=0) as socket:
            yield socket

    @asynccontextmanager
    async def call(self, call_sid: str = "CA1") -> AsyncIterator[aiohttp.ClientWebSocketResponse]:
        """A media stream after its start."""
        token = await self.reserve(call_sid)
        async with self.socket() as socket:
            await socket.send_str(connected())
            await socket.send_str(start(call_sid, token))
            yield socket


@asynccontextmanager
async def serving(
    *,
    auth_token: str = "",
    api_token: str = "",
    is_ready: bool = True,
    config: Config | None = None,
) -> AsyncIterator[Server]:
    """Listen on a free port with the fakes of one stage."""
    stage = Stage(config=config or make_config())
    keys = DoorKeys((auth_token,) if auth_token else (), api_token=api_token)
    server = stage.config.server.model_copy(update={"host": HOST, "port": 0})
    guard = Guard(keys, server.public_url, server.trusted_proxies)
    state = ServerState(stage.config, guard)
    if is_ready:
        state.open(stage.runtime)
    async with (
        listen(build_app(state), server) as (_, port),
        aiohttp.ClientSession() as http,
    ):
        yield Server(state, stage, http, port, auth_token)


def stream_of(document: str) -> dict[str, str]:
    """The parameters of a `<Stream>`, with its `url` and the `action` of its `<Connect>`."""
    root = ElementTree.fromstring(document)
    connect = root.find("Connect")
    assert connect is not None, document
    stream = connect.find("Stream")
    assert stream is not None, document
    parameters = {p.attrib["name"]: p.attrib["value"] for p in stream.findall("Parameter")}
    return {"url": stream.attrib["url"], "action": connect.attrib["action"], **parameters}


def connected() -> str:
    return json.dumps({"event": "connected", "protocol": "Call", "version": "1.0.0"})


def start(call_sid: str, token: str, stream_sid: str = "MZ1") -> str:
    body: dict[str, Any] = {
        "streamSid": stream_sid,
        "accountSid": "AC1",
        "callSid": call_sid,
        "tracks": ["inbound"],
        "mediaFormat": {"encoding": "audio/x-mulaw", "sampleRate": 8000, "channels": 1},
        "customParameters": {"token": token, "from": "+15550100"},
    }
    return json.dumps(
        {"event": "start", "sequenceNumber": "1", "streamSid": stream_sid, "start": body}
    )


def message(event: str, number: int, stream_sid: str = "MZ1", **body: Any) -> str:
    return json.dumps(
        {"event": event, "sequenceNumber": str(number), "streamSid": stream_sid, event: body}
    )
