"""Records in SQLite and PostgreSQL: one code path, through SQLAlchemy's async core. I/O.

Batches are seldom, so each has a connection of its own: nothing is kept that a pooler, a restart of
the server or a moved file could make stale.
"""

import os
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import datetime
from pathlib import Path
from typing import Any

from sqlalchemy import URL, Connection, Table, delete, event, select
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine
from sqlalchemy.pool import NullPool

from voxd.records.legs import name_legs
from voxd.records.migrate import migrate
from voxd.records.place import Place, PlaceKind
from voxd.records.record import TIMES, CallRecord, Row
from voxd.records.sql_errors import mapped_errors
from voxd.records.store import RecordRefused, StoreAway
from voxd.records.tables import calls, turns

BUSY_S = 5.0
"""How long SQLite waits for whoever writes."""
CONNECT_S = 5.0
COMMAND_S = 10.0
"""PostgreSQL has so long for a connection, and for a statement."""
PURGED_CALLS = 500
"""Calls that are forgotten in one transaction."""
_PRIVATE = 0o600


class SqlStore:
    """A database with the tables of this version."""

    def __init__(self, engine: AsyncEngine) -> None:
        self.engine = engine

    async def write(self, records: Sequence[CallRecord]) -> None:
        """See `voxd.records.store.RecordStore`."""
        names = [record.call["call_id"] for record in records]
        stored = select(calls.c.call_id, calls.c.started_at).where(calls.c.call_id.in_(names))

        def insert(connection: Connection) -> None:
            known = {name: began for name, began in connection.execute(stored)} if names else {}
            named = name_legs(records, known)
            call_rows = [_typed(record.call) for record in named]
            turn_rows = [_typed(turn) for record in named for turn in record.turns]
            if call_rows:
                connection.execute(self._insert(calls, "call_id"), call_rows)
            if turn_rows:
                insert_turns = self._insert(turns, "session_id", "turn_number")
                connection.execute(insert_turns, turn_rows)

        with mapped_errors():
            async with self.engine.begin() as connection:
                await connection.run_sync(insert)

    async def probe(self) -> None:
        """See `voxd.records.store.RecordStore`."""
        await self.migrate()  # which SQLite begins by a lock for writing

    async def purge(self, before: datetime) -> int:
        """See `voxd.records.store.RecordStore`. Turns that no call of ours has stay."""
        old = select(calls.c.call_id).where(calls.c.started_at < before).limit(PURGED_CALLS)
        with mapped_errors():
            async with self.engine.begin() as connection:
                found = list((await connection.execute(old)).scalars())
                if found:
                    await connection.execute(delete(turns).where(turns.c.session_id.in_(found)))
                    await connection.execute(delete(calls).where(calls.c.call_id.in_(found)))
        return len(found)

    async def migrate(self) -> None:
        """Make what is missing of the tables; two that do so at once take turns.

        Raises:
            StoreAway: it cannot be reached or written, or is a later version's.
        """
        with mapped_errors():
            async with self.engine.begin() as connection:
                await connection.run_sync(migrate)

    def _insert(self, table: Table, *key: str) -> Any:
        dialect = postgresql if self.engine.dialect.name == "postgresql" else sqlite
        return dialect.insert(table).on_conflict_do_nothing(index_elements=list(key))


@asynccontextmanager
async def open_sql_store(place: Place) -> AsyncIterator[SqlStore]:
    """Reach a database and bring it to the tables of this version.

    Raises:
        StoreAway: that cannot be done now.
    """
    if place.kind is PlaceKind.SQLITE:
        _make_file(place)
    async with AsyncExitStack() as stack:
        try:
            store = SqlStore(await stack.enter_async_context(open_engine(place)))
            await store.migrate()
        except StoreAway:
            raise
        except Exception as error:  # border: what drivers say of an address may quote its password
            raise StoreAway(type(error).__name__) from None
        yield store


@asynccontextmanager
async def open_engine(place: Place, *, is_reader: bool = False) -> AsyncIterator[AsyncEngine]:
    """SQLAlchemy's engine for a place; it connects when it is used.

    Args:
        is_reader: nothing will be written, and a file that is not there is not made.
    """
    if place.kind is PlaceKind.SQLITE:
        engine = _sqlite_engine(place, is_reader=is_reader)
    else:
        engine = _postgresql_engine(place)
    try:
        yield engine
    finally:
        await engine.dispose()


def _sqlite_engine(place: Place, *, is_reader: bool) -> AsyncEngine:
    query = {"uri": "true", "mode": "rw"} if is_reader else {}
    database = f"file:{place.path}" if is_reader else str(place.path)
    engine = create_async_engine(
        URL.create("sqlite+aiosqlite", database=database, query=query),
        poolclass=NullPool,
        hide_parameters=True,
        connect_args={"timeout": BUSY_S},
    )

    def prepare(connection: Any, _: object) -> None:
        connection.isolation_level = None  # we begin transactions ourselves, see below
        if is_reader:
            return
        try:
            cursor = connection.cursor()
            # Readers (`voxd history`) and the writer do not wait for each other.
            cursor.execute("PRAGMA journal_mode=WAL")
            cursor.execute("PRAGMA synchronous=NORMAL")
            cursor.close()
        except BaseException:
            connection.close()  # the pool does not know of it yet
            raise

    def begin(connection: Connection) -> None:
        # From its beginning: a transaction that reads first and writes then may find it locked.
        connection.exec_driver_sql("BEGIN" if is_reader else "BEGIN IMMEDIATE")

    event.listen(engine.sync_engine, "connect", prepare)
    event.listen(engine.sync_engine, "begin", begin)
    return engine


def _postgresql_engine(place: Place) -> AsyncEngine:
    return create_async_engine(
        "postgresql+asyncpg://",
        poolclass=NullPool,
        hide_parameters=True,
        connect_args={
            "dsn": place.url,  # asyncpg knows libpq's options, SQLAlchemy does not
            "timeout": CONNECT_S,
            "command_timeout": COMMAND_S,
            # A pooler (pgbouncer, Supabase's 6543) gives each transaction another connection.
            "statement_cache_size": 0,
            "prepared_statement_cache_size": 0,
        },
    )


def _make_file(place: Place) -> None:
    """A file that its owner alone can read: what callers say is in it.

    One that is there is left alone: closing it would drop the locks that SQLite has on it in this
    process (POSIX), and another process might then remove what was written last.
    """
    folder = place.path.parent
    try:
        for missing in reversed([it for it in (folder, *folder.parents) if not it.exists()]):
            missing.mkdir(exist_ok=True)
            _give_away(missing)
        os.close(os.open(place.path, os.O_RDWR | os.O_CREAT | os.O_EXCL, _PRIVATE))
        _give_away(place.path)
    except FileExistsError:
        return
    except OSError as error:
        raise StoreAway(type(error).__name__) from None


def _give_away(path: Path) -> None:
    """To whom its folder belongs, if root made it (`sudo voxd doctor`): the daemon writes it."""
    if os.geteuid() == 0:
        above = path.parent.stat()
        os.chown(path, above.st_uid, above.st_gid)


def _typed(row: Row) -> Row:
    """A row with moments instead of their text.

    Raises:
        RecordRefused: one is no moment.
    """
    try:
        return {
            name: datetime.fromisoformat(value) if name in TIMES and value else value
            for name, value in row.items()
        }
    except (TypeError, ValueError) as error:
        raise RecordRefused(type(error).__name__) from None
