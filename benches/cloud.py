"""`scripts/bench cloud`: what a cloud call costs in time and in processor, for one and for many.

The daemon runs on one core; the simulated callers and loopback providers (the real SDKs talk to
them over real sockets, and they answer after scripted delays) run on the others. Each tier is
called twice: as shipped, which shows voice_to_voice and the requests that speculation throws away,
and without speculation, when voxd's own part can be told from the providers': `overhead` says how.

A step that says nothing about voxd, because its load was late or the machine gave its cores to
others, is printed as void and made again, a few times at most. Its figures play no part in that.
"""

import asyncio
import gc
import tomllib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from benches.cores import CpuTime, Split, pinned, read_cpu_time, read_stolen_s, split_cores
from benches.daemon import CONFIG, Daemon, find_descendants, run_daemon
from benches.lateness import Lateness
from benches.line import (
    BenchFailed,
    Heard,
    build_turns,
    gather_heard,
    is_answered,
    place_calls,
)
from benches.names import build_reply
from benches.overhead import Overhead, Records, decode_records, find_first_clause, find_overhead
from benches.prompts import TURN_PROMPTS, load_labels
from benches.provider import TOKEN_S
from benches.providers import ENVIRONMENT, Delays, Provider, run_providers
from benches.stats import median, percentile
from voxd.caller.plan import CallPlan
from voxd.caller.report import CallReport, Outcome

TIERS = ("pro", "enterprise")
CALLS = (1, 50)
LONGEST_PROMPT_S = 2.45
"""What callers say is short, or the bench would be long."""
STAGGER_S = 0.1074
"""Between two callers; no multiple of a frame, so that their frames do not come together."""
GAP_S = 0.6
"""Callers speak again this long after the agent."""
P50_MS, P99_MS = 5.0, 20.0
"""What the project promises of its own overhead."""
FOUND = 0.9
"""So many of the answered turns must be found in the providers' records."""
STOLEN = 0.005
"""A core that the machine gives to others for a larger share of the time is no ruler either: at 1 %
the 99th percentile of anything would be theirs."""
TRIES = 3
"""Of a step that is void."""
LATE_P99_MS = 5.0
"""A load generator that is later than this is no ruler for 20 ms."""
LATE_FRAMES = 0.001
"""Nor is one of whose frames more than this share left 20 ms late."""


@dataclass(frozen=True, slots=True)
class Options:
    """What is measured."""

    delays: Delays
    tiers: tuple[str, ...] = TIERS
    calls: tuple[int, ...] = CALLS
    turns: int = 16
    """Of a single call; many at once have `crowd_turns` each."""
    crowd_turns: int = 6
    has_local: bool = True
    """The tiers keep the local engines behind the cloud's, as shipped."""
    longest_s: float = LONGEST_PROMPT_S
    """Of what callers say."""
    sides: tuple[bool, ...] = (True, False)
    """Which of them: with speculation, without it."""


@dataclass(frozen=True, slots=True)
class Load:
    """What some calls at once cost, and whether they could be measured."""

    cpu_ms_per_s: float
    """Processor milliseconds of the daemon per second of each call."""
    workers_cpu_ms_per_s: float
    """The same of its model workers."""
    starved: float
    """Share of the time for which the daemon's loop was ready to run and had no core."""
    lag_p99_ms: float
    """Event loop lag of the daemon over the last minute."""
    late_p99_ms: float
    """Of the load generator: callers and providers."""
    late_frames: float
    """Share of the callers' frames that left more than 20 ms late."""
    stolen: float
    """Share of the time for which a hypervisor gave the daemon's core to others."""


@dataclass(frozen=True, slots=True)
class Step:
    """So many calls of one tier at once."""

    tier: str
    calls: int
    speculates: bool
    """As shipped; else replies begin when the turn is over."""
    refused: int
    """Calls without a media stream."""
    heard: Heard
    floor_ms: float
    """Median over turns: the soonest that an answer was possible with these delays, given the
    silence that the rule for the turn's end asked for."""
    llm_requests: int
    overheads: tuple[Overhead, ...]
    load: Load

    @property
    def extra_llm(self) -> int:
        """Requests whose reply nobody heard."""
        return self.llm_requests - self.heard.answered

    @property
    def above_floor_ms(self) -> float | None:
        """By how much the median answer was later than it could be."""
        p50_ms = median(self.heard.voice_to_voice_ms)
        return None if p50_ms is None else p50_ms - self.floor_ms

    @property
    def totals_ms(self) -> list[float]:
        """Own overhead of each turn."""
        return [overhead.total_s * 1000 for overhead in self.overheads]

    @property
    def void(self) -> str:
        """Why the figures say nothing; empty when they do."""
        if any(not overhead.is_possible for overhead in self.overheads):
            return "an overhead is negative"
        if not self.speculates and len(self.overheads) < FOUND * self.heard.answered:
            return f"only {len(self.overheads)} turns were found in the providers' records"
        if self.load.late_p99_ms > LATE_P99_MS:
            return f"the load generator was late (p99 {self.load.late_p99_ms:.1f} ms)"
        if self.load.stolen > STOLEN:
            return f"the daemon's core was given to others for {self.load.stolen:.1%} of the time"
        if self.load.late_frames > LATE_FRAMES:
            return f"{self.load.late_frames:.2%} of the callers' frames left late"
        return ""

    @property
    def is_good(self) -> bool:
        """Every turn was answered and, where it can be told, voxd's own part is small."""
        if self.refused or self.heard.answered != self.heard.due or self.heard.holes:
            return False
        if self.speculates:
            return True
        p50, p99 = median(self.totals_ms), percentile(self.totals_ms, 99)
        return p50 is not None and p50 <= P50_MS and p99 is not None and p99 <= P99_MS


