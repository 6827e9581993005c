"""Opens what keeps records: the writer with its thread, and the store that it writes to."""

import asyncio
import logging
import threading
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path

from voxd.config import Config
from voxd.records.link import FLUSH_S
from voxd.records.place import Place, PlaceKind, find_place
from voxd.records.spill import Spill
from voxd.records.store import RecordStore
from voxd.records.writer import RecordWriter

logger = logging.getLogger(__name__)

CLOSE_S = 3 * FLUSH_S
"""What is on its way, what is flushed, and closing each have `FLUSH_S`; then the thread is left."""
_MEGABYTE = 1024 * 1024


@asynccontextmanager
async def open_records(config: Config) -> AsyncIterator[RecordWriter | None]:
    """The writer, as long as the body runs; None where no records are wanted.

    It does not wait for the database. At the end what waits is written, or put on disk.

    Raises:
        ConfigError: a secret is missing.
    """
    place = find_place(config)
    if place is None:
        yield None
        return
    settings = config.records
    spill = None
    if settings.spill:
        folder = config.resolve(settings.spill)
        spill = await asyncio.to_thread(Spill, folder, settings.spill_mb * _MEGABYTE)
    writer = RecordWriter(settings, lambda: open_store(place), spill)
    thread = threading.Thread(target=_run, args=(writer, place), name="records", daemon=True)
    thread.start()
    try:
        yield writer
    finally:
        writer.stop()
        await asyncio.to_thread(thread.join, CLOSE_S)
        if thread.is_alive():
            logger.error("records hang and were left", extra={"waiting": writer.depth})


def open_store(place: Place) -> AbstractAsyncContextManager[RecordStore]:
    """The store of a place. Imports its libraries, which takes half a second the first time."""
    if place.kind is PlaceKind.SUPABASE:
        from voxd.records.supabase import open_supabase_store

        return open_supabase_store(place)
    from voxd.records.sql import open_sql_store

    return open_sql_store(place)


async def probe_store(config: Config) -> str | None:
    """Reach the place where records go, for `voxd doctor`; SQL databases get their tables.

    Returns:
        Where that is, for people; None when no records are wanted.

    Raises:
        ConfigError: a secret is missing.
        StoreAway: it cannot be reached, or takes no records.
    """
    place = find_place(config)
    if place is None:
        return None
    async with open_store(place) as store:
        await store.probe()
    return place.shown


def spill_folder(config: Config) -> Path | None:
    """Where records wait for a database that is away."""
    return config.resolve(config.records.spill) if config.records.spill else None


def _run(writer: RecordWriter, place: Place) -> None:
    """The thread."""
    logger.info("records are kept", extra={"place": place.shown})
    asyncio.run(writer.run())
