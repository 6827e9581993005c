"""Who may speak to us: loopback peers, or requests that carry Twilio's signature.

Judges requests and nothing else; the handlers ask it first. `check_exposure` is the same rule
for a config, before anything listens.
"""

import ipaddress
import logging
import re

from aiohttp import web
from multidict import MultiMapping

from voxd.config import Config
from voxd.errors import Problem
from voxd.twilio.signature import SignatureChecker

logger = logging.getLogger(__name__)

SIGNATURE_HEADER = "X-Twilio-Signature"

_NOT_LOCAL = re.compile(r"forwarded|x-forwarded-.*|via|x-real-ip|origin", re.ASCII | re.IGNORECASE)
"""Headers that a proxy adds, and the one by which a browser tells that a page sent the request:
a stranger's page must not place calls on its visitor's machine."""
_LOCAL_HOST = re.compile(r"(localhost|127\.\d{1,3}\.\d{1,3}\.\d{1,3}|\[::1\])(:\d{1,5})?", re.ASCII)


def check_exposure(config: Config, auth_token: str) -> tuple[Problem, ...]:
    """What forbids listening with this config; empty when nothing does."""
    host = config.server.host
    if not auth_token and not _is_loopback(host):
        message = (
            f"{host!r} can be reached from other machines, and without TWILIO_AUTH_TOKEN nobody "
            "can tell Twilio from a stranger: set that secret, or listen on 127.0.0.1"
        )
        return (Problem("server.host", message),)
    if config.server.public_url and not auth_token:
        message = (
            "tells of a proxy in front, through which strangers look like this machine: set the "
            "secret TWILIO_AUTH_TOKEN as well, by which Twilio's requests are known"
        )
        return (Problem("server.public_url", message),)
    if auth_token and not config.server.public_url:
        message = (
            "is needed with TWILIO_AUTH_TOKEN, because Twilio signs the address that it called: "
            'set it to what Twilio sees, such as "https://voice.example.com"'
        )
        return (Problem("server.public_url", message),)
    return ()


class Guard:
    """Lets a request pass or raises `web.HTTPForbidden`.

    Args:
        auth_token: Twilio's, or empty: then only local requests pass.
        public_url: `server.public_url`; what Twilio signs begins with it.
    """

    def __init__(self, auth_token: str, public_url: str) -> None:
        self._checker = SignatureChecker(auth_token) if auth_token else None
        self._public_url = public_url

    def check_form(self, request: web.Request, fields: MultiMapping[str]) -> None:
        """Let a webhook pass: signed over our public address and all of its fields, or local."""
        if self._checker is None:
            self.check_local(request)
            return
        signature = request.headers.get(SIGNATURE_HEADER)
        url = self._public_url + request.raw_path
        if not self._checker.is_signed_form(url, fields, signature):
            raise _forbidden(request, "signature")

    def check_upgrade(self, request: web.Request) -> None:
        """Let a media socket's handshake pass: signed over the `wss://` address, or local."""
        if self._checker is None:
            self.check_local(request)
            return
        signature = request.headers.get(SIGNATURE_HEADER)
        if not self._checker.is_signed_upgrade(self.stream_url(request), signature):
            raise _forbidden(request, "signature")

    def check_local(self, request: web.Request) -> None:
        """Let a request pass that surely comes from this machine and through no proxy."""
        # `peername` and not `request.remote`: nothing may ever teach this check about headers.
        peer = request.transport.get_extra_info("peername") if request.transport else None
        if not (isinstance(peer, tuple) and _is_loopback(str(peer[0]))):
            raise _forbidden(request, "not_loopback")
        if any(_NOT_LOCAL.fullmatch(name) for name in request.headers):
            raise _forbidden(request, "forwarded")
        # A stranger's domain that resolves to 127.0.0.1 (DNS rebinding) shows in Host.
        if not _LOCAL_HOST.fullmatch(request.headers.get("Host", "")):
            raise _forbidden(request, "host")

    def base_url(self, request: web.Request) -> str:
        """Our own address as Twilio should use it; call after a `check_`, which judged Host."""
        return self._public_url or f"http://{request.headers['Host']}"

    def stream_url(self, request: web.Request) -> str:
        """The media socket's address: `wss://` (or `ws://` on loopback)."""
        return f"ws{self.base_url(request).removeprefix('http')}/twilio/media"


def _is_loopback(host: str) -> bool:
    try:
        address = ipaddress.ip_address(host.partition("%")[0])
    except ValueError:
        return host == "localhost"
    mapped = address.ipv4_mapped if isinstance(address, ipaddress.IPv6Address) else None
    return (mapped or address).is_loopback


def _forbidden(request: web.Request, reason: str) -> web.HTTPForbidden:
    logger.warning("request refused", extra={"path": request.path[:64], "reason": reason})
    return web.HTTPForbidden(text="forbidden\n")
