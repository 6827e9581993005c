"""Looks into databases with other eyes than voxd's: their own clients, and the design's columns."""

import json
import os
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import asyncpg

from voxd.records.place import Place, PlaceKind


def sqlite_place(path: Path) -> Place:
    return Place(PlaceKind.SQLITE, str(path), path=path)


def postgresql_place(url: str) -> Place:
    return Place(PlaceKind.POSTGRESQL, "PostgreSQL", url=url)


async def fetch(place: Place, query: str) -> list[dict[str, Any]]:
    """The rows of a query; `meta` decoded."""
    if place.kind is PlaceKind.SQLITE:
        connection = sqlite3.connect(place.path)
        connection.row_factory = sqlite3.Row
        try:
            rows = [dict(row) for row in connection.execute(query)]
        finally:
            connection.close()
    else:
        session = await asyncpg.connect(place.url)
        try:
            rows = [dict(row) for row in await session.fetch(query)]
        finally:
            await session.close()
    return [{**row, **({"meta": json.loads(row["meta"])} if "meta" in row else {})} for row in rows]


async def clear(place: Place) -> None:
    """Leave nothing of an earlier test."""
    session = await asyncpg.connect(place.url)
    try:
        await session.execute("drop schema public cascade; create schema public")
    finally:
        await session.close()


@contextmanager
def nobody_special() -> Iterator[None]:
    """What root may read and write, others may not."""
    own = os.geteuid()
    if own == 0:
        os.seteuid(65534)
    try:
        yield
    finally:
        os.seteuid(own)
