"""`scripts/bench soak`: calls without a pause, and whether anything grows that should not.

One daemon with the shipped config but for `OVERRIDES`; callers hang up and others ring at once, so
that the machine is kept at a share of its limit (80 %). Sampled are every few seconds, in calls and
between them alike, memory of the daemon and of its workers (PSS), open descriptors, asyncio tasks;
and of each call's turns, how soon they were answered.

What grows up to a bound is kept out of it. The voice's memory depends on the lengths that it has
said, and it says its longest text at the start; the daemon's allocators find what calls need within
its first forty (from the 12th to the 36th call of one turn it took 660 KiB, from the 36th to the
60th 80). So six minutes of calls pass before anything counts. The cache of replies (16 MiB) is off,
as in every bench.

Flat within noise means, for each figure: the 95 % interval of its slope (`trend`) reaches zero, or
the growth is below what nobody would mind in an hour. Latency may drift by at most 5 % of its mean
over the run, judged in the same way.
"""

import asyncio
import math
import os
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from benches.calls import build_plans
from benches.daemon import Daemon, DaemonFailed, run_daemon
from benches.line import Heard, gather_heard, place_calls
from benches.memory import MIB, Process, read_processes
from benches.room import CALLS_PER_CORE
from benches.stats import percentile
from benches.trend import Trend, find_trend
from voxd.caller.report import CallReport, Outcome

SHARE = 0.8
"""Of the calls that the machine carries."""
TURNS = 3
"""Of each call: some half a minute."""
WARM_S = 360.0
"""Of calls before those that count; at most two thirds as long as these."""
SAMPLE_S = 2.0
CALL_LIMIT_S = 180.0
TOLERANCES = {"daemon": ("MiB", 5.0), "workers": ("MiB", 20.0), "files": ("", 5.0)}
"""Growth over an hour that nobody would mind; tasks as files."""
OVERRIDES: dict[str, Any] = {
    "phrases.en.goodbye": (
        "Thank you so much for calling us today and for all of your patience, it was a pleasure "
        "to talk with you about everything, we wish you a wonderful afternoon, goodbye and please "
        "do call again soon."
    ),
}
"""The phrase is as long as what Piper gets at once, and is rendered before the daemon is ready."""
DRIFT = 0.05
"""Of the mean latency, over the run."""


@dataclass(slots=True)
class Samples:
    """What was seen, each with its time since the beginning, seconds."""

    daemon_mib: list[tuple[float, float]] = field(default_factory=list)
    workers_mib: list[tuple[float, float]] = field(default_factory=list)
    files: list[tuple[float, float]] = field(default_factory=list)
    tasks: list[tuple[float, float]] = field(default_factory=list)
    lags_ms: list[tuple[float, float]] = field(default_factory=list)
    """Event loop lag, p99 of the last minute."""
    waits_ms: list[tuple[float, float]] = field(default_factory=list)
    """Of each answered turn; the time is that of its call's end."""


@dataclass(frozen=True, slots=True)
class Result:
    """What the bench found."""

    minutes: float
    callers: int
    """At once."""
    calls: int
    refused: int
    failed: int
    heard: Heard
    p50_ms: float | None
    p95_ms: float | None
    trends: tuple[Trend, ...]

    @property
    def is_good(self) -> bool:
        """Every call was answered, and nothing grew."""
        is_whole = not self.refused and not self.failed and self.heard.answered == self.heard.due
        return is_whole and all(trend.is_flat for trend in self.trends)

    def to_json(self) -> dict[str, Any]:
        """Everything, ready for `json.dumps`."""
        trends = [{**asdict(trend), "is_flat": trend.is_flat} for trend in self.trends]
        return {**asdict(self), "is_good": self.is_good, "trends": trends}


def limit() -> int:
    """So many callers are the share of what this machine carries."""
    return max(1, math.floor(SHARE * CALLS_PER_CORE * len(os.sched_getaffinity(0))))


def warm_s(minutes: float) -> float:
    """How long calls run before a run that is to count so many minutes."""
    return min(WARM_S, minutes * 60 * 2 / 3)


async def run(directory: Path, minutes: float, callers: int, show: Callable[[str], None]) -> Result:
    """Soak a daemon; `show` gets a line now and then."""
    samples, reports = Samples(), list[CallReport]()
    for_s = warm_s(minutes) + minutes * 60
    with run_daemon(directory, OVERRIDES) as daemon:
        began = time.monotonic()
        async with asyncio.TaskGroup() as group:
            watching = group.create_task(_watch(daemon, samples, began, show))
            async with asyncio.TaskGroup() as callers_group:
                for caller in range(callers):
                    callers_group.create_task(
                        _ring(daemon, caller, callers, began, for_s, samples, reports)
                    )
            watching.cancel()
    return sum_up(minutes, callers, samples, reports)


