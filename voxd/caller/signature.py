"""Twilio's X-Twilio-Signature, made by the sender's side. Pure.

base64(HMAC-SHA1(auth token, URL + each name and value in the names' byte order)); for the
WebSocket the `wss` form of the URL alone. Source: Twilio, "Security".
"""

import base64
import hashlib
import hmac
from collections.abc import Mapping
from urllib.parse import urlsplit, urlunsplit

HEADER = "X-Twilio-Signature"


def sign_form(auth_token: str, url: str, fields: Mapping[str, str]) -> str:
    """Return the signature of a form POST, or of a GET when there are no fields."""
    signed = _signed_url(url) + "".join(name + fields[name] for name in sorted(fields))
    digest = hmac.new(auth_token.encode(), signed.encode(), hashlib.sha1).digest()
    return base64.b64encode(digest).decode("ascii")


def sign_upgrade(auth_token: str, url: str) -> str:
    """Return the signature of a WebSocket handshake; `ws` counts as `wss`."""
    return sign_form(auth_token, urlsplit(url)._replace(scheme="wss").geturl(), {})


def _signed_url(url: str) -> str:
    """Drop user and password, and the port of an HTTPS URL, as Twilio does for voice."""
    parts = urlsplit(url)
    host = f"[{parts.hostname}]" if ":" in (parts.hostname or "") else parts.hostname or ""
    if parts.port is not None and parts.scheme != "https":
        host = f"{host}:{parts.port}"
    return urlunsplit(parts._replace(netloc=host))
