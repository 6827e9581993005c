"""The same claims for SQLite and for a real PostgreSQL."""

import asyncio

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import Connection

from tests.records.databases import fetch
from tests.records.outcomes import FULL, make_outcome
from voxd.records.making import make_record
from voxd.records.migrate import HEAD, VERSION_TABLE, migrate
from voxd.records.migrations import MIGRATIONS
from voxd.records.place import Place
from voxd.records.record import CallRecord
from voxd.records.sql import open_engine, open_sql_store
from voxd.records.store import StoreAway
from voxd.records.tables import metadata


def record(call_id: str = "CA1") -> CallRecord:
    return make_record(make_outcome(call_id), FULL, 25.0)


async def write(place: Place, *records: CallRecord) -> None:
    async with open_sql_store(place) as store:
        await store.write(records)


def test_migrations_are_one_line_up_to_the_head() -> None:
    revisions = [module.revision for module in MIGRATIONS]
    assert [module.down_revision for module in MIGRATIONS] == [None, *revisions[:-1]]
    assert revisions[-1] == HEAD


async def test_what_migrations_make_are_the_tables_that_the_code_uses(place: Place) -> None:
    def compare(connection: Connection) -> list[object]:
        options = {"compare_type": True, "version_table": VERSION_TABLE}
        context = MigrationContext.configure(connection, opts=options)
        return list(compare_metadata(context, metadata))

    await write(place)
    async with open_engine(place) as engine, engine.begin() as connection:
        assert await connection.run_sync(compare) == []


async def test_a_second_time_there_is_nothing_to_do(place: Place) -> None:
    await write(place)
    async with open_engine(place) as engine, engine.begin() as connection:
        assert await connection.run_sync(migrate) is False


async def test_two_that_migrate_at_once_do_it_once(place: Place) -> None:
    async with asyncio.TaskGroup() as tasks:
        for i in range(4):
            tasks.create_task(write(place, record(f"CA{i}")))
    assert len(await fetch(place, "select id from calls")) == 4
    versions = await fetch(place, "select version_num from voxd_schema_version")
    assert versions == [{"version_num": "0001"}]


async def test_a_database_of_a_later_version_is_left_alone(place: Place) -> None:
    await write(place, record())
    async with open_engine(place) as engine, engine.begin() as connection:
        await connection.exec_driver_sql("update voxd_schema_version set version_num = '9999'")
    with pytest.raises(StoreAway, match="later_version"):
        await write(place, record("CA2"))
