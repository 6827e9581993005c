"""Calls to the real daemon, and what is found of them afterwards.

In SQLite, in a real PostgreSQL and at a loopback server that is as strict as Supabase; with the
database well, and with trouble in mid-call, which no call may notice: neither the one whose records
are due, nor the one that goes on meanwhile.

Figures are compared in a call with the daemon's real models. Where the database is in trouble,
providers on loopback serve the calls: whatever such a call shows is then the trouble's.
"""

import asyncio
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from benches.providers import run_providers
from tests.provided import QUICK, TIERS, manner, provided, say
from tests.records.troubles import TROUBLES, Trouble
from tests.records.worlds import PROVIDED, WORLDS, World, postgresql_world
from tests.servers.supabase import KEY
from voxd.caller import call as caller
from voxd.caller.plan import CallPlan
from voxd.caller.report import CallReport
from voxd.caller.show import waterfall_spans
from voxd.history.waterfall import turn_spans

pytestmark = [pytest.mark.weights, pytest.mark.timeout(300)]

SHORT = {
    "agent.greeting": "Hello.",
    "agent.max_tokens": 12,
    "tiers.free.filler_after_s": 0.0,
    "records.content": "full",
    "records.numbers": "full",
    "log.format": "text",
}
EAR_MS = 300.0
"""The caller hears an answer, the daemon computes when it is heard: as far as they may differ."""
QUIET = ("connected", "caller", ("Hangup",))
"""The manner of a call in which nothing is amiss."""
SAME = {
    "stt_latency_ms": "stt_latency_seconds",
    "llm_ttft_ms": "llm_first_token_seconds",
    "tts_ttfa_ms": "tts_first_audio_seconds",
    "total_latency_ms": "stage_sum_seconds",
}
"""Columns, whole milliseconds, and the metrics that tell the same."""


@pytest.fixture(scope="module")
def urls() -> Iterator[Mapping[str, str]]:
    """Of the providers, by engine name."""
    with run_providers(QUICK) as providers:
        yield {name: provider.url for name, provider in providers.items()}


@pytest.fixture(scope="module", params=list(WORLDS))
def world(
    request: pytest.FixtureRequest,
    tmp_path_factory: pytest.TempPathFactory,
    urls: Mapping[str, str],
) -> Any:
    keys = {**SHORT, **provided(urls, "pro"), f"numbers.{PROVIDED}": {"tier": "pro"}}
    with WORLDS[request.param](tmp_path_factory.mktemp(request.param), keys) as opened:
        yield opened


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
    assert report.is_good and manner(report) == QUIET, report.to_json()
    rows = await stored(world, report)
    assert [row["turn_number"] for row in rows] == [1, 2]
    for row, turn in zip(rows, report.turns, strict=True):
        told = turn.daemon
        assert told is not None and turn.voice_to_voice_ms is not None
        assert row["meta"]["transcript"] == told.transcript and row["content"] == told.reply
        for column in SAME:
            assert row[column] == round(getattr(told, column)), column
        assert row["stt_provider"] == "faster-whisper"
        heard_ms = row["meta"]["voice_to_voice_ms"]
        assert heard_ms == told.voice_to_voice_ms
        assert abs(heard_ms - turn.voice_to_voice_ms) < EAR_MS
        drawn = [(name, round(end - start)) for name, start, end, _ in waterfall_spans(turn)]
        kept = [(name, round(end - start)) for name, start, end, _ in turn_spans(row)]
        assert kept == drawn[:-1] and drawn[-1][0] == "at the ear"
    assert await world.end(report.call_sid) == ("caller_hung_up", 2)
    await until(lambda: world.metrics()["records_total written"] > before["records_total written"])
    after = await asyncio.to_thread(world.metrics)
    grown = {name: after[name] - before.get(name, 0.0) for name in after}
    assert grown["voice_to_voice_seconds_count"] == 2
    heard_s = sum(row["meta"]["voice_to_voice_ms"] for row in rows) / 1000
    assert grown["voice_to_voice_seconds_sum"] == pytest.approx(heard_s, abs=0.001)
    for column, metric in SAME.items():
        assert grown[f"{metric}_count"] == 2, metric
        stored_s = sum(row[column] for row in rows) / 1000
        rounded_s = 0.0005 * len(rows) + 1e-6
        assert grown[f"{metric}_sum"] == pytest.approx(stored_s, abs=rounded_s), metric
    assert grown["records_total written"] == 1
    assert grown["records_total dropped"] == grown["records_total spilled"] == 0