@dataclass(frozen=True, slots=True)
class Result:
    """What the bench found."""

    delays: Delays
    steps: tuple[Step, ...]
    discarded: tuple[Step, ...] = ()
    """Void steps that were made again."""

    @property
    def is_void(self) -> bool:
        """Some step says nothing."""
        return any(step.void for step in self.steps)

    @property
    def is_good(self) -> bool:
        """Whether the promises were kept."""
        return all(step.is_good for step in self.steps)

    def to_json(self) -> dict[str, Any]:
        """Everything, ready for `json.dumps`."""
        steps, discarded = (
            [
                {"void": step.void, "is_good": step.is_good, **describe(step), **asdict(step)}
                for step in each
            ]
            for each in (self.steps, self.discarded)
        )
        verdict = {"is_void": self.is_void, "is_good": self.is_good}
        delays = asdict(self.delays)
        return {**verdict, "delays": delays, "steps": steps, "discarded": discarded}


async def run(directory: Path, options: Options, show: Callable[[Step], None]) -> Result:
    """Start everything and measure; `show` gets each step when it is done.

    Raises:
        TooFewCores: there is only one.
    """
    split = split_cores()
    shipped = tomllib.loads(CONFIG.read_text(encoding="utf-8"))
    steps: list[Step] = []
    discarded: list[Step] = []
    with pinned(split.load), run_providers(options.delays) as providers:
        urls = {name: provider.url for name, provider in providers.items()}
        overrides = build_overrides(shipped, urls, max(options.calls), options.has_local)
        with run_daemon(
            directory, overrides, environment=ENVIRONMENT, cores=split.daemon
        ) as daemon:
            gc.collect()
            gc.freeze()  # collections of what does not change would be lateness of ours
            for tier in options.tiers:
                for calls in options.calls:
                    for speculates in options.sides:
                        for tries_left in reversed(range(TRIES)):
                            step = await _run_step(
                                daemon, split, providers, shipped, options, tier, calls, speculates
                            )
                            show(step)
                            if not (step.void and tries_left):
                                break
                            discarded.append(step)
                        steps.append(step)
    return Result(options.delays, tuple(steps), tuple(discarded))


def build_overrides(
    shipped: Mapping[str, Any], urls: Mapping[str, str], most_calls: int, has_local: bool
) -> dict[str, Any]:
    """Keys of config.toml that this bench changes: where providers are, and one number per use."""
    overrides: dict[str, Any] = {f"engines.{name}.base_url": url for name, url in urls.items()}
    overrides["server.max_calls"] = most_calls + 4
    for tier in TIERS:
        table = dict(shipped["tiers"][tier])
        for kind, cloud in (("stt", "deepgram"), ("llm", "groq"), ("tts", "cartesia")):
            local = [name for name in table[kind] if name not in urls] if has_local else []
            table[kind] = [cloud, *local]
        for speculates in (True, False):
            named = table if speculates else {**table, "speculation": 0}
            overrides[f"tiers.{_tier_name(tier, speculates)}"] = named
            number = _number(tier, speculates)
            overrides[f"numbers.{number}"] = {"tier": _tier_name(tier, speculates)}
    return overrides


def _tier_name(tier: str, speculates: bool) -> str:
    return tier if speculates else f"{tier}-without-speculation"


def _number(tier: str, speculates: bool) -> str:
    """The number that is dialled for it."""
    return f"+155501{TIERS.index(tier)}{int(speculates)}"


