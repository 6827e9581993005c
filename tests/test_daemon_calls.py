"""Calls to the real daemon, its real models and its real workers, and what is done to them.

Real time: what is asserted is order and counts, never how long something took.
"""

import asyncio
import json
import os
import signal
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from benches.daemon import Daemon, read_rss, run_daemon
from voxd.audio.g711 import decode_mulaw
from voxd.caller import call as caller
from voxd.caller.plan import CallPlan, Hangup, HangupMoment, Stall, Turn, build_turn
from voxd.caller.report import CallReport, Outcome, TurnStatus
from voxd.caller.stream import MediaStream

pytestmark = [pytest.mark.weights, pytest.mark.timeout(300)]

SPEECH = Path(__file__).parent / "samples" / "speech"
WORKERS = ("faster-whisper", "llamacpp", "piper", "smart-turn")
MIB = 1024 * 1024


def say(name: str) -> Turn:
    return build_turn(name, decode_mulaw((SPEECH / f"{name}.ulaw").read_bytes()).astype(np.int16))


@pytest.fixture(scope="module")
def daemon(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Daemon]:
    """A daemon whose greeting and replies are short, and whose workers come back at once."""
    short = {
        "agent.greeting": "Hello.",
        "agent.max_tokens": 12,
        "local.restart_max_s": 0.1,
        "tiers.free.filler_after_s": 0.0,  # the caller could not tell one from the answer
        "log.format": "text",
    }
    with run_daemon(tmp_path_factory.mktemp("daemon"), short) as running:
        yield running


def engines(daemon: Daemon) -> dict[str, dict[str, Any]]:
    return {engine["name"]: engine for engine in daemon.health()["engines"]}


async def settle(daemon: Daemon, is_so: Callable[[dict[str, Any]], bool]) -> dict[str, Any]:
    """The health of the daemon once it is so."""
    async with asyncio.timeout(60):  # a busy machine takes its time to load a model
        while not is_so(health := await asyncio.to_thread(daemon.health)):
            await asyncio.sleep(0.05)
    return health


def is_idle(health: dict[str, Any]) -> bool:
    """No call, no request, no sequence is left, and every worker is up.

    On a busy machine one may be degraded: slower than its own past.
    """
    return health["calls"] == 0 and all(
        engine["state"] in ("healthy", "degraded")
        and engine["queued"] == engine["active"] == 0
        and engine["detail"].get("sequences_in_use", 0) == 0
        for engine in health["engines"]
    )


async def test_turns_are_judged_by_how_they_sound(daemon: Daemon) -> None:
    plan = CallPlan((say("help-you-today"), say("yes"), say("sea-shells")), url=daemon.voice_url)
    report = await caller.place_call(plan)
    assert all(is_answered(report, turn) for turn in range(3)), report.to_json()

    def turns() -> list[dict[str, Any]]:
        with urllib.request.urlopen(f"{daemon.base_url}/calls/{report.call_sid}", timeout=5) as it:
            found: list[dict[str, Any]] = json.load(it)["turns"]
            return found

    judged = [turn["turn_probability"] for turn in await asyncio.to_thread(turns)]
    assert len(judged) == 3
    # On a busy machine one may miss its deadline, which costs nothing but the judgement.
    assert any(probability is not None and 0 <= probability <= 1 for probability in judged)


# --- workers that die ---------------------------------------------------------------------------


