"""Twilio's REST API about calls on loopback, for the real package.

Strict like the original, and stricter: a field that Twilio does not have is refused here, where
Twilio would pass over it, so that a misspelt one is found. Errors have Twilio's JSON and its codes.
What goes wrong is scripted by `fault`. It places no calls: tests play Twilio's other half, the
webhooks, with the addresses that an order named.
"""

import asyncio
import base64
import contextlib
import re
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any
from urllib.parse import parse_qsl, urlsplit
from xml.etree import ElementTree

from aiohttp import web
from multidict import MultiDict

ACCOUNT_SID = "AC" + "0a" * 16
AUTH_TOKEN = "loopback-auth-token"

_CREATE = {
    *("To", "From", "Url", "Twiml", "ApplicationSid", "Method", "FallbackUrl", "FallbackMethod"),
    *("StatusCallback", "StatusCallbackMethod", "StatusCallbackEvent", "SendDigits", "Timeout"),
    *("Record", "TimeLimit", "CallerId", "CallReason", "Trim", "MachineDetection", "AsyncAmd"),
    *("MachineDetectionTimeout", "MachineDetectionSpeechThreshold"),
    *("MachineDetectionSpeechEndThreshold", "MachineDetectionSilenceTimeout"),
    *("AsyncAmdStatusCallback", "AsyncAmdStatusCallbackMethod"),
}
_UPDATE = {
    *("Url", "Twiml", "Method", "Status", "FallbackUrl", "FallbackMethod", "StatusCallback"),
    *("StatusCallbackMethod", "TimeLimit"),
}
_CHOICES = {
    "Method": {"GET", "POST"},
    "FallbackMethod": {"GET", "POST"},
    "StatusCallbackMethod": {"GET", "POST"},
    "AsyncAmdStatusCallbackMethod": {"GET", "POST"},
    "StatusCallbackEvent": {"initiated", "ringing", "answered", "completed"},
    "MachineDetection": {"Enable", "DetectMessageEnd"},
    # Twilio reads anything else as false; "True", which Python makes of a bool, is such a word.
    "AsyncAmd": {"true", "false"},
    "Record": {"true", "false"},
}
_ADDRESSES = {"Url", "FallbackUrl", "StatusCallback", "AsyncAmdStatusCallback"}
_E164 = re.compile(r"\+[1-9][0-9]{6,14}", re.ASCII)
_OVER = {"completed", "busy", "failed", "no-answer", "canceled"}


class Trouble(StrEnum):
    """What goes wrong with a request."""

    STATUS = "status"
    """It gets an error."""
    HANG = "hang"
    """It gets no answer."""
    RESET = "reset"
    """The connection is reset."""
    NONSENSE = "nonsense"
    """It gets a page that is no JSON, with status 200."""
    OTHER_JSON = "other_json"
    """It gets JSON of another shape, with status 200."""


@dataclass
class Fault:
    """A fault that the next `times` requests meet."""

    trouble: Trouble
    status: int = 500
    code: int = 20500
    times: int = 1_000_000


@dataclass
class PlacedCall:
    """A call of the account."""

    sid: str
    order: MultiDict[str]
    """The fields that placed it."""
    status: str = "queued"
    updates: list[MultiDict[str]] = field(default_factory=list)

    @property
    def document(self) -> str:
        """The TwiML that it was last given; empty: none."""
        return next((form["Twiml"] for form in reversed(self.updates) if "Twiml" in form), "")


class _Refused(Exception):
    def __init__(self, status: int, code: int, message: str) -> None:
        self.status, self.code, self.message = status, code, message