async def _run_step(
    daemon: Daemon,
    split: Split,
    providers: Mapping[str, Provider],
    shipped: Mapping[str, Any],
    options: Options,
    tier: str,
    calls: int,
    speculates: bool,
) -> Step:
    turns = options.turns if calls == 1 else options.crowd_turns
    number = _number(tier, speculates)
    plans = build_plans(calls, turns, daemon.voice_url, number, options.longest_s)
    _take_records(providers)
    lateness = Lateness()
    pids = [daemon.process.pid, *find_descendants(daemon.process.pid)]
    before = [read_cpu_time(pid) for pid in pids]
    stolen_before_s = read_stolen_s(split.daemon)
    async with asyncio.TaskGroup() as group:
        watching = group.create_task(lateness.run())
        began = asyncio.get_running_loop().time()
        reports = await place_calls(plans, limit_s=60 + 20 * turns)
        lasted_s = asyncio.get_running_loop().time() - began
        watching.cancel()
    used = [read_cpu_time(pid).since(then) for pid, then in zip(pids, before, strict=True)]
    stolen_s = read_stolen_s(split.daemon) - stolen_before_s
    records = _take_records(providers)
    connected = [report for report in reports if report.outcome is Outcome.CONNECTED]
    if not connected:
        raise BenchFailed(f"no call was connected: {reports[0].problem}")
    late_s = [*lateness.take(), *records.late_s]
    lag_p99_ms = daemon.health()["loop_lag_s"]["p99"] * 1000
    load = sum_up_load(reports, used, lasted_s, stolen_s, late_s, lag_p99_ms)
    wait_s = shipped["tiers"][tier]["wait_complete_s"]
    floors_ms = [
        find_floor_ms(options.delays, shipped["ear"]["pause_s"], turn_wait_s, speculates)
        for turn_wait_s in find_waits_s(connected, wait_s)
    ]
    found = [
        find_overhead(turn, report.origin, records, wait_s)
        for report in reports
        for turn in report.turns
    ]
    return Step(
        tier=tier,
        calls=calls,
        speculates=speculates,
        refused=len(reports) - len(connected),
        heard=gather_heard(connected),
        floor_ms=median(floors_ms) or 0.0,
        llm_requests=records.llm_requests,
        # With speculation a part may have run before the end of the turn: nothing to subtract.
        overheads=() if speculates else tuple(overhead for overhead in found if overhead),
        load=load,
    )


def build_plans(
    calls: int, turns: int, url: str, number: str, longest_s: float = LONGEST_PROMPT_S
) -> list[CallPlan]:
    """Callers who dial one after the other and begin at different places of the prompts."""
    labels = load_labels()
    short = [labels[name] for name in TURN_PROMPTS if labels[name].duration_s <= longest_s]
    plans = []
    for call in range(calls):
        said = [short[(call + turn) % len(short)] for turn in range(turns)]
        plans.append(
            CallPlan(
                build_turns(said),
                url=url,
                to_number=number,
                gap_s=GAP_S,
                delay_s=call * STAGGER_S,
                seed=call + 1,
            )
        )
    return plans


def find_floor_ms(delays: Delays, pause_s: float, wait_s: float, speculates: bool) -> float:
    """From the end of speech to the first audio, if nothing of voxd's took any time.

    Words are asked for at the first pause. With speculation the reply is made while the tier
    waits; without it, after the wait.
    """
    clause = find_first_clause([(n * TOKEN_S, text) for n, text in enumerate(build_reply(0))])
    assert clause is not None
    words_s = pause_s + delays.stt_s
    if delays.interim_delay_s is not None:
        # Half of the time the newest interim is older than half of what lies between two.
        interim_s = delays.interim_delay_s + delays.interim_s / 2
        words_s = min(words_s, max(pause_s, interim_s))
    reply_s = delays.llm_s + clause[0] + delays.tts_s
    floor_s = max(wait_s, words_s + reply_s) if speculates else max(wait_s, words_s) + reply_s
    return floor_s * 1000


def find_waits_s(reports: Sequence[CallReport], shortest_s: float) -> list[float]:
    """The silence that was asked for at the end of each answered turn.

    Args:
        shortest_s: what counts where the daemon does not say.
    """
    answered = [turn for report in reports for turn in report.turns if is_answered(turn)]
    waits_ms = [turn.daemon.wait_ms if turn.daemon else None for turn in answered]
    return [shortest_s if wait_ms is None else wait_ms / 1000 for wait_ms in waits_ms]


def sum_up_load(
    reports: Sequence[CallReport],
    used: Sequence[CpuTime],
    lasted_s: float,
    stolen_s: float,
    late_s: Sequence[float],
    lag_p99_ms: float,
) -> Load:
    """Reduce what a step used: of the daemon first, then of each of its workers."""
    call_s = sum(report.duration_s for report in reports)
    sent = sum(report.traffic.frames_sent for report in reports)
    late = sum(report.traffic.late_frames for report in reports)
    return Load(
        cpu_ms_per_s=used[0].used_s * 1000 / call_s,
        workers_cpu_ms_per_s=sum(each.used_s for each in used[1:]) * 1000 / call_s,
        starved=used[0].waited_s / lasted_s,
        lag_p99_ms=lag_p99_ms,
        late_p99_ms=(percentile(late_s, 99) or 0.0) * 1000,
        late_frames=late / sent if sent else 0.0,
        stolen=stolen_s / lasted_s,
    )


