"""The same claims for SQLite and for a real PostgreSQL."""

import asyncio
import gc
import os
import sqlite3
import subprocess
import sys
import tempfile
import threading
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path

import asyncpg
import pytest

from tests.records.databases import (
    clear,
    fetch,
    nobody_special,
    postgresql_place,
    sqlite_place,
)
from tests.records.outcomes import FULL, STARTED_AT, make_outcome, with_trouble
from tests.servers.postgresql import PostgresServer
from voxd.records import sql
from voxd.records.making import make_record
from voxd.records.place import Place
from voxd.records.record import CallRecord
from voxd.records.sql import PURGED_CALLS, open_sql_store
from voxd.records.store import RecordRefused, StoreAway


@pytest.fixture(autouse=True)
async def no_thread_outlives_the_loop() -> AsyncIterator[None]:
    """aiosqlite does not wait for the thread of a connection that could not be made."""
    before = set(threading.enumerate())
    yield
    async with asyncio.timeout(10):
        while any("_connection_worker" in it.name for it in set(threading.enumerate()) - before):
            await asyncio.sleep(0.005)


def record(call_id: str = "CA1", turns: int = 2, **changes: object) -> CallRecord:
    outcome = with_trouble(make_outcome(call_id, turns, **changes))
    return make_record(outcome, FULL, 10.0 * turns + 5.0)


async def write(place: Place, *records: CallRecord) -> None:
    async with open_sql_store(place) as store:
        await store.write(records)


async def test_a_call_and_its_turns_are_found_again(place: Place) -> None:
    await write(place, record())
    (call,) = await fetch(place, "select * from calls")
    assert (call["call_id"], call["tier"], call["turn_count"]) == ("CA1", "pro", 2)
    assert call["meta"] == record().call["meta"]
    first, second = await fetch(place, "select * from turns order by turn_number")
    assert {name: first[name] for name in record().turns[0] if name not in ("created_at",)} == {
        name: value for name, value in record().turns[0].items() if name != "created_at"
    }
    assert second["meta"]["failovers"][0]["from"] == "groq"


async def test_moments_are_stored_in_utc(place: Place) -> None:
    await write(place, record(turns=1))
    (turn,) = await fetch(place, "select created_at from turns")
    expected = STARTED_AT + timedelta(seconds=10.4)
    found = turn["created_at"]
    if isinstance(found, str):
        found = datetime.fromisoformat(found).replace(tzinfo=UTC)
    assert found == expected


async def test_what_is_written_again_stands_there_once(place: Place) -> None:
    await write(place, record("CA1"), record("CA2"))
    await write(place, record("CA2"), record("CA3"))
    calls = await fetch(place, "select call_id from calls order by id")
    assert [call["call_id"] for call in calls] == ["CA1", "CA2", "CA3"]
    assert len(await fetch(place, "select id from turns")) == 6


async def test_a_call_that_comes_back_later_or_elsewhere_has_rows_of_its_own(place: Place) -> None:
    back = record("CA1", 1, started_at=STARTED_AT + timedelta(hours=1))
    await write(place, record("CA1"))
    for _ in range(2):
        await write(place, back)
    calls = await fetch(place, "select call_id from calls order by id")
    assert [call["call_id"] for call in calls] == ["CA1", "CA1/20261123T110000"]
    turns = await fetch(place, "select session_id from turns order by id")
    assert [it["session_id"] for it in turns] == ["CA1", "CA1", "CA1/20261123T110000"]


@pytest.mark.parametrize("name", ["started_at", "turn_count"])
async def test_what_no_column_takes_is_refused(place: Place, name: str) -> None:
    bad = record("CA2")
    bad.call[name] = {"started_at": "yesterday", "turn_count": 2**70}[name]
    with pytest.raises(RecordRefused):
        await write(place, bad)


async def test_a_batch_is_written_whole_or_not_at_all(place: Place) -> None:
    bad = record("CA2")
    bad.turns[1]["turn_number"] = None
    with pytest.raises(RecordRefused):
        await write(place, record("CA1"), bad)
    assert await fetch(place, "select id from calls") == []


async def test_calls_without_turns_and_nothing_at_all_can_be_written(place: Place) -> None:
    await write(place)
    await write(place, record(turns=0))
    assert len(await fetch(place, "select id from calls")) == 1


