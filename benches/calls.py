"""`scripts/bench calls`: how many calls at once, and what happens beyond that.

One daemon; 1, 2, 4 and 6 calls at once, then 10, of which those without room must hear the
refusal. Callers dial half a second apart and say different things in a different order.
"""

import asyncio
import math
import tomllib
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from benches.daemon import CONFIG, Daemon, run_daemon
from benches.line import BenchFailed, Heard, build_turns, gather_heard, place_calls
from benches.prompts import TURN_PROMPTS, load_labels
from benches.stats import median, percentile
from voxd.caller.plan import CallPlan
from voxd.caller.report import CallReport, Outcome

STEPS = (1, 2, 4, 6)
CROWD = 10
"""More than the local engines carry with the shipped config."""
CROWD_TURNS = 2
FEWEST_TURNS = 12
"""Of all calls of a step together, or its percentiles would say nothing."""
STAGGER_S = 0.5
STEP_LIMIT_S = 420.0
PROMISED_CALLS, P95_MS = 4, 2500.0
"""So many calls stay below this, without a hole."""
MEMORY_EVERY_S = 1.0
MIB = 1024 * 1024


@dataclass(frozen=True, slots=True)
class Step:
    """So many calls at once."""

    calls: int
    connected: int
    refused: int
    """Calls that were told by a sentence that there is no room."""
    failed: int
    """Calls that ended in any other way: must be none."""
    heard: Heard
    p50_ms: float | None
    p95_ms: float | None
    lag_p99_ms: float
    """Event loop lag of the daemon over the last minute of the step."""
    daemon_mib: float
    """Highest resident memory of the daemon."""
    workers_mib: float
    """Of its workers together."""

    @property
    def is_good(self) -> bool:
        """Every caller was either answered each time or refused by a sentence; no holes."""
        return self.failed == 0 and self.heard.answered == self.heard.due and self.heard.holes == 0


@dataclass(frozen=True, slots=True)
class Result:
    """What the bench found."""

    tier: str
    steps: tuple[Step, ...]

    @property
    def is_good(self) -> bool:
        """Whether the promises were kept: four calls quick and whole, and no collapse beyond."""
        promised = [step for step in self.steps if step.calls <= PROMISED_CALLS]
        beyond = [step for step in self.steps if step.calls > PROMISED_CALLS]
        return all(
            step.is_good and not step.refused and step.p95_ms is not None and step.p95_ms <= P95_MS
            for step in promised
        ) and all(not step.failed and step.heard.answered == step.heard.due for step in beyond)

    def to_json(self) -> dict[str, Any]:
        """Everything, ready for `json.dumps`."""
        return {"is_good": self.is_good, **asdict(self)}


async def run(
    directory: Path, turns: int, steps: Sequence[int], tier: str | None, shows_progress: bool
) -> Result:
    """Start a daemon and call it; `turns` are of each call."""
    shipped = tomllib.loads(CONFIG.read_text(encoding="utf-8"))
    done = []
    with run_daemon(directory, {} if tier is None else {"call.tier": tier}) as daemon:
        for calls in steps:
            each = CROWD_TURNS if calls >= CROWD else max(turns, math.ceil(FEWEST_TURNS / calls))
            done.append(await _run_step(daemon, calls, each, shipped["phrases"]["en"]["busy"]))
            if shows_progress:
                show_step(done[-1])
    return Result(tier or str(shipped["call"]["tier"]), tuple(done))


def build_plans(calls: int, turns: int, url: str, stagger_s: float = STAGGER_S) -> list[CallPlan]:
    """Callers who dial one after the other and begin at different places of the prompts."""
    labels = load_labels()
    prompts = [labels[name] for name in TURN_PROMPTS]
    plans = []
    for call in range(calls):
        first = call * len(prompts) // calls
        said = [prompts[(first + turn) % len(prompts)] for turn in range(turns)]
        plans.append(CallPlan(build_turns(said), url=url, delay_s=call * stagger_s, seed=call + 1))
    return plans


async def _run_step(daemon: Daemon, calls: int, turns: int, busy: str) -> Step:
    plans = build_plans(calls, turns, daemon.voice_url)
    peaks = [0, 0]
    watch = asyncio.Event()
    async with asyncio.TaskGroup() as group:
        group.create_task(_watch_memory(daemon, peaks, watch))
        try:
            reports = await place_calls(plans, STEP_LIMIT_S)
        except BenchFailed as failure:
            raise BenchFailed(f"{calls} calls at once: {failure}") from None
        finally:
            watch.set()
    health = await asyncio.to_thread(daemon.health)
    return sum_up(calls, reports, busy, health["loop_lag_s"]["p99"] * 1000, peaks)


async def _watch_memory(daemon: Daemon, peaks: list[int], until: asyncio.Event) -> None:
    """Keep the highest resident memory of the daemon and of its workers, bytes."""
    while not until.is_set():
        memory = daemon.memory()
        peaks[0] = max(peaks[0], memory.daemon_bytes)
        peaks[1] = max(peaks[1], memory.workers_bytes)
        try:
            await asyncio.wait_for(until.wait(), MEMORY_EVERY_S)
        except TimeoutError:
            continue


def sum_up(
    calls: int, reports: Sequence[CallReport], busy: str, lag_p99_ms: float, peaks: Sequence[int]
) -> Step:
    """Reduce the calls of a step to its figures."""
    connected = [report for report in reports if report.outcome is Outcome.CONNECTED]
    refused = sum(
        report.outcome is Outcome.REFUSED and busy in report.problem for report in reports
    )
    heard = gather_heard(connected)
    return Step(
        calls=calls,
        connected=len(connected),
        refused=refused,
        failed=len(reports) - len(connected) - refused,
        heard=heard,
        p50_ms=median(heard.voice_to_voice_ms),
        p95_ms=percentile(heard.voice_to_voice_ms, 95),
        lag_p99_ms=lag_p99_ms,
        daemon_mib=peaks[0] / MIB,
        workers_mib=peaks[1] / MIB,
    )


def show_header() -> None:
    """Print the table's first line."""
    print(
        "calls  connected  refused  failed  answered      p50      p95  premature  holes"
        "  lag p99  daemon  workers  late",
        flush=True,
    )


def show_step(step: Step) -> None:
    """Print one line of the table."""
    heard = step.heard
    print(
        f"{step.calls:5}  {step.connected:9}  {step.refused:7}  {step.failed:6}"
        f"  {heard.answered:3} of {heard.due:<2} {_ms(step.p50_ms)} {_ms(step.p95_ms)}"
        f"  {heard.premature:9}  {heard.holes:5}  {step.lag_p99_ms:4.0f} ms"
        f"  {step.daemon_mib:3.0f} MB  {step.workers_mib:4.0f} MB  {heard.late_frames:4}",
        flush=True,
    )


def show_verdict(result: Result) -> None:
    """Print what was promised and whether it was kept."""
    print(
        f"tier {result.tier}; promised: up to {PROMISED_CALLS} calls p95 below {P95_MS:.0f} ms "
        f"without holes, beyond that answered or refused by a sentence: "
        f"{'kept' if result.is_good else 'NOT KEPT'}"
    )


def _ms(value: float | None) -> str:
    return " unknown" if value is None else f"{value:5.0f} ms"
