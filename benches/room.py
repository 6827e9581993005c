"""`scripts/bench room`: three times as many calls as the machine carries, all at once.

Two daemons, one after the other: one is called by as many callers as it has room for, the other
by three times as many. Whoever is accepted must be answered as in the first run, and as many as
there is room for; whoever is not must hear something useful at once: TwiML turns while the language
model has places left, then the sentence that the lines are busy.
"""

import asyncio
import os
import re
import tomllib
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from benches.calls import build_plans
from benches.daemon import CONFIG, run_daemon
from benches.line import BenchFailed, Heard, gather_heard, place_calls
from benches.stats import median, percentile
from voxd.caller.plan import CallPlan
from voxd.caller.report import CallReport, Outcome

CALLS_PER_CORE = 2
"""The limit: what `[engines.llamacpp] sequences` is by default, and what `calls` promises."""
PLACES_FOR_TURNS = 2
"""Places at the model beyond the streams', so that both resorts are seen."""
TIMES = 3
STEP_LIMIT_S = 300.0
MORE_MS = 250.0
"""The crowd may move the p95 of accepted calls by so much: dialling together costs the machine
something, and the figures of two runs differ anyway."""

_HANDED_ON = re.compile(r"<(Gather|Dial|Record|Redirect)> instead of")
"""The simulated caller cannot go on with these, and says so; a telephone company would."""


@dataclass(frozen=True, slots=True)
class Run:
    """So many callers at once."""

    callers: int
    limit: int
    streams: int
    turns: int
    """Calls that went on by TwiML turns, or to somebody else."""
    sentences: int
    """Calls that heard that the lines are busy."""
    failed: int
    """Calls that ended in any other way."""
    heard: Heard
    """By those with a stream."""
    p50_ms: float | None
    p95_ms: float | None
    lag_p99_ms: float
    """Event loop lag of the daemon over the last minute of the run."""

    @property
    def is_good(self) -> bool:
        """The count is exact, nobody starved, and everybody heard something."""
        is_exact = self.streams == min(self.callers, self.limit)
        return is_exact and not self.failed and self.heard.answered == self.heard.due


@dataclass(frozen=True, slots=True)
class Result:
    """What the bench found."""

    within: Run
    beyond: Run

    @property
    def is_good(self) -> bool:
        """Whether the crowd was counted exactly and cost those who were accepted nothing."""
        both = (self.within, self.beyond)
        if self.within.p95_ms is None or self.beyond.p95_ms is None:
            return False
        has_kept = self.beyond.p95_ms <= self.within.p95_ms + MORE_MS
        return has_kept and all(run.is_good for run in both)

    def to_json(self) -> dict[str, Any]:
        """Everything, ready for `json.dumps`."""
        return {"is_good": self.is_good, **asdict(self)}


async def run(directory: Path, turns: int, limit: int | None = None) -> Result:
    """Call both daemons; `turns` are of each call, `limit` is the machine's unless given."""
    most = limit or CALLS_PER_CORE * len(os.sched_getaffinity(0))
    within = await _run_once(directory / "within", most, most, turns)
    beyond = await _run_once(directory / "beyond", TIMES * most, most, turns)
    return Result(within, beyond)


def plan_crowd(callers: int, turns: int, url: str) -> list[CallPlan]:
    """Callers who all dial at the same moment."""
    return build_plans(callers, turns, url, stagger_s=0.0)


async def _run_once(directory: Path, callers: int, limit: int, turns: int) -> Run:
    await asyncio.to_thread(directory.mkdir, parents=True, exist_ok=True)
    overrides = {
        "server.max_calls": limit,
        "engines.llamacpp.sequences": limit + PLACES_FOR_TURNS,
    }
    busy = tomllib.loads(CONFIG.read_text(encoding="utf-8"))["phrases"]["en"]["busy"]
    with run_daemon(directory, overrides) as daemon:
        plans = plan_crowd(callers, turns, daemon.voice_url)
        try:
            reports = await place_calls(plans, STEP_LIMIT_S)
        except BenchFailed as failure:
            raise BenchFailed(f"{callers} callers at once: {failure}") from None
        health = await asyncio.to_thread(daemon.health)
    return sum_up(callers, limit, reports, busy, health["loop_lag_s"]["p99"] * 1000)


def sum_up(
    callers: int, limit: int, reports: Sequence[CallReport], busy: str, lag_p99_ms: float
) -> Run:
    """Reduce the calls of a run to its figures."""
    connected = [report for report in reports if report.outcome is Outcome.CONNECTED]
    turns = sum(bool(_HANDED_ON.search(report.problem)) for report in reports)
    sentences = sum(
        report.outcome is Outcome.REFUSED and busy in report.problem for report in reports
    )
    heard = gather_heard(connected)
    return Run(
        callers=callers,
        limit=limit,
        streams=len(connected),
        turns=turns,
        sentences=sentences,
        failed=len(reports) - len(connected) - turns - sentences,
        heard=heard,
        p50_ms=median(heard.voice_to_voice_ms),
        p95_ms=percentile(heard.voice_to_voice_ms, 95),
        lag_p99_ms=lag_p99_ms,
    )


def show(result: Result) -> None:
    """Print both runs, one below the other, and whether the promise was kept."""
    print(
        "callers  limit  streams  turns  sentence  failed  answered       p50       p95"
        "  holes  lag p99  late"
    )
    for run in (result.within, result.beyond):
        heard = run.heard
        print(
            f"{run.callers:7}  {run.limit:5}  {run.streams:7}  {run.turns:5}  {run.sentences:8}"
            f"  {run.failed:6}  {heard.answered:3} of {heard.due:<3} {_ms(run.p50_ms)}"
            f" {_ms(run.p95_ms)}  {heard.holes:5}  {run.lag_p99_ms:4.0f} ms  {heard.late_frames:4}"
        )
    print(
        f"promised: exactly the limit is accepted and answered, its p95 at most {MORE_MS:.0f} ms "
        f"later than without the crowd, all others hear something useful: "
        f"{'kept' if result.is_good else 'NOT KEPT'}"
    )


def _ms(value: float | None) -> str:
    return "  unknown" if value is None else f"{value:6.0f} ms"