async def test_old_calls_are_forgotten_with_their_turns(place: Place) -> None:
    old = record("CA1", started_at=STARTED_AT - timedelta(days=2))
    async with open_sql_store(place) as store:
        await store.write([old, record("CA2")])
        assert await store.purge(STARTED_AT - timedelta(days=1)) == 1
        assert await store.purge(STARTED_AT - timedelta(days=1)) == 0
    assert [it["call_id"] for it in await fetch(place, "select call_id from calls")] == ["CA2"]
    turns = await fetch(place, "select session_id from turns")
    assert {turn["session_id"] for turn in turns} == {"CA2"}


async def test_a_large_part_of_the_past_is_forgotten_step_by_step(place: Place) -> None:
    async with open_sql_store(place) as store:
        await store.write([record(f"CA{i}", 1) for i in range(PURGED_CALLS + 1)])
        later = STARTED_AT + timedelta(days=1)
        assert [await store.purge(later) for _ in range(3)] == [PURGED_CALLS, 1, 0]


async def test_probing_writes_nothing(place: Place) -> None:
    async with open_sql_store(place) as store:
        await store.probe()
    assert await fetch(place, "select id from calls") == []


# --- SQLite ---------------------------------------------------------------------------------------


@pytest.fixture
def file(tmp_path: Path) -> Place:
    return sqlite_place(tmp_path / "voxd.db")


async def test_only_its_owner_can_read_the_file(file: Place) -> None:
    await write(file, record())
    assert file.path.stat().st_mode & 0o077 == 0


async def test_what_root_makes_belongs_to_whom_its_folder_belongs(tmp_path: Path) -> None:
    if os.geteuid() != 0:
        pytest.skip("only root gives away")
    os.chown(tmp_path, 65534, 65534)
    await write(sqlite_place(tmp_path / "var/voxd.db"), record())
    for path in (tmp_path / "var", *(tmp_path / "var").iterdir()):
        assert (path.stat().st_uid, path.stat().st_gid) == (65534, 65534)


async def test_a_reader_does_not_hold_up_the_writer(file: Place) -> None:
    await write(file, record("CA1"))
    reader = sqlite3.connect(file.path)
    reader.execute("begin")
    assert len(reader.execute("select * from calls").fetchall()) == 1
    await write(file, record("CA2"))
    assert len(reader.execute("select * from calls").fetchall()) == 1
    reader.close()


async def test_a_file_that_another_writes_is_waited_for(file: Place) -> None:
    await write(file, record("CA1"))
    other = sqlite3.connect(file.path)
    other.execute("begin immediate")
    async with asyncio.TaskGroup() as tasks:
        writing = tasks.create_task(write(file, record("CA2")))
        await asyncio.sleep(0.05)
        assert not writing.done()
        other.rollback()
    other.close()
    assert len(await fetch(file, "select id from calls")) == 2


