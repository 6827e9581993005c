"""Records at Supabase: rows of its `turns`, by one POST for each batch. I/O.

Supabase has the design document's table and no other of ours, so that each turn's `meta` says of
which call it is, and a call without a turn leaves nothing there. The wire is PostgREST's; no client
library: it would bring more imports than this file has lines.
"""

import json
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import datetime

import aiohttp
import orjson

from voxd.posting import open_session
from voxd.records.legs import name_legs
from voxd.records.place import Place
from voxd.records.record import TURN_COLUMNS, CallRecord, Row
from voxd.records.store import RecordRefused, StoreAway

MOST_ROWS = 500
"""Of one request."""
MAX_ANSWER_BYTES = 16 * 1024
"""What is read of an answer; it is empty when all is well."""
REFUSED = ("21", "22", "23")
"""Classes of PostgreSQL's codes for data that will never fit."""
TOO_LARGE = 413
"""Status of a request that a proxy does not let through; with less in it, it may."""


class SupabaseStore:
    """One project's `turns`."""

    def __init__(self, place: Place, session: aiohttp.ClientSession) -> None:
        self._url = f"{place.url}/rest/v1/turns"
        self._key = place.key
        self._session = session

    async def write(self, records: Sequence[CallRecord]) -> None:
        """See `voxd.records.store.RecordStore`; what is written again is overwritten.

        So is, for want of a look at what is there, a call that comes back in another batch.
        """
        rows = [turn for record in name_legs(records, {}) for turn in _rows(record)]
        # PostgreSQL refuses a request that has a key twice.
        once = list({(row["session_id"], row["turn_number"]): row for row in rows}.values())
        for start in range(0, len(once), MOST_ROWS):
            await self._post(once[start : start + MOST_ROWS])

    async def probe(self) -> None:
        """See `voxd.records.store.RecordStore`: writes no rows."""
        await self._post(())

    async def purge(self, before: datetime) -> int:
        """Deletes nothing: the table may hold what others wrote."""
        return 0

    async def _post(self, rows: Sequence[Row]) -> None:
        headers = {
            "apikey": self._key,
            "Authorization": f"Bearer {self._key}",
            "Content-Type": "application/json",
            "Content-Profile": "public",
            "Prefer": "return=minimal,resolution=merge-duplicates",
        }
        query = {
            "on_conflict": "session_id,turn_number",
            "columns": ",".join(f'"{name}"' for name in TURN_COLUMNS),
        }
        try:
            post = self._session.post(
                self._url,
                params=query,
                data=orjson.dumps(rows),
                headers=headers,
                allow_redirects=False,
            )
            async with post as response:
                if response.status in (200, 201, 204):
                    return
                code = await _code(response)
        except TimeoutError:
            raise StoreAway("deadline") from None
        except aiohttp.ClientError:
            raise StoreAway("connection") from None
        if code[:2] in REFUSED:
            raise RecordRefused(code)
        if response.status == TOO_LARGE:
            raise RecordRefused(f"status_{TOO_LARGE}")
        raise StoreAway(code or f"status_{response.status}")


@asynccontextmanager
async def open_supabase_store(place: Place) -> AsyncIterator[SupabaseStore]:
    """A store that connects when it is used."""
    async with open_session(aiohttp.TCPConnector(limit=1)) as session:
        yield SupabaseStore(place, session)


def _rows(record: CallRecord) -> list[Row]:
    call = {name: value for name, value in record.call.items() if name != "meta"}
    return [{**turn, "meta": {**(turn["meta"] or {}), "call": call}} for turn in record.turns]


async def _code(response: aiohttp.ClientResponse) -> str:
    """PostgreSQL's or PostgREST's code of an error; empty when there is none."""
    body = await response.content.read(MAX_ANSWER_BYTES)
    try:
        said = json.loads(body)
    except ValueError:
        return ""
    code = said.get("code") if isinstance(said, dict) else None
    return code if isinstance(code, str) and code.isalnum() and len(code) <= 16 else ""
