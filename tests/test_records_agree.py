"""Calls to the real daemon with its real models, and what is found of them afterwards.

In SQLite, in a real PostgreSQL and at a loopback server that is as strict as Supabase; with the
database well, and with trouble in mid-call, which no call may notice.
"""

import asyncio
import resource
import sqlite3
import urllib.request
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import asyncpg
import numpy as np
import pytest
from prometheus_client.parser import text_string_to_metric_families

from benches.daemon import Daemon, run_daemon
from tests.records.databases import fetch, postgresql_place, sqlite_place
from tests.servers.postgresql import PostgresServer, postgres_server
from tests.servers.supabase import KEY, SupabaseServer, supabase_beside
from voxd.audio.g711 import decode_mulaw
from voxd.caller import call as caller
from voxd.caller.plan import CallPlan, Turn, build_turn
from voxd.caller.report import CallReport
from voxd.caller.show import waterfall_spans
from voxd.history.waterfall import turn_spans

pytestmark = [pytest.mark.weights, pytest.mark.timeout(300)]

SPEECH = Path(__file__).parent / "samples" / "speech"
SHORT = {
    "agent.greeting": "Hello.",
    "agent.max_tokens": 12,
    "tiers.free.filler_after_s": 0.0,
    "records.content": "full",
    "records.numbers": "full",
    "log.format": "text",
}
SMALL_BYTES = 8 * 1024
"""A file of records that wait is smaller, a database larger."""
EAR_MS = 300.0
"""The caller hears an answer, the daemon computes when it is heard: as far as they may differ."""


@dataclass
class World:
    """A daemon, and other eyes on where its records go."""

    daemon: Daemon
    rows: Callable[[str], Any]
    """CallSid -> its turns, as they are stored."""
    path: Path = Path()
    postgres: PostgresServer | None = None
    supabase: SupabaseServer | None = None

    def metrics(self) -> dict[str, float]:
        """Every sample that is about records or voice-to-voice latency, summed over its labels."""
        with urllib.request.urlopen(f"{self.daemon.base_url}/metrics", timeout=5) as answer:
            text = answer.read().decode()
        found: dict[str, float] = {}
        for family in text_string_to_metric_families(text):
            for sample in family.samples:
                name = sample.name.removeprefix("voxd_")
                if name.startswith("records"):
                    name = f"{name} {sample.labels.get('result', '')}".strip()
                found[name] = found.get(name, 0.0) + sample.value
        return found


@contextmanager
def sqlite_world(folder: Path) -> Iterator[World]:
    place = sqlite_place(folder / "voxd.db")
    with run_daemon(folder, SHORT) as daemon:
        query = "select * from turns where session_id = '{}' order by turn_number"
        yield World(daemon, lambda call: fetch(place, query.format(call)), path=place.path)


@contextmanager
def postgresql_world(folder: Path) -> Iterator[World]:
    with postgres_server() as postgres:
        secrets = {"VOXD_DATABASE_URL": postgres.url}
        place = postgresql_place(postgres.url)
        with run_daemon(folder, SHORT, environment=secrets) as daemon:
            query = "select * from turns where session_id = '{}' order by turn_number"
            look = lambda call: fetch(place, query.format(call))  # noqa: E731
            yield World(daemon, look, postgres=postgres)


@contextmanager
def supabase_world(folder: Path) -> Iterator[World]:
    with supabase_beside() as supabase:
        there = {**SHORT, "records.database": supabase.url}
        secrets = {"SUPABASE_SERVICE_KEY": KEY}

        async def look(call: str) -> list[dict[str, Any]]:
            return [row for key, row in sorted(supabase.rows.items()) if key[0] == call]

        with run_daemon(folder, there, environment=secrets) as daemon:
            yield World(daemon, look, supabase=supabase)


Trouble = Callable[[World], AbstractAsyncContextManager[None]]
WORLDS = {"sqlite": sqlite_world, "postgresql": postgresql_world, "supabase": supabase_world}


