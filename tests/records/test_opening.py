"""The writer in its own thread, with real databases and a real disk."""

import asyncio
import sqlite3
import threading
from pathlib import Path
from typing import Any

import asyncpg
import pytest

from tests.fakes.call import make_config
from tests.records.databases import clear, fetch, postgresql_place, sqlite_place
from tests.records.outcomes import make_outcome
from tests.servers.postgresql import PostgresServer
from tests.servers.supabase import KEY, supabase_server
from voxd.config import Config
from voxd.errors import ConfigError
from voxd.records.opening import open_records, probe_store, spill_folder
from voxd.records.store import StoreAway
from voxd.records.writer import RecordWriter


@pytest.fixture
def config(tmp_path: Path) -> Config:
    return make_config(
        records={"database": str(tmp_path / "voxd.db"), "spill": str(tmp_path / "spill")}
    )


def without_spill(config: Config, **records: Any) -> Config:
    changed = config.records.model_copy(update={"spill": "", **records})
    return config.model_copy(update={"records": changed})


async def until(is_true: Any) -> None:
    """Wait for what another thread does."""
    async with asyncio.timeout(30):
        while not is_true():
            await asyncio.sleep(0.01)


def finish(writer: RecordWriter | None, *calls: str) -> RecordWriter:
    assert writer is not None
    for call in calls:
        writer.call_finished(make_outcome(call))
    return writer


async def calls_in(config: Config) -> list[str]:
    place = sqlite_place(Path(config.records.database))
    return [row["call_id"] for row in await fetch(place, "select call_id from calls order by id")]


async def test_calls_are_kept_and_the_rest_at_the_end(config: Config) -> None:
    async with open_records(config) as records:
        writer = finish(records, "A")
        await until(lambda: writer.written == 1)
        finish(writer, "B")
    assert await calls_in(config) == ["A", "B"]
    assert not [it for it in threading.enumerate() if it.name == "records"]


async def test_a_new_database_gets_its_tables_without_a_call(config: Config) -> None:
    async with open_records(config) as writer:
        assert writer is not None
        await until(Path(config.records.database).exists)
    assert await calls_in(config) == []


async def test_two_daemons_start_at_once(config: Config) -> None:
    async with open_records(config) as one, open_records(without_spill(config)) as two:
        first, second = finish(one, "A"), finish(two, "B")
        await until(lambda: first.written == second.written == 1)
    assert sorted(await calls_in(config)) == ["A", "B"]
    assert first.dropped == second.dropped == 0


async def test_a_database_that_another_holds_costs_no_record(config: Config) -> None:
    async with open_records(config) as records:
        writer = finish(records, "A")
        await until(lambda: writer.written == 1)
        other = sqlite3.connect(config.records.database)
        other.execute("begin exclusive")
        finish(writer, "B")
        await until(lambda: not writer.is_well)
        finish(writer, "C")
        await until(lambda: writer.spilled == 2)
        other.rollback()
        other.close()
        await until(lambda: writer.written == 3)
    assert await calls_in(config) == ["A", "B", "C"]


async def test_a_database_that_was_removed_is_made_again(config: Config) -> None:
    async with open_records(config) as records:
        writer = finish(records, "A")
        await until(lambda: writer.written == 1)
        for path in Path(config.records.database).parent.glob("voxd.db*"):
            path.unlink()
        finish(writer, "B")
        await until(lambda: writer.written == 2)
    assert await calls_in(config) == ["B"]


async def test_a_full_disk_and_a_full_spill_are_counted(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("no folder")
    config = make_config(records={"database": "/dev/full", "spill": str(tmp_path / "file")})
    async with open_records(config) as records:
        writer = finish(records, "A", "B")
        await until(lambda: not writer.is_well)
        assert writer.dropped == 0
    assert (writer.dropped, writer.depth) == (2, 0)


async def test_postgresql_that_is_killed_in_mid_service_loses_no_record(
    config: Config, postgres: PostgresServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    place = postgresql_place(postgres.url)
    await clear(place)
    monkeypatch.setenv("VOXD_DATABASE_URL", postgres.url)
    async with open_records(config) as records:
        writer = finish(records, "A")
        await until(lambda: writer.written == 1)
        await asyncio.to_thread(postgres.kill)
        finish(writer, "B")
        await until(lambda: writer.spilled == 1)
        finish(writer, "C")
        await asyncio.to_thread(postgres.start)
        await until(lambda: writer.written == 3)
    calls = await fetch(place, "select call_id from calls order by id")
    assert [call["call_id"] for call in calls] == ["A", "B", "C"]
    assert writer.dropped == 0


async def test_postgresql_that_freezes_is_left_and_asked_again(
    config: Config, postgres: PostgresServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    place = postgresql_place(postgres.url)
    await clear(place)
    monkeypatch.setenv("VOXD_DATABASE_URL", postgres.url)
    monkeypatch.setattr("voxd.records.link.WRITE_S", 0.5)
    async with open_records(config) as records:
        writer = finish(records, "A")
        await until(lambda: writer.written == 1)
        # In the middle of writing: it waits for a lock when the server freezes.
        session = await asyncpg.connect(postgres.url)
        await session.execute("begin; lock table calls in access exclusive mode")
        finish(writer, "B")
        await asyncio.sleep(0.05)
        await asyncio.to_thread(postgres.freeze)
        try:
            await until(lambda: writer.spilled == 1)
            finish(writer, "C")
            await until(lambda: writer.spilled == 2)
        finally:
            await asyncio.to_thread(postgres.thaw)
        await session.close()
        await until(lambda: writer.written == 3)
    calls = await fetch(place, "select call_id from calls order by id")
    assert [call["call_id"] for call in calls] == ["A", "B", "C"]


async def test_supabase_gets_its_rows(config: Config, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SUPABASE_SERVICE_KEY", KEY)
    async with supabase_server() as server:
        there = without_spill(config, database=server.url)
        assert await probe_store(there) == "Supabase at 127.0.0.1"
        async with open_records(there) as records:
            writer = finish(records, "A", "B")
            await until(lambda: writer.written == 2)
    assert list(server.rows) == [("A", 1), ("A", 2), ("B", 1), ("B", 2)]


async def test_nowhere_is_no_writer(config: Config) -> None:
    nowhere = without_spill(config, database="")
    async with open_records(nowhere) as writer:
        assert writer is None
    assert await probe_store(nowhere) is None


async def test_a_missing_secret_is_told_before_anything_begins(config: Config) -> None:
    with pytest.raises(ConfigError, match="SUPABASE_SERVICE_KEY"):
        async with open_records(without_spill(config, database="https://abc.supabase.co")):
            pass


async def test_probing_tells_where_records_go_or_why_not(config: Config) -> None:
    assert await probe_store(config) == config.records.database
    with pytest.raises(StoreAway):
        await probe_store(without_spill(config, database="/proc/voxd.db"))


def test_the_folder_for_what_waits_is_the_configs(config: Config) -> None:
    assert spill_folder(config) == Path(config.records.spill)
    assert spill_folder(without_spill(config)) is None