async def test_trouble_in_mid_call_is_nothing_that_a_call_notices(
    world: World, request: pytest.FixtureRequest
) -> None:
    """And no record is lost by it, and no secret told."""
    for trouble in TROUBLES[request.node.callspec.params["world"]]:
        await place_calls_in(world, trouble)
    log = world.daemon.log.read_text(errors="replace")
    assert "records cannot be stored" in log and "records can be stored again" in log
    secrets = [KEY] + ([world.postgres.password] if world.postgres is not None else [])
    assert not any(secret in log for secret in secrets)


async def place_calls_in(world: World, trouble: Trouble) -> None:
    """Two calls, of which one is over when its records cannot be stored and one goes on."""
    name = trouble.__name__
    before = await asyncio.to_thread(world.metrics)
    spilled = before["records_total spilled"] + 1

    def is_due(now: Mapping[str, float]) -> bool:
        return now["records_total spilled"] >= spilled or now["records_waiting"] >= 1

    async with asyncio.TaskGroup() as tasks:
        short = tasks.create_task(caller.place_call(world.plan("yes")))
        long = tasks.create_task(caller.place_call(world.plan("yes", "yes", "yes")))
        await until(lambda: bool(world.daemon.health()["calls"] == 2))
        async with trouble(world):
            await short
            await until(lambda: is_due(world.metrics()))
            assert not long.done(), name
            answered = (await asyncio.to_thread(world.metrics))["turns_total"]
            await until(lambda: world.metrics()["turns_total"] > answered)
            await until(lambda: world.metrics()["records_total spilled"] >= spilled)
    for report in (short.result(), long.result()):
        what = (name, report.to_json())
        assert report.is_good and report.holes == [] and manner(report) == QUIET, what
        rows = await stored(world, report)
        assert [row["turn_number"] for row in rows] == [turn.number for turn in report.turns]
        assert all(row["content"] for row in rows), name
        assert await world.end(report.call_sid) == ("caller_hung_up", len(report.turns)), name
    await until(lambda: world.metrics()["records_waiting"] == 0)
    after = await asyncio.to_thread(world.metrics)
    assert after["records_total dropped"] == before["records_total dropped"], name
    assert after["records_total written"] == before["records_total written"] + 2, name


async def test_a_record_without_a_place_to_wait_is_lost_counted_and_told(
    tmp_path: Path, urls: Mapping[str, str]
) -> None:
    """Which its call does not notice either."""
    keys = {**SHORT, **provided(urls, *TIERS), "call.tier": "pro", "records.spill": ""}
    with postgresql_world(tmp_path, keys) as world:
        assert world.postgres is not None
        kept = await caller.place_call(world.plan("yes"))
        await stored(world, kept)
        before = await asyncio.to_thread(world.metrics)
        async with asyncio.TaskGroup() as tasks:
            call = tasks.create_task(caller.place_call(world.plan("yes", "yes")))
            await until(lambda: bool(world.daemon.health()["calls"] == 1))
            await asyncio.to_thread(world.postgres.kill)
        report = call.result()
        assert report.is_good and report.holes == [], report.to_json()
        assert manner(report) == manner(kept) == QUIET
        dropped = before["records_total dropped"] + 1
        await until(lambda: world.metrics()["records_total dropped"] == dropped)
        after = await asyncio.to_thread(world.metrics)
        for name in ("records_total written", "records_total spilled", "records_waiting"):
            assert after[name] == before[name], name
        log = world.daemon.log.read_text(errors="replace")
        assert log.count("records of calls are lost") == 1
        assert world.postgres.password not in log
