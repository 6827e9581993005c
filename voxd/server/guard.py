"""Who may speak to us: loopback peers, or requests that carry a signature or a token.

Judges requests and nothing else; the handlers ask it first. `exposure` has the same rules for a
config, before anything listens.
"""

import hmac
import logging
import re
from collections import Counter
from collections.abc import Sequence

from aiohttp import web
from multidict import MultiMapping

from voxd.server.keys import DoorKeys
from voxd.server.peer import Network, find_client, is_loopback, limit_key
from voxd.twilio.signature import SignatureChecker

logger = logging.getLogger(__name__)

SIGNATURE_HEADER = "X-Twilio-Signature"
SETTINGS_HEADER = "X-Twilio-Webhooks-Signature-Settings"

_NOT_LOCAL = re.compile(r"forwarded|x-forwarded-.*|via|x-real-ip|origin", re.ASCII | re.IGNORECASE)
"""Headers that a proxy adds, and the one by which a browser tells that a page sent the request:
a stranger's page must not place calls on its visitor's machine."""
_LOCAL_HOST = re.compile(r"(localhost|127\.\d{1,3}\.\d{1,3}\.\d{1,3}|\[::1\])(:\d{1,5})?", re.ASCII)


class Guard:
    """Lets a request pass or raises `web.HTTPForbidden` or `web.HTTPUnauthorized`.

    Args:
        keys: what signs; without auth tokens only local requests pass.
        public_url: `server.public_url`; what Twilio signs begins with it.
        trusted_proxies: whose `X-Forwarded-For` is believed, for limits and logs alone.
    """

    def __init__(
        self, keys: DoorKeys, public_url: str, trusted_proxies: Sequence[Network] = ()
    ) -> None:
        tokens = keys.auth_tokens
        self._checker = SignatureChecker(tokens, keys.shared_keys) if tokens else None
        self._api_token = keys.api_token.encode()
        self._public_url = public_url
        self._trusted_proxies = tuple(trusted_proxies)
        self.refused: Counter[str] = Counter()
        """Requests that did not pass, by reason: a few constant words."""

    def check_form(self, request: web.Request, fields: MultiMapping[str]) -> None:
        """Let a webhook pass: signed over our public address and all of its fields, or local."""
        if self._checker is None:
            self.check_local(request)
            return
        url = self._public_url + request.raw_path
        if not self._checker.is_signed_form(url, fields, *_signature(request)):
            raise self._forbidden(request, "signature")

    def check_upgrade(self, request: web.Request) -> None:
        """Let a media socket's handshake pass: signed over the `wss://` address, or local."""
        if self._checker is None:
            self.check_local(request)
            return
        url = f"wss://{self._public_url.partition('://')[2]}/twilio/media"
        if not self._checker.is_signed_upgrade(url, *_signature(request)):
            raise self._forbidden(request, "signature")

    def check_private(self, request: web.Request, *, may_be_local: bool = False) -> None:
        """Let a request for callers' words or for power pass: with our own token or, where nothing
        is reachable from outside, local.

        With `may_be_local` also what seems local passes, whatever is reachable: for details that
        are no secret. Whoever shows a token is judged by it alone, from wherever: a wrong one on
        this machine is a mistake that should be seen.

        Raises:
            web.HTTPUnauthorized: the token is wrong, or none is configured.
            web.HTTPForbidden: there is no token, and the request is not surely from this machine.
        """
        shown = request.headers.get("Authorization")
        if shown is None:
            # A proxy that adds no header makes a stranger look local.
            if self._public_url and not may_be_local:
                raise self._forbidden(request, "token")
            self.check_local(request)
            return
        scheme, _, token = shown.partition(" ")
        # Bytes that were no UTF-8 come as surrogates; `compare_digest` takes time by length only.
        given = token.strip().encode("utf-8", "surrogateescape")
        is_ours = hmac.compare_digest(given, self._api_token)
        if not (self._api_token and scheme.lower() == "bearer" and is_ours):
            self._log_refusal(request, "token")
            headers = {"WWW-Authenticate": "Bearer"}
            raise web.HTTPUnauthorized(text="unauthorized\n", headers=headers)

    def check_local(self, request: web.Request) -> None:
        """Let a request pass that surely comes from this machine and through no proxy."""
        # The connection's own peer: nothing may ever teach this check about headers.
        if not is_loopback(_peer(request)):
            raise self._forbidden(request, "not_loopback")
        if any(_NOT_LOCAL.fullmatch(name) for name in request.headers):
            raise self._forbidden(request, "forwarded")
        # A stranger's domain that resolves to 127.0.0.1 (DNS rebinding) shows in Host.
        if not _LOCAL_HOST.fullmatch(request.headers.get("Host", "")):
            raise self._forbidden(request, "host")

    def limit_key(self, request: web.Request) -> str:
        """Who a request counts for where there is a limit for each address; "" is not limited.

        Not limited is who comes from loopback: behind a proxy that `trusted_proxies` does not
        name, everybody does.
        """
        client = find_client(
            _peer(request), request.headers.getall("X-Forwarded-For", ()), self._trusted_proxies
        )
        return "" if client is None or client.is_loopback else limit_key(client)

    def base_url(self, request: web.Request) -> str:
        """Our own address as Twilio should use it; call after a `check_`, which judged Host."""
        return self._public_url or f"{request.scheme}://{request.headers['Host']}"

    def stream_url(self, request: web.Request) -> str:
        """The media socket's address: `wss://` (or `ws://` on loopback)."""
        return f"ws{self.base_url(request).removeprefix('http')}/twilio/media"

    def _forbidden(self, request: web.Request, reason: str) -> web.HTTPForbidden:
        self._log_refusal(request, reason)
        return web.HTTPForbidden(text="forbidden\n")

    def _log_refusal(self, request: web.Request, reason: str) -> None:
        self.refused[reason] += 1
        extra = {"path": request.path[:64], "reason": reason, "client": self.limit_key(request)}
        logger.warning("request refused", extra=extra)


def _peer(request: web.Request) -> str:
    """The address at the other end of the connection; "" once it is gone."""
    peer = request.transport.get_extra_info("peername") if request.transport else None
    return str(peer[0]) if isinstance(peer, tuple) else ""


def _signature(request: web.Request) -> tuple[str | None, str | None]:
    return request.headers.get(SIGNATURE_HEADER), request.headers.get(SETTINGS_HEADER)