class TwilioRestServer:
    """The server; open it with `open_server`."""

    def __init__(self) -> None:
        self.url = ""
        self.calls: dict[str, PlacedCall] = {}
        self.fault: Fault | None = None
        self.requests: list[str] = []
        """Method and path of each, in order."""

    @property
    def only_call(self) -> PlacedCall:
        """The one call that was placed."""
        (call,) = self.calls.values()
        return call

    def add_call(self, sid: str, status: str = "in-progress") -> PlacedCall:
        """A call that somebody else placed, such as one that came in."""
        self.calls[sid] = PlacedCall(sid, MultiDict(), status)
        return self.calls[sid]

    def application(self) -> web.Application:
        app = web.Application()
        account = f"/2010-04-01/Accounts/{ACCOUNT_SID}"
        app.router.add_post(f"{account}/Calls.json", self._create)
        app.router.add_post(f"{account}/Calls/{{sid}}.json", self._update)
        app.router.add_get(f"{account}/Calls/{{sid}}.json", self._fetch)
        app.router.add_route("*", "/{path:.*}", self._nothing)
        return app

    async def _create(self, request: web.Request) -> web.StreamResponse:
        async def create() -> web.Response:
            form = await _read(request, _CREATE)
            for name, code in (("To", 21201), ("From", 21213)):
                if not form.get(name):
                    raise _Refused(400, code, f"No '{name}' number is specified")
                if not _E164.fullmatch(form[name]):
                    code = 21211 if name == "To" else 21212
                    raise _Refused(400, code, f"The '{name}' number {form[name]} is not valid")
            if not {"Url", "Twiml", "ApplicationSid"} & set(form):
                raise _Refused(400, 21205, "Url parameter is required")
            if "AsyncAmd" in form and "MachineDetection" not in form:
                raise _Refused(400, 20001, "AsyncAmd without MachineDetection")
            call = PlacedCall(f"CA{len(self.calls) + 1:032x}", form)
            self.calls[call.sid] = call
            return web.json_response(_describe(call), status=201)

        return await self._answer(request, create)

    async def _update(self, request: web.Request) -> web.StreamResponse:
        async def update() -> web.Response:
            form = await _read(request, _UPDATE)
            call = self._find(request)
            if call.status in _OVER:
                raise _Refused(400, 21220, "Call is not in-progress. Cannot redirect.")
            if form.get("Status", "completed") not in ("completed", "canceled"):
                raise _Refused(400, 20001, "Invalid status")
            if not {"Url", "Twiml", "Status"} & set(form):
                raise _Refused(400, 21205, "Url parameter is required")
            call.updates.append(form)
            if "Status" in form and (form["Status"] == "completed" or call.status != "in-progress"):
                call.status = form["Status"]
            return web.json_response(_describe(call))

        return await self._answer(request, update)

    async def _fetch(self, request: web.Request) -> web.StreamResponse:
        async def fetch() -> web.Response:
            return web.json_response(_describe(self._find(request)))

        return await self._answer(request, fetch)

    async def _nothing(self, request: web.Request) -> web.StreamResponse:
        async def refuse() -> web.Response:
            raise _Refused(404, 20404, f"The requested resource {request.path} was not found")

        return await self._answer(request, refuse)

    async def _answer(self, request: web.Request, handle: Any) -> web.StreamResponse:
        self.requests.append(f"{request.method} {request.path}")
        try:
            _authenticate(request)
            if (faulty := await self._meet_fault(request)) is not None:
                return faulty
            answer: web.StreamResponse = await handle()
            return answer
        except _Refused as refused:
            more = f"https://www.twilio.com/docs/errors/{refused.code}"
            return web.json_response(
                {
                    "code": refused.code,
                    "message": refused.message,
                    "more_info": more,
                    "status": refused.status,
                },
                status=refused.status,
            )

    async def _meet_fault(self, request: web.Request) -> web.Response | None:
        fault = self.fault
        if fault is None or fault.times <= 0:
            return None
        fault.times -= 1
        match fault.trouble:
            case Trouble.STATUS:
                # Twilio's sentences quote what they are about.
                quoted = (await request.read()).decode()
                raise _Refused(fault.status, fault.code, f"scripted, about {quoted}")
            case Trouble.HANG:
                await asyncio.Event().wait()
            case Trouble.RESET:
                assert request.transport is not None
                request.transport.abort()
            case Trouble.NONSENSE:
                return web.Response(text="<html>maintenance</html>", content_type="text/html")
        return web.json_response(["something", "else"])

    def _find(self, request: web.Request) -> PlacedCall:
        call = self.calls.get(request.match_info["sid"])
        if call is None:
            raise _Refused(404, 20404, f"The requested resource {request.path} was not found")
        return call


def _authenticate(request: web.Request) -> None:
    pair = base64.b64encode(f"{ACCOUNT_SID}:{AUTH_TOKEN}".encode()).decode()
    if request.headers.get("Authorization") != f"Basic {pair}":
        raise _Refused(401, 20003, "Authenticate")


async def _read(request: web.Request, known: set[str]) -> MultiDict[str]:
    """The form, each of whose fields Twilio has and can read."""
    if request.content_type != "application/x-www-form-urlencoded":
        raise _Refused(415, 20001, "a form is expected")
    form = MultiDict(parse_qsl((await request.read()).decode(), keep_blank_values=True))
    for name, value in form.items():
        if name not in known:
            raise _Refused(400, 20001, f"There is no field {name}")
        if name in _CHOICES and value not in _CHOICES[name]:
            raise _Refused(400, 20001, f"{name} cannot be {value}")
        if name in _ADDRESSES and not _is_address(value):
            raise _Refused(400, 21205, f"{name} is not a valid URL: {value}")
    _check_bounds(form)
    return form


def _check_bounds(form: Mapping[str, str]) -> None:
    if not 1 <= int(form.get("Timeout", "60")) <= 600:
        raise _Refused(400, 20001, "Timeout must be within 1 and 600")
    document = form.get("Twiml")
    if document is not None:
        if len(document) > 4000:
            raise _Refused(400, 20001, "Twiml has more than 4000 characters")
        try:
            tag = ElementTree.fromstring(document).tag
        except ElementTree.ParseError:
            raise _Refused(400, 12100, "Document parse failure") from None
        if tag != "Response":
            raise _Refused(400, 12100, "Document parse failure")


def _is_address(text: str) -> bool:
    parts = urlsplit(text)
    return parts.scheme in ("http", "https") and bool(parts.hostname)


def _describe(call: PlacedCall) -> dict[str, Any]:
    """A call as Twilio describes it, its dates and prices left open."""
    return {
        "sid": call.sid,
        "account_sid": ACCOUNT_SID,
        "to": call.order.get("To"),
        "from": call.order.get("From"),
        "status": call.status,
        "direction": "outbound-api",
        "answered_by": None,
        "date_created": None,
        "date_updated": None,
        "start_time": None,
        "end_time": None,
        "duration": None,
        "price": None,
        "price_unit": "USD",
        "api_version": "2010-04-01",
        "uri": f"/2010-04-01/Accounts/{ACCOUNT_SID}/Calls/{call.sid}.json",
        "subresource_uris": {},
    }


@contextlib.asynccontextmanager
async def open_server() -> AsyncIterator[TwilioRestServer]:
    """Serve on a free port of 127.0.0.1; `url` tells which."""
    server = TwilioRestServer()
    runner = web.AppRunner(server.application(), shutdown_timeout=0.05, handler_cancellation=True)
    await runner.setup()
    try:
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        server.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
        yield server
    finally:
        await runner.cleanup()
