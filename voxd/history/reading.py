"""Reads records back, for people. I/O: queries; changes nothing."""

import os
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from sqlalchemy import Select, select
from sqlalchemy.ext.asyncio import AsyncConnection

from voxd.errors import RecordsError
from voxd.records.place import Place, PlaceKind
from voxd.records.sql import open_engine
from voxd.records.sql_errors import mapped_errors
from voxd.records.store import RecordRefused, StoreAway
from voxd.records.tables import calls, turns

Row = dict[str, Any]
LAST = "last"
"""Stands for the id of the newest call."""
MOST_CALLS = 50_000
MOST_TURNS = 200_000
"""Bounds of what one summary is made from; the latest."""


@dataclass(frozen=True, slots=True)
class Filter:
    """Which calls; None: whatever it is."""

    since: datetime | None = None
    tier: str | None = None
    agent: str | None = None
    tenant: str | None = None

    def apply(self, query: Select[Any]) -> Select[Any]:
        """The query, for these calls only."""
        if self.since is not None:
            query = query.where(calls.c.started_at >= self.since)
        for column, value in (
            (calls.c.tier, self.tier),
            (calls.c.agent, self.agent),
            (calls.c.tenant, self.tenant),
        ):
            if value is not None:
                query = query.where(column == value)
        return query


class Reader:
    """The records of one database."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def last_calls(self, wanted: Filter, most: int) -> list[Row]:
        """The newest calls, oldest first."""
        query = wanted.apply(select(calls)).order_by(calls.c.started_at.desc(), calls.c.id.desc())
        return (await self._fetch(query.limit(most)))[::-1]

    async def calls(self, wanted: Filter) -> list[Row]:
        """All of them, oldest first; of very many the newest."""
        return await self.last_calls(wanted, MOST_CALLS)

    async def find_call(self, name: str) -> Row:
        """The call of this id, or whose id begins so, or the newest.

        Raises:
            RecordsError: there is none, or there are several.
        """
        newest = select(calls).order_by(calls.c.started_at.desc(), calls.c.id.desc())
        if name == LAST:
            found = await self._fetch(newest.limit(1))
        else:
            found = await self._fetch(newest.where(calls.c.call_id == name))
            like = calls.c.call_id.startswith(name, autoescape=True)
            found = found or await self._fetch(newest.where(like).limit(3))
        if not found:
            raise RecordsError("there is no call yet" if name == LAST else f"no call {name!r}")
        if len(found) > 1:
            ids = ", ".join(row["call_id"] for row in found)
            raise RecordsError(f"several calls begin with {name!r}: {ids}")
        return found[0]

    async def turns_of(self, call_id: str) -> list[Row]:
        """Every turn of a call, in order."""
        query = select(turns).where(turns.c.session_id == call_id).order_by(turns.c.turn_number)
        return await self._fetch(query)

    async def turns_of_calls(self, wanted: Filter) -> list[Row]:
        """The turns of these calls, each with `tier`, `agent` and `target_ms` of its call."""
        joined = turns.join(calls, calls.c.call_id == turns.c.session_id)
        query = select(turns, calls.c.tier, calls.c.agent, calls.c.target_ms).select_from(joined)
        newest_first = wanted.apply(query).order_by(turns.c.id.desc())
        return (await self._fetch(newest_first.limit(MOST_TURNS)))[::-1]

    async def _fetch(self, query: Select[Any]) -> list[Row]:
        result = await self._connection.execute(query)
        return [dict(row) for row in result.mappings()]


@asynccontextmanager
async def open_reader(place: Place) -> AsyncIterator[Reader]:
    """A reader of the place where records go.

    Raises:
        RecordsError: it cannot be read, now or from here.
    """
    if place.kind is PlaceKind.SUPABASE:
        raise RecordsError(f"records are at {place.shown}: look at its table turns there")
    if place.kind is PlaceKind.SQLITE:
        _judge_file(place.path)
    try:
        with mapped_errors():
            async with open_engine(place, is_reader=True) as engine, engine.connect() as connection:
                yield Reader(connection)
    except (StoreAway, RecordRefused) as error:
        told = f"records at {place.shown} cannot be read: {error.reason}"
        raise RecordsError(told) from None


def _judge_file(path: Path) -> None:
    """
    Raises:
        RecordsError: it is not there, or not for this user.
    """
    try:
        is_there = path.exists()
        is_open = os.access(path, os.R_OK)
    except PermissionError:  # of a folder above it
        is_there, is_open = True, False
    if not is_there:
        raise RecordsError(f"there are no records yet: {path} does not exist")
    if not is_open:
        raise RecordsError(f"{path} may not be read by this user: run it with sudo")


def as_json(rows: Sequence[Row]) -> list[Row]:
    """Rows that `json` takes, without the tables' own keys."""
    return [
        {
            name: value.isoformat() if isinstance(value, datetime) else value
            for name, value in row.items()
            if name != "id"
        }
        for row in rows
    ]
