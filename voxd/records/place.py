"""Where records go: the config's word with its secrets. Reads secrets; connects to nothing."""

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

from voxd.config import Config, read_secret
from voxd.errors import ConfigError, Problem
from voxd.records.address import SCHEMES, driver_address, judge_address

URL_SECRET = "VOXD_DATABASE_URL"
KEY_SECRET = "SUPABASE_SERVICE_KEY"


class PlaceKind(StrEnum):
    """The kinds of database."""

    SQLITE = "sqlite"
    POSTGRESQL = "postgresql"
    SUPABASE = "supabase"


@dataclass(frozen=True, slots=True)
class Place:
    """One database."""

    kind: PlaceKind
    shown: str
    """For people and logs; holds no secret."""
    path: Path = Path()
    """The file, of SQLite."""
    url: str = field(default="", repr=False)
    """Of the others; may hold a password."""
    key: str = field(default="", repr=False)
    """Supabase's."""


def find_place(config: Config, environ: Mapping[str, str] = os.environ) -> Place | None:
    """Where records go; None: nowhere.

    Raises:
        ConfigError: a secret is missing or makes no sense.
    """
    problems = check_records(config, environ)
    if problems:
        raise ConfigError("the configuration", problems)
    if not config.records.database:
        return None
    return _place(config, environ)


def check_records(config: Config, environ: Mapping[str, str] = os.environ) -> tuple[Problem, ...]:
    """What keeps records from being stored, as far as config and secrets tell."""
    if not config.records.database:
        return ()
    secret = read_secret(URL_SECRET, environ)
    address = secret or config.records.database
    if secret or address.startswith(tuple(f"{scheme}://" for scheme in SCHEMES)):
        wrong = judge_address(address)
        if wrong is not None:
            told = f"the secret {URL_SECRET} {wrong}" if secret else wrong
            return (Problem("records.database", told),)
    place = _place(config, environ)
    if place.kind is PlaceKind.SUPABASE and not place.key:
        message = f"Supabase must know who writes: set the secret {KEY_SECRET}"
        return (Problem("records.database", message),)
    if place.kind is PlaceKind.SQLITE and os.path.isdir(place.path):
        return (Problem("records.database", f"{place.path} is a folder, not a file"),)
    return ()


def describe_records(config: Config, environ: Mapping[str, str] = os.environ) -> tuple[str, ...]:
    """Where records go and what of a call they keep, for `voxd check`."""
    settings = config.records
    if not settings.database:
        return ("No records of calls are kept ([records] database is empty).",)
    if check_records(config, environ):
        return ()
    place = _place(config, environ)
    days = settings.retention_days
    kept = f"for {days} days" if days else "for good"
    words = {"full": "with every word", "redacted": "words without numbers", "none": "no words"}
    numbers = {"full": "whole telephone numbers", "masked": "masked telephone numbers"}
    told = [words[settings.content], numbers.get(settings.numbers, "no telephone numbers"), kept]
    lines = [f"Records of calls go to {place.shown}: {', '.join(told)}."]
    if place.kind is not PlaceKind.SQLITE:
        lines.append("  Only a running voxd or `voxd doctor` tells whether that can be reached.")
    if place.kind is PlaceKind.SUPABASE and days:
        lines.append("  Warning: retention_days does not reach there: have Supabase delete rows.")
    if place.kind is PlaceKind.SQLITE and not _is_writable(place.path):
        lines.append(f"  Warning: {place.path} cannot be written by this user.")
    if not settings.spill:
        lines.append("  Warning: without [records] spill they are lost while it cannot take them.")
    return tuple(lines)


def _place(config: Config, environ: Mapping[str, str]) -> Place:
    database = read_secret(URL_SECRET, environ) or config.records.database
    if "://" not in database:
        path = config.resolve(database)
        return Place(PlaceKind.SQLITE, str(path), path=path)
    url = urlsplit(database)
    if url.scheme in SCHEMES:
        host = url.hostname or "this machine"
        shown = f"PostgreSQL {url.path.removeprefix('/') or 'voxd'!r} at {host}"
        return Place(PlaceKind.POSTGRESQL, shown, url=driver_address(database))
    address = urlunsplit((url.scheme, url.netloc, url.path.rstrip("/"), "", ""))
    key = read_secret(KEY_SECRET, environ)
    return Place(PlaceKind.SUPABASE, f"Supabase at {url.hostname}", url=address, key=key)


def _is_writable(path: Path) -> bool:
    """Whether the file can be written, or made; not, where this user may not even look."""
    if os.path.exists(path):
        return os.access(path, os.W_OK) and os.access(path.parent, os.W_OK)
    parent = next((it for it in path.parents if os.path.exists(it)), Path("/"))
    return os.access(parent, os.W_OK)
