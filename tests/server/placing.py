"""A server that can place calls: Twilio's REST API on loopback, through the real package."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import urlsplit

import orjson

from tests.fakes.call import make_config
from tests.server.harness import Server, serving
from tests.servers.twilio_rest import ACCOUNT_SID, AUTH_TOKEN, TwilioRestServer, open_server
from voxd.config import Config
from voxd.telephony.calls import Account, open_calls

TO, FROM = "+15550100123", "+15550199456"
API_TOKEN = "0123456789abcdef0123456789abcdef"
WANTED = {"to": TO, "from": FROM}


@dataclass
class Placing:
    """Both servers, and an operator who asks ours."""

    server: Server
    twilio: TwilioRestServer
    api_token: str = ""

    async def ask(
        self, method: str, path: str, headers: Mapping[str, str] | None = None, **given: Any
    ) -> tuple[int, dict[str, Any]]:
        """Ask our API; returns status and JSON (empty without any)."""
        url = self.server.url + path
        if headers is None and self.api_token:
            headers = {"Authorization": f"Bearer {self.api_token}"}
        async with self.server.http.request(method, url, headers=headers, **given) as response:
            body = await response.read()
            return response.status, orjson.loads(body) if body else {}

    async def place(self, **more: Any) -> str:
        """Order a call; returns its CallSid."""
        status, answer = await self.ask("POST", "/api/calls", json={**WANTED, **more})
        assert status == 201, answer
        sid: str = answer["call_sid"]
        return sid

    async def answered(self, call_sid: str) -> str:
        """Somebody answers: what our voice webhook says."""
        url = urlsplit(self.twilio.calls[call_sid].order["Url"])
        fields = {"CallSid": call_sid, "From": FROM, "To": TO, "Direction": "outbound-api"}
        status, body = await self.server.post(f"{url.path}?{url.query}", fields)
        assert status == 200
        return body

    async def report(self, path: str, call_sid: str, **fields: str) -> int:
        """A callback of Twilio's."""
        return (await self.server.post(path, {"CallSid": call_sid, **fields}))[0]


@asynccontextmanager
async def placing(
    *, config: Config | None = None, api_token: str = "", deadline_s: float = 5.0
) -> AsyncIterator[Placing]:
    """Both servers, ready for orders; with a public address ours wants a token."""
    config = config or make_config()
    if config.server.public_url and not api_token:
        api_token = API_TOKEN
    async with (
        open_server() as twilio,
        open_calls(Account(ACCOUNT_SID, AUTH_TOKEN), twilio.url, deadline_s) as telephony,
        serving(is_ready=False, config=config, api_token=api_token) as server,
    ):
        server.state.open(replace(server.stage.runtime, telephony=telephony))
        yield Placing(server, twilio, api_token)