def _take_records(providers: Mapping[str, Provider]) -> Records:
    return decode_records(**{name: provider.take() for name, provider in providers.items()})


def describe(step: Step) -> dict[str, float | None]:
    """The figures of the table, milliseconds."""
    ms, parts = step.heard.voice_to_voice_ms, step.overheads
    return {
        "p50_ms": median(ms),
        "p90_ms": percentile(ms, 90),
        "p99_ms": percentile(ms, 99),
        "overhead_p50_ms": median(step.totals_ms),
        "overhead_p99_ms": percentile(step.totals_ms, 99),
        "turn_p50_ms": median([part.turn_s * 1000 for part in parts]),
        "clause_p50_ms": median([part.clause_s * 1000 for part in parts]),
        "audio_p50_ms": median([part.audio_s * 1000 for part in parts]),
        "turn_p99_ms": percentile([part.turn_s * 1000 for part in parts], 99),
        "clause_p99_ms": percentile([part.clause_s * 1000 for part in parts], 99),
        "audio_p99_ms": percentile([part.audio_s * 1000 for part in parts], 99),
        "decision_p50_ms": median([part.decision_s * 1000 for part in parts]),
        "decision_p99_ms": percentile([part.decision_s * 1000 for part in parts], 99),
    }


def show_header(delays: Delays, split: Split) -> None:
    """Print what is measured."""
    print(
        f"loopback providers, not the services: STT final {delays.stt_s * 1000:.0f} ms after "
        f"Finalize, interims every {delays.interim_s:g} s, LLM first token "
        f"{delays.llm_s * 1000:.0f} ms, TTS first audio {delays.tts_s * 1000:.0f} ms\n"
        f"daemon on core {_cores(split.daemon)}, load on {_cores(split.load)}",
        flush=True,
    )


def show_step(step: Step) -> None:
    """Print one step."""
    heard, load, figures = step.heard, step.load, describe(step)
    kind = "as shipped" if step.speculates else "without speculation"
    print(
        f"{step.tier}, {step.calls} at once, {kind}: answered {heard.answered} of {heard.due}, "
        f"refused {step.refused}, premature {heard.premature}, holes {heard.holes}, "
        f"extra LLM requests {step.extra_llm} of {step.llm_requests}\n"
        f"  voice_to_voice at the ear p50 {_ms(figures['p50_ms'])} p90 {_ms(figures['p90_ms'])} "
        f"p99 {_ms(figures['p99_ms'])}, causal floor {step.floor_ms:.0f} ms\n"
        f"  CPU {load.cpu_ms_per_s:.1f} ms per call-second (workers "
        f"{load.workers_cpu_ms_per_s:.1f}), loop lag p99 {load.lag_p99_ms:.0f} ms, "
        f"without a core {load.starved:.1%} of the time, the core stolen {load.stolen:.1%}; "
        f"load late p99 {load.late_p99_ms:.1f} ms, frames late {load.late_frames:.2%}"
    )
    if step.overheads:
        parts = (
            f"{name} {_ms(figures[f'{name}_p50_ms'], 1)}/{_ms(figures[f'{name}_p99_ms'], 1)}"
            for name in ("turn", "clause", "audio")
        )
        decision = f"{_ms(figures['decision_p50_ms'], 1)}/{_ms(figures['decision_p99_ms'], 1)}"
        print(
            f"  own overhead p50 {_ms(figures['overhead_p50_ms'], 1)} (promised {P50_MS:.0f}) "
            f"p99 {_ms(figures['overhead_p99_ms'], 1)} (promised {P99_MS:.0f}), "
            f"{len(step.overheads)} turns; p50/p99 of {', '.join(parts)}; "
            f"before it, from final and pause to the decision {decision}"
        )
    if step.void:
        print(f"  VOID: {step.void}")
    print(end="", flush=True)


def show_verdict(result: Result) -> None:
    """Print whether the promises were kept."""
    if result.is_void:
        print("VOID: this machine was too busy, or the bench is wrong; nothing is proven")
    else:
        print(f"promises {'kept' if result.is_good else 'NOT KEPT'}")


def _cores(cores: frozenset[int]) -> str:
    return ",".join(map(str, sorted(cores)))


def _ms(value: float | None, decimals: int = 0) -> str:
    return "unknown" if value is None else f"{value:.{decimals}f} ms"