@pytest.fixture(scope="module", params=list(WORLDS))
def world(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Any:
    with WORLDS[request.param](tmp_path_factory.mktemp(request.param)) as opened:
        yield opened


def say(name: str) -> Turn:
    return build_turn(name, decode_mulaw((SPEECH / f"{name}.ulaw").read_bytes()).astype(np.int16))


async def until(is_true: Callable[[], bool]) -> None:
    async with asyncio.timeout(90):  # a busy machine takes its time
        while not await asyncio.to_thread(is_true):
            await asyncio.sleep(0.05)


async def stored(world: World, report: CallReport) -> list[dict[str, Any]]:
    """The turns of a call, once all are there."""
    async with asyncio.timeout(90):
        while len(rows := await world.rows(report.call_sid)) < len(report.turns):
            await asyncio.sleep(0.05)
    found: list[dict[str, Any]] = rows
    return found


async def test_record_metric_and_the_callers_waterfall_agree(world: World) -> None:
    before = await asyncio.to_thread(world.metrics)
    plan = CallPlan((say("help-you-today"), say("yes")), url=world.daemon.voice_url)
    report = await caller.place_call(plan)
    assert report.is_good, report.to_json()
    rows = await stored(world, report)
    assert [row["turn_number"] for row in rows] == [1, 2]
    for row, turn in zip(rows, report.turns, strict=True):
        told = turn.daemon
        assert told is not None and turn.voice_to_voice_ms is not None
        assert row["meta"]["transcript"] == told.transcript and row["content"] == told.reply
        for column in ("stt_latency_ms", "llm_ttft_ms", "tts_ttfa_ms", "total_latency_ms"):
            assert row[column] == round(getattr(told, column)), column
        assert row["stt_provider"] == "faster-whisper"
        heard_ms = row["meta"]["voice_to_voice_ms"]
        assert heard_ms == told.voice_to_voice_ms
        assert abs(heard_ms - turn.voice_to_voice_ms) < EAR_MS
        drawn = [(name, round(end - start)) for name, start, end, _ in waterfall_spans(turn)]
        kept = [(name, round(end - start)) for name, start, end, _ in turn_spans(row)]
        assert kept == drawn[:-1] and drawn[-1][0] == "at the ear"
    await until(lambda: world.metrics()["records_total written"] > before["records_total written"])
    after = await asyncio.to_thread(world.metrics)
    grown = {name: after[name] - before.get(name, 0.0) for name in after}
    assert grown["voice_to_voice_seconds_count"] == 2
    heard_s = sum(row["meta"]["voice_to_voice_ms"] for row in rows) / 1000
    assert grown["voice_to_voice_seconds_sum"] == pytest.approx(heard_s, abs=0.001)
    assert grown["records_total written"] == 1
    assert grown["records_total dropped"] == grown["records_total spilled"] == 0


@asynccontextmanager
async def full_disk(world: World) -> AsyncIterator[None]:
    """No file of the daemon may grow beyond what a record takes."""
    pid = world.daemon.process.pid
    former = resource.prlimit(pid, resource.RLIMIT_FSIZE)
    resource.prlimit(pid, resource.RLIMIT_FSIZE, (SMALL_BYTES, former[1]))
    yield
    resource.prlimit(pid, resource.RLIMIT_FSIZE, former)


@asynccontextmanager
async def locked_file(world: World) -> AsyncIterator[None]:
    """Somebody looks at the file with a tool that never lets go."""
    other = sqlite3.connect(world.path)
    other.execute("begin immediate")
    yield
    other.rollback()
    other.close()


@asynccontextmanager
async def killed_server(world: World) -> AsyncIterator[None]:
    assert world.postgres is not None
    await asyncio.to_thread(world.postgres.kill)
    yield
    await asyncio.to_thread(world.postgres.start)


@asynccontextmanager
async def read_only_server(world: World) -> AsyncIterator[None]:
    assert world.postgres is not None
    session = await asyncpg.connect(world.postgres.url)
    setting = "alter database postgres set default_transaction_read_only"
    await session.execute(f"{setting} = on")
    yield
    await session.execute("set default_transaction_read_only = off")
    await session.execute(f"{setting} = off")
    await session.close()


@asynccontextmanager
async def stalling_server(world: World) -> AsyncIterator[None]:
    """Whatever is written waits for a lock that nobody releases."""
    assert world.postgres is not None
    session = await asyncpg.connect(world.postgres.url)
    async with session.transaction():
        await session.execute("lock table calls in access exclusive mode")
        yield
    await session.close()


@asynccontextmanager
async def outage(world: World) -> AsyncIterator[None]:
    assert world.supabase is not None
    world.supabase.is_down = True
    yield
    world.supabase.is_down = False


TROUBLES = {
    "sqlite": (full_disk, locked_file),
    "postgresql": (killed_server, read_only_server, stalling_server),
    "supabase": (outage,),
}


async def test_trouble_in_mid_call_is_nothing_that_a_call_notices(
    world: World, request: pytest.FixtureRequest
) -> None:
    """And no record is lost by it, and no secret told."""
    for trouble in TROUBLES[request.node.callspec.params["world"]]:
        await place_call_in(world, trouble)
    log = world.daemon.log.read_text(errors="replace")
    assert "records cannot be stored" in log and "records can be stored again" in log
    secrets = [KEY] + ([world.postgres.password] if world.postgres is not None else [])
    assert not any(secret in log for secret in secrets)


async def place_call_in(world: World, trouble: Trouble) -> None:
    name = trouble.__name__
    before = await asyncio.to_thread(world.metrics)
    plan = CallPlan((say("yes"),), url=world.daemon.voice_url)
    async with asyncio.TaskGroup() as tasks:
        call = tasks.create_task(caller.place_call(plan))
        await until(lambda: bool(world.daemon.health()["calls"] == 1))
        async with trouble(world):
            report = await call
            spilled = before["records_total spilled"] + 1
            await until(lambda: world.metrics()["records_total spilled"] == spilled)
    assert report.is_good, (name, report.to_json())
    (row,) = await stored(world, report)
    assert row["content"], name
    await until(lambda: world.metrics()["records_waiting"] == 0)
    after = await asyncio.to_thread(world.metrics)
    assert after["records_total dropped"] == before["records_total dropped"], name
    assert after["records_total written"] == before["records_total written"] + 1, name
