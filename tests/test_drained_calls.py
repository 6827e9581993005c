"""SIGTERM to the real daemon in the middle of ten calls: each is finished, none is forgotten.

Real time, loopback providers: what is asserted is order and counts, never how long something took.
"""

import asyncio
import json
import signal
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from benches.daemon import Daemon, run_daemon
from benches.providers import ENVIRONMENT, run_providers
from tests.provided import QUICK, TIERS, manner, provided, say
from tests.records.databases import fetch, sqlite_place
from voxd.caller import call as caller
from voxd.caller.plan import CallPlan
from voxd.caller.report import Outcome
from voxd.caller.webhook import CallIds

pytestmark = pytest.mark.timeout(240)

CALLS = [f"CA{number:032x}" for number in range(10)]
TURNS = 3
STAGGER_S = 0.1
BUSY = "All lines are busy."
DRAIN_S = 120.0
"""Far longer than the calls last."""


@pytest.fixture
def daemon(tmp_path: Path) -> Iterator[Daemon]:
    with run_providers(QUICK) as providers:
        urls = {name: provider.url for name, provider in providers.items()}
        keys = {
            **provided(urls, *TIERS),
            "server.drain_s": DRAIN_S,
            "agent.greeting": "Hello.",
            "phrases.en.busy": BUSY,
            "log.format": "text",
        }
        with run_daemon(tmp_path, keys, environment=ENVIRONMENT) as running:
            yield running


@pytest.fixture
def known_calls(monkeypatch: pytest.MonkeyPatch) -> None:
    """The calls' names are known before they are over; ten are placed, then others."""
    names = iter([*CALLS, *(f"CA{number:032x}" for number in range(100, 200))])

    def make_ids() -> CallIds:
        name = next(names)
        return CallIds("AC" + name[2:], name, "MZ" + name[2:])

    monkeypatch.setattr(caller, "make_ids", make_ids)


def has_answer(daemon: Daemon, call_sid: str) -> bool:
    """Whether a turn of a call has been answered by now."""
    try:
        with urllib.request.urlopen(f"{daemon.base_url}/calls/{call_sid}", timeout=5) as told:
            turns: list[dict[str, Any]] = json.load(told)["turns"]
    except urllib.error.HTTPError:  # it is not there yet
        return False
    return any(turn["voice_to_voice_ms"] is not None for turn in turns)


def is_ready(daemon: Daemon) -> bool:
    try:
        urllib.request.urlopen(f"{daemon.base_url}/health/ready", timeout=5).close()
    except urllib.error.HTTPError as error:
        assert error.code == 503
        return False
    return True


async def until(is_so: Callable[[], bool]) -> None:
    async with asyncio.timeout(90):  # a busy machine takes its time
        while not await asyncio.to_thread(is_so):
            await asyncio.sleep(0.05)


async def test_ten_calls_in_the_real_daemon_are_finished_and_recorded(
    daemon: Daemon, known_calls: None, tmp_path: Path
) -> None:
    turns = (say("yes"), say("help-you-today"), say("yes"))
    plans = [
        CallPlan(turns, url=daemon.voice_url, seed=number, delay_s=number * STAGGER_S)
        for number in range(len(CALLS))
    ]
    async with asyncio.TaskGroup() as tasks:
        calls = [tasks.create_task(caller.place_call(plan)) for plan in plans]
        for call_sid in CALLS:
            await until(partial(has_answer, daemon, call_sid))
        assert (await asyncio.to_thread(daemon.health))["calls"] == len(CALLS)
        daemon.process.send_signal(signal.SIGTERM)
        await until(lambda: not is_ready(daemon))
        late = await caller.place_call(CallPlan(turns, url=daemon.voice_url))
        assert (late.outcome, late.problem) == (Outcome.REFUSED, BUSY)
        assert daemon.process.poll() is None
    for call in calls:
        report = call.result()
        assert report.is_good and len(report.turns) == TURNS, report.to_json()
        assert manner(report) == manner(calls[0].result()) and report.ended_by == "caller"
    assert await asyncio.to_thread(daemon.process.wait, DRAIN_S) == 0
    log = daemon.log.read_text(errors="replace")
    assert "draining" in log
    assert "saying goodbye" not in log and "ending calls" not in log
    await all_are_recorded(tmp_path / "voxd.db")


async def all_are_recorded(database: Path) -> None:
    """Who looks into the file afterwards finds every call and every turn, each once."""
    place = sqlite_place(database)
    rows = await fetch(place, "select call_id, reason, turn_count from calls order by call_id")
    assert [tuple(row.values()) for row in rows] == [
        (call_sid, "caller_hung_up", TURNS) for call_sid in CALLS
    ]
    query = "select session_id, turn_number from turns order by session_id, turn_number"
    assert [tuple(row.values()) for row in await fetch(place, query)] == [
        (call_sid, number) for call_sid in CALLS for number in range(1, TURNS + 1)
    ]
