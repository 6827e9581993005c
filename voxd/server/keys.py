"""The secrets by which a request is known. Read once at the start, by `cli`."""

import os
from collections.abc import Mapping
from dataclasses import dataclass, field

from voxd.config import read_secret

AUTH_TOKEN = "TWILIO_AUTH_TOKEN"
SHARED_KEY = "TWILIO_SHARED_KEY"
SECONDARY = "_SECONDARY"
"""Of either secret: Twilio's own word for the one that is not in use yet, or no more."""
API_TOKEN = "VOXD_API_TOKEN"


@dataclass(frozen=True, slots=True)
class DoorKeys:
    """What opens the door; without `auth_tokens` only this machine itself comes in."""

    auth_tokens: tuple[str, ...] = field(default=(), repr=False)
    """Of the Twilio account, by which it signs. Two while one replaces the other."""
    shared_keys: tuple[str, ...] = field(default=(), repr=False)
    """Secrets of shared keys, by which Twilio signs with SHA-256 where an account has them."""
    api_token: str = field(default="", repr=False)
    """Our own, for operators who ask from another machine; empty: nobody does."""


def read_keys(environ: Mapping[str, str] = os.environ) -> DoorKeys:
    """The secrets from systemd credentials or the environment; each may be absent."""
    return DoorKeys(
        _read_pair(AUTH_TOKEN, environ),
        _read_pair(SHARED_KEY, environ),
        read_secret(API_TOKEN, environ),
    )


def _read_pair(name: str, environ: Mapping[str, str]) -> tuple[str, ...]:
    pair = (read_secret(name, environ), read_secret(name + SECONDARY, environ))
    return tuple(secret for secret in pair if secret)
