"""Table of what is kept of calls. Pure."""

from typing import Annotated, Literal
from urllib.parse import parse_qs, urlsplit

from pydantic import AfterValidator, Field

from voxd.settings.table import Table

LOOPBACK = ("127.0.0.1", "localhost", "::1")
_SCHEMES = ("postgresql", "postgres", "https", "http")


def judge_database(database: str) -> str:
    """Pass a place for records that `Records.database` may name.

    Raises:
        ValueError: it is an address of another kind, or holds a secret.
    """
    if "://" not in database:
        return database
    try:
        url = urlsplit(database)
    except ValueError:  # whose own words may repeat the password
        told = "is no address; one with its password is the secret VOXD_DATABASE_URL"
        raise ValueError(told) from None
    if url.scheme not in _SCHEMES:
        raise ValueError("is neither a file nor postgresql://… nor https://… (Supabase)")
    if url.password or parse_qs(url.query).keys() & {"password", "passfile", "apikey", "key"}:
        raise ValueError(
            "holds a secret: a URL with its password is the secret VOXD_DATABASE_URL, "
            "Supabase's key is SUPABASE_SERVICE_KEY"
        )
    if url.scheme == "http" and url.hostname not in LOOPBACK:
        raise ValueError("Supabase is asked by https; http only on this machine")
    if not url.hostname and url.scheme.startswith("http"):
        raise ValueError("names no host")
    return database


class Price(Table):
    """What one engine's provider charges, in whatever currency; None: not told."""

    minute: float | None = Field(None, ge=0)
    """Of a call that is listened to."""
    million_prompt_tokens: float | None = Field(None, ge=0)
    million_completion_tokens: float | None = Field(None, ge=0)
    million_characters: float | None = Field(None, ge=0)
    """That are spoken."""


class Records(Table):
    """`[records]`: what is kept of calls, and where."""

    database: Annotated[str, Field(max_length=500), AfterValidator(judge_database)] = "var/voxd.db"
    content: Literal["full", "redacted", "none"] = "redacted"
    numbers: Literal["full", "masked", "none"] = "masked"
    retention_days: int = Field(90, ge=0, le=36_500)
    spill: str = "var/records"
    spill_mb: int = Field(64, ge=1, le=10_000)
    prices: dict[str, Price] = Field(default_factory=dict)