class Caller:
    """One call whose stream can be looked at while it runs."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self._streams: list[MediaStream] = []

        def build(*args: Any) -> MediaStream:
            self._streams.append(MediaStream(*args))
            return self._streams[-1]

        monkeypatch.setattr(caller, "MediaStream", build)

    async def moment(self, turn: int, name: str) -> None:
        """Return when the caller speaks this turn, waits for its answer, or hears it."""
        while not self._is_at(turn, name):
            await asyncio.sleep(0.005)

    def _is_at(self, turn: int, name: str) -> bool:
        if not self._streams or len(self._streams[0].script.spoken) <= turn:
            return False
        stream = self._streams[0]
        spoken, now = stream.script.spoken[turn], stream._now
        if name == "question":
            return now >= (spoken.starts_at + spoken.ends_at) / 2
        if name == "thinking":
            return now >= spoken.ends_at + 0.3
        onset = stream.ear.onset_after(spoken.ends_at)
        return onset is not None and now >= onset + 0.2


def is_answered(report: CallReport, turn: int) -> bool:
    found = report.turns[turn]
    return found.status is TurnStatus.ANSWERED and found.is_confirmed is not False


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGSTOP], ids=lambda n: n.name)
async def test_a_worker_that_dies_or_hangs_costs_no_turn(
    daemon: Daemon, monkeypatch: pytest.MonkeyPatch, number: signal.Signals
) -> None:
    """One call; in each of its turns another worker is hit at another moment."""
    before = {name: engine["restarts"] for name, engine in engines(daemon).items()}
    hits = [(m, w) for m in ("question", "thinking", "speaking") for w in WORKERS]
    watched = Caller(monkeypatch)
    # A voice that stops in mid-answer comes back: a caller who spoke into the hole would be
    # talking over the agent, which is another story.
    said = (say("yes"),) * (len(hits) + 1)
    plan = CallPlan(said, url=daemon.voice_url, gap_s=4.0, turn_timeout_s=20.0)
    async with asyncio.TaskGroup() as group:
        call = group.create_task(caller.place_call(plan))
        for turn, (moment, worker) in enumerate(hits):
            await watched.moment(turn, moment)
            found = (await asyncio.to_thread(engines, daemon))[worker]
            os.kill(found["detail"]["pid"], number)
    report = call.result()
    assert report.outcome is Outcome.CONNECTED and report.ended_by == "caller"
    assert report.warning_count == 0
    for turn, hit in enumerate([*hits, None]):
        assert is_answered(report, turn), (turn, hit, report.to_json())
    health = await settle(daemon, is_idle)
    after = {engine["name"]: engine["restarts"] for engine in health["engines"]}
    assert {name: after[name] - before[name] for name in WORKERS} == dict.fromkeys(WORKERS, 3)


# --- lines that die -----------------------------------------------------------------------------


async def test_media_that_stops_for_five_seconds_and_comes_back_costs_no_call(
    daemon: Daemon,
) -> None:
    plan = CallPlan((say("help-you-today"),) * 3, url=daemon.voice_url)
    stalls = (Stall(1.7, 5.0), Stall(3.0, 5.0))  # in the middle of a word; around the answer
    reports = await asyncio.gather(
        *(caller.place_call(replace(plan, stall=stall)) for stall in stalls)
    )
    for report in reports:
        assert report.outcome is Outcome.CONNECTED and report.ended_by == "caller"
        assert is_answered(report, 2), report.to_json()
    await settle(daemon, is_idle)


def descriptors(pid: int) -> int:
    return len(list(Path(f"/proc/{pid}/fd").iterdir()))


async def test_calls_that_end_in_the_middle_leave_nothing_behind(daemon: Daemon) -> None:
    plans = [
        CallPlan((say("yes"),), url=daemon.voice_url, hangup=Hangup(1, moment), seed=seed)
        for seed, moment in enumerate([*HangupMoment, *HangupMoment], 1)
    ]

    async def round_of_calls() -> dict[str, Any]:
        # As many at once as the engines take, in pairs.
        for first in range(0, len(plans), 2):
            pair = [replace(plan, delay_s=0.2 * i) for i, plan in enumerate(plans[first:][:2])]
            reports = await asyncio.gather(*map(caller.place_call, pair))
            assert [report.outcome for report in reports] == [Outcome.CONNECTED] * 2
        return await settle(daemon, is_idle)

    def processes() -> dict[str, int]:
        workers = {name: engine["detail"]["pid"] for name, engine in engines(daemon).items()}
        return {"daemon": daemon.process.pid, **workers}

    def resident() -> list[float]:
        return [read_rss(process) / MIB for process in pids.values()]

    health = await round_of_calls()  # what is made once and kept
    pids, pid = processes(), daemon.process.pid
    held, opened = [resident()], descriptors(pid)
    for _ in range(3):
        await round_of_calls()
        held.append(resident())
    assert processes() == pids  # nor did a worker die
    # Asking for the health opens a connection, too: it must go, like everything else.
    await settle(daemon, lambda now: now["tasks"] <= health["tasks"] and descriptors(pid) <= opened)
    for name, *sizes in zip(pids, *held, strict=True):
        # What leaks mostly grows in every round. What workers keep for use again (the arenas of
        # onnxruntime and CTranslate2) grows once, when a reply is longer than all before it.
        assert min(new - old for old, new in pairwise(sizes)) < 2, (name, sizes)
        assert sizes[-1] - sizes[0] < (12 if name == "daemon" else 64), (name, sizes)


# --- signals: the last test, it ends the daemon -------------------------------------------------


async def test_a_hang_up_signal_is_no_end_and_sigterm_lets_the_call_be_ended(
    daemon: Daemon, monkeypatch: pytest.MonkeyPatch
) -> None:
    watched = Caller(monkeypatch)
    plan = CallPlan((say("yes"),) * 9, url=daemon.voice_url)
    async with asyncio.TaskGroup() as group:
        call = group.create_task(caller.place_call(plan))
        await watched.moment(0, "question")
        daemon.process.send_signal(signal.SIGHUP)
        for engine in engines(daemon).values():
            os.kill(engine["detail"]["pid"], signal.SIGHUP)
        await watched.moment(1, "speaking")
        daemon.process.send_signal(signal.SIGTERM)
    report = call.result()
    assert is_answered(report, 0) and is_answered(report, 1)
    assert report.outcome is Outcome.CONNECTED and report.ended_by == "server"
    assert await asyncio.to_thread(daemon.process.wait, 20) == 0
    assert "Traceback" not in daemon.log.read_text()
