"""A store that is scripted, and outcomes as one would write them to it."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import datetime

from voxd.records.record import CallRecord
from voxd.records.store import RecordRefused, StoreAway


class ScriptedStore:
    """Keeps records by their CallSid, in their order; fails as it is told."""

    def __init__(self) -> None:
        self.kept: dict[str, CallRecord] = {}
        self.batches: list[list[str]] = []
        """What was asked, whatever came of it."""
        self.is_away = False
        self.hangs = False
        self.has_bug = False
        self.refused: set[str] = set()
        self.unwritable: set[str] = set()
        """Calls at which it fails as if it were away."""
        self.failures_left = 0
        """How many more times it fails as if it were away."""
        self.call_s = 0.0
        """How long it takes for each call."""
        self.closed = 0
        self.purged: list[datetime] = []
        self.old = 0
        """How many times there is something to purge."""
        self.opened = 0

    @property
    def calls(self) -> list[str]:
        return list(self.kept)

    @asynccontextmanager
    async def open(self) -> AsyncIterator["ScriptedStore"]:
        self._fail()
        self.opened += 1
        try:
            yield self
        finally:
            self.closed += 1

    async def write(self, records: Sequence[CallRecord]) -> None:
        ids = [record.call["call_id"] for record in records]
        self.batches.append(ids)
        self._fail()
        if self.has_bug:
            raise AttributeError("scripted")
        if self.hangs:
            await asyncio.Event().wait()
        await asyncio.sleep(self.call_s * len(ids))
        self.failures_left -= 1
        if self.failures_left >= 0 or self.unwritable & set(ids):
            raise StoreAway("scripted")
        if self.refused & set(ids):
            raise RecordRefused("scripted")
        for name, record in zip(ids, records, strict=True):
            self.kept.setdefault(name, record)

    async def probe(self) -> None:
        self._fail()

    async def purge(self, before: datetime) -> int:
        self._fail()
        self.purged.append(before)
        self.old -= 1
        return max(0, self.old + 1)

    def _fail(self) -> None:
        if self.is_away:
            raise StoreAway("scripted")
