"""What the writer needs of a place for records, and how such a place fails. Pure."""

from collections.abc import Sequence
from datetime import datetime
from typing import Protocol

from voxd.records.record import CallRecord


class StoreAway(Exception):
    """It does not take records now; later it may. `reason` is a constant word or a class name."""

    def __init__(self, reason: str) -> None:
        self.reason = reason
        super().__init__(f"records cannot be stored: {reason}")


class RecordRefused(Exception):
    """It will never take one of these records, whoever asks again."""

    def __init__(self, reason: str) -> None:
        self.reason = reason
        super().__init__(f"record refused: {reason}")


class RecordStore(Protocol):
    """A place for records. Its methods may be cancelled at any time."""

    async def write(self, records: Sequence[CallRecord]) -> None:
        """Keep all of these or none; those that it has already stay as they are.

        Raises:
            StoreAway: it takes none now.
            RecordRefused: one of them will never be taken.
        """
        ...

    async def probe(self) -> None:
        """Find out whether it would take records.

        Raises:
            StoreAway: it would not.
        """
        ...

    async def purge(self, before: datetime) -> int:
        """Forget a part of the calls that began earlier; returns how many, 0 when all are gone.

        Raises:
            StoreAway: it cannot now.
        """
        ...