async def test_a_file_that_is_there_is_opened_by_sqlite_alone(
    file: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Closing it otherwise would drop SQLite's locks, and lose what another has not seen."""
    await write(file, record("CA1"))
    closed: list[int] = []
    with monkeypatch.context() as patch:
        patch.setattr("voxd.records.sql.os.close", closed.append)
        await write(file, record("CA2"))
    assert closed == [] and len(await fetch(file, "select id from calls")) == 2


def opened_files() -> set[str]:
    """What this process has open."""
    found = set()
    for name in os.listdir("/proc/self/fd"):
        with suppress(OSError):  # the listing itself is closed by now
            found.add(os.readlink(f"/proc/self/fd/{name}"))
    return found


async def test_a_failed_attempt_leaves_no_connection(file: Place) -> None:
    file.path.write_bytes(b"this is a letter to my aunt. " * 100)
    with pytest.raises(StoreAway):
        await write(file, record())
    assert str(file.path) not in opened_files()


async def test_a_full_disk_is_a_store_that_is_away(file: Place) -> None:
    async with open_sql_store(file) as store:
        await store.write([record("CA1")])
        from sqlalchemy import event

        def limit(connection: sqlite3.Connection, _: object) -> None:
            cursor = connection.cursor()
            cursor.execute("pragma max_page_count = 1")
            cursor.close()

        event.listen(store.engine.sync_engine, "connect", limit)
        with pytest.raises(StoreAway):
            await store.write([record(f"CB{i}", 20) for i in range(20)])
        event.remove(store.engine.sync_engine, "connect", limit)
        await store.write([record("CA2")])
    calls = await fetch(file, "select call_id from calls order by id")
    assert [call["call_id"] for call in calls] == ["CA1", "CA2"]


@pytest.mark.parametrize("what", ["folder", "no_database", "no_way"])
async def test_what_is_no_database_is_a_store_that_is_away(tmp_path: Path, what: str) -> None:
    path = tmp_path / "voxd.db"
    match what:
        case "folder":
            path.mkdir()
        case "no_database":
            path.write_bytes(b"this is a letter to my aunt. " * 100)
        case _:
            path.write_bytes(b"")
            path = path / "below" / "voxd.db"
    with pytest.raises(StoreAway):
        await write(sqlite_place(path), record())


async def test_a_file_that_may_not_be_written_is_away() -> None:
    with tempfile.TemporaryDirectory() as folder:
        file = sqlite_place(Path(folder) / "voxd.db")
        await write(file, record())
        Path(folder).chmod(0o755)
        file.path.chmod(0o444)
        with nobody_special(), pytest.raises(StoreAway):
            await write(file, record("CA2"))


# --- PostgreSQL -----------------------------------------------------------------------------------


async def fails(place: Place) -> str:
    with pytest.raises(StoreAway) as caught:
        await write(place, record())
    return caught.value.reason


async def test_a_wrong_password_or_port_is_a_store_that_is_away(postgres: PostgresServer) -> None:
    wrong = postgres.url.replace(f":{postgres.port}/", ":1/")
    assert await fails(postgresql_place(wrong)) == "ConnectionRefusedError"
    stranger = postgres.url.replace("voxd:", "voxd:x", 1)
    assert await fails(postgresql_place(stranger)) == "InvalidPasswordError"


async def test_an_error_tells_neither_password_nor_words(postgres: PostgresServer) -> None:
    place = postgresql_place(postgres.url.replace("/postgres", "/nowhere"))
    with pytest.raises(StoreAway) as caught:
        await write(place, record())
    told = f"{caught.value!r} {caught.value.__cause__!r} {place!r}"
    assert postgres.password not in told and "secret" not in told


async def test_libpqs_word_for_encryption_is_understood(postgres: PostgresServer) -> None:
    await clear(postgresql_place(postgres.url))
    await write(postgresql_place(f"{postgres.url}?sslmode=disable"), record())
    assert await fails(postgresql_place(f"{postgres.url}?sslmode=require")) != ""


async def test_options_of_the_address_are_the_drivers(postgres: PostgresServer) -> None:
    await clear(postgresql_place(postgres.url))
    options = "sslmode=prefer&application_name=voxd%20here&target_session_attrs=read-write"
    await write(postgresql_place(f"{postgres.url}?{options}"), record())


async def test_what_opening_never_should_raise_is_a_store_that_is_away(
    postgres: PostgresServer,
) -> None:
    assert await fails(postgresql_place(f"{postgres.url}?sslmode")) == "ValueError"
    assert await fails(postgresql_place("postgresql://voxd@127.0.0.1:hush/x")) == "ValueError"


async def test_words_that_a_database_has_no_letters_for_are_refused(
    postgres: PostgresServer,
) -> None:
    session = await asyncpg.connect(postgres.url)
    try:
        await session.execute("drop database if exists latin")
        await session.execute("create database latin encoding latin1 locale 'C' template template0")
    finally:
        await session.close()
    latin = postgresql_place(postgres.url.replace("/postgres", "/latin"))
    await write(latin, record("CA1"))
    foreign = record("CA2")
    foreign.turns[0]["content"] = "日本"
    with pytest.raises(RecordRefused, match="UntranslatableCharacterError"):
        await write(latin, foreign)
    await write(latin, record("CA3"))


HOLD = "import sqlite3, sys; it = sqlite3.connect(sys.argv[1]); it.execute('begin immediate'); "
HOLD += "print('held', flush=True); sys.stdin.read()"


@contextmanager
def held(path: Path) -> Iterator[None]:
    """Another process writes, and does not come to an end."""
    command = [sys.executable, "-c", HOLD, str(path)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as other:
        assert other.stdin is not None and other.stdout is not None
        assert other.stdout.readline() == b"held\n"
        yield
        other.stdin.close()


def open_files(path: Path) -> list[str]:
    """Which files of a database this process has open."""
    found = []
    for link in Path("/proc/self/fd").iterdir():
        with suppress(FileNotFoundError):
            found.append(str(link.readlink()))
    return [name for name in found if name.startswith(str(path))]


async def test_a_write_that_failed_leaves_nothing_open(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also while the garbage collector has no time, as in a daemon."""
    monkeypatch.setattr(sql, "BUSY_S", 0.05)
    path = tmp_path / "voxd.db"
    gc.disable()
    try:
        async with open_sql_store(sqlite_place(path)) as store:
            with held(path):
                for _ in range(3):
                    with pytest.raises(StoreAway, match="OperationalError"):
                        await store.write([record()])
                assert open_files(path) == []
            await store.write([record()])
            assert open_files(path) == []
    finally:
        gc.enable()