def sum_up(minutes: float, callers: int, samples: Samples, reports: list[CallReport]) -> Result:
    """Reduce what was seen to trends."""
    counted_from = warm_s(minutes)
    drift_ms = DRIFT * (sum(wait for _, wait in samples.waits_ms) / max(1, len(samples.waits_ms)))
    figures = (
        ("memory of the daemon", "MiB", samples.daemon_mib, TOLERANCES["daemon"][1]),
        ("memory of the workers", "MiB", samples.workers_mib, TOLERANCES["workers"][1]),
        ("descriptors", "", samples.files, TOLERANCES["files"][1]),
        ("tasks", "", samples.tasks, TOLERANCES["files"][1]),
        ("loop lag, p99", "ms", samples.lags_ms, 5.0),
        # What it may drift in this run, as what it might in an hour.
        ("voice to voice", "ms", samples.waits_ms, drift_ms * 60 / minutes),
    )
    trends = []
    for name, unit, seen, tolerance in figures:
        warm = [(at, value) for at, value in sorted(seen) if at >= counted_from]
        if len(warm) >= 3:
            trends.append(find_trend(name, unit, warm, tolerance))
    connected = [report for report in reports if report.outcome is Outcome.CONNECTED]
    refused = sum(report.outcome is Outcome.REFUSED for report in reports)
    heard = gather_heard(connected)
    return Result(
        minutes=minutes,
        callers=callers,
        calls=len(reports),
        refused=refused,
        failed=len(reports) - len(connected) - refused,
        heard=heard,
        p50_ms=percentile(heard.voice_to_voice_ms, 50),
        p95_ms=percentile(heard.voice_to_voice_ms, 95),
        trends=tuple(trends),
    )


async def _ring(
    daemon: Daemon,
    caller: int,
    callers: int,
    began: float,
    for_s: float,
    samples: Samples,
    reports: list[CallReport],
) -> None:
    """One caller after the other in one place, as long as there is time for a call."""
    # Each place says other prompts and begins at another time, as callers do.
    plan = build_plans(callers, TURNS, daemon.voice_url)[caller]
    while time.monotonic() - began < for_s:
        [report] = await place_calls([plan], CALL_LIMIT_S)
        reports.append(report)
        at = time.monotonic() - began
        samples.waits_ms += [(at, wait) for wait in gather_heard([report]).voice_to_voice_ms]


async def _watch(
    daemon: Daemon, samples: Samples, began: float, show: Callable[[str], None]
) -> None:
    """Sample until cancelled."""
    told_at = 0.0
    while True:
        await asyncio.sleep(SAMPLE_S)
        at = time.monotonic() - began
        try:
            health = await asyncio.to_thread(daemon.health)
        except DaemonFailed:
            continue  # busy for five seconds: the lag and the turns show that
        processes = await asyncio.to_thread(read_processes, daemon.process.pid)
        workers = [process for process in processes if process.name != "daemon"]
        daemons = [process for process in processes if process.name == "daemon"]
        samples.daemon_mib.append((at, sum(each.pss_bytes for each in daemons) / MIB))
        samples.workers_mib.append((at, sum(each.pss_bytes for each in workers) / MIB))
        samples.files.append((at, sum(each.files for each in processes)))
        samples.tasks.append((at, health["tasks"]))
        samples.lags_ms.append((at, health["loop_lag_s"]["p99"] * 1000))
        if at - told_at >= 60:
            told_at = at
            show(
                f"{at / 60:4.1f} min  {health['calls']} calls  daemon "
                f"{samples.daemon_mib[-1][1]:.0f} MiB  workers {samples.workers_mib[-1][1]:.0f} MiB"
                f" ({_each(workers)})  {len(samples.waits_ms)} turns answered"
            )


def _each(workers: Sequence[Process]) -> str:
    sizes = (f"{it.name.removeprefix('worker ')} {it.pss_bytes / MIB:.0f}" for it in workers)
    return ", ".join(sizes)


def show(result: Result) -> None:
    """Print each trend and how it was judged, then the verdict."""
    heard = result.heard
    print(
        f"{result.minutes:g} minutes, {result.callers} calls at once: {result.calls} calls, "
        f"{heard.answered} of {heard.due} turns answered, {result.refused} refused, "
        f"{result.failed} failed, {heard.holes} holes, p50 {_ms(result.p50_ms)}, "
        f"p95 {_ms(result.p95_ms)}"
    )
    print("                          mean    slope per minute (95 % interval)     nobody minds/h")
    for trend in result.trends:
        slope = trend.slope
        print(
            f"{trend.name:<22} {trend.mean:7.1f} {trend.unit:<3} {slope.estimate:+8.3f} "
            f"({slope.low:+.3f} to {slope.high:+.3f})  {trend.tolerance:10.1f} {trend.unit:<3} "
            f"{'flat within noise' if trend.is_flat else 'GROWS'}"
            f"{'' if trend.is_sure else ' (too short a run to be sure)'}"
        )
    print(
        "promised: every turn is answered, and nothing grows: an interval that reaches zero, or "
        f"less than nobody would mind: {'kept' if result.is_good else 'NOT KEPT'}"
    )


def _ms(value: float | None) -> str:
    return "unknown" if value is None else f"{value:.0f} ms"
