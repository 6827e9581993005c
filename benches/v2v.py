"""`scripts/bench v2v`: how soon a caller is answered, and how often too soon.

Two measurements on one daemon, one call at a time. First, calls of human prompts: voice_to_voice
at the caller's ear, from the labelled end of speech, with the daemon's own waterfall beside it.
Then the same kind of prompts with a pause of 300, 500 or 800 ms spliced in between two words:
a reply that begins in such a pause, or anywhere before the end, is premature.

As shipped, replies are begun before the turn is over; what that wastes is shown. The other side,
without it, promises nothing.
"""

import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from itertools import cycle, islice
from pathlib import Path
from typing import Any

from benches.daemon import CONFIG, run_daemon
from benches.floor import (
    Work,
    find_floor_ms,
    find_own_overhead_ms,
    pause_and_work_ms,
    sum_up_work,
)
from benches.line import (
    Heard,
    build_turns,
    check_connected,
    gather_heard,
    is_answered,
    place_calls,
)
from benches.prompts import PAUSE_PROMPTS, RATE_HZ, TURN_PROMPTS, load_labels
from benches.splice import choose_gap, splice_pause
from benches.stats import median, percentile
from voxd.caller.plan import CallPlan, Turn, build_turn
from voxd.caller.report import CallReport, TurnReport

PAUSES_S = (0.3, 0.5, 0.8)
P50_MS, P90_MS = 600.0, 900.0
"""What the project promises on two cores."""
OWN_COST_MS = 60.0
"""And of what voxd adds to the causal floor, at the median."""
FIRST_TURN_RATIO = 1.3
"""The first turn of a call may be so much slower than the median."""
TURN_LIMIT_S = 60.0
"""Longest that a turn and its reply may take before the bench gives up."""
STAGES = {
    "endpoint_ms": "speech_end to turn_end",
    "stt_latency_ms": "speech_end to the transcript of the reply",
    "llm_ttft_ms": "request to first token",
    "llm_clause_ms": "request to first clause",
    "tts_ttfa_ms": "clause to first audio",
}


@dataclass(frozen=True, slots=True)
class PauseResult:
    """Prompts with a pause of one length."""

    pause_ms: float
    turns: int
    premature: int
    answered: int
    """Turns that got a reply after their real end."""
    work: Work
    """Where the waste is: a reply is begun in the pause, too."""


@dataclass(frozen=True, slots=True)
class Result:
    """What the bench found."""

    tier: str
    speculates: bool
    """As shipped; else replies begin when the turn is over."""
    heard: Heard
    p50_ms: float | None
    p90_ms: float | None
    p95_ms: float | None
    first_turn_ms: float | None
    """Median over the calls' first turns."""
    waterfall_ms: Mapping[str, float | None]
    """Median of each stage, on the daemon's clock."""
    floor_ms: float | None
    """Median over turns: the soonest that an answer was possible with these parts."""
    own_cost_ms: float | None
    """Median by which the ear's voice_to_voice is above the floor of its turn."""
    pause_and_work_ms: float | None
    """Median over turns of the first pause and the work after it, one after the other."""
    wait_ms: float | None
    """Median over turns of the silence that was asked for before the turn counted as over."""
    work: Work
    own_overhead_ms: float | None
    """Median of what no stage explains; None where stages overlap."""
    ear_minus_daemon_ms: float | None
    """Median by which the ear's voice_to_voice is longer than the daemon's."""
    pauses: tuple[PauseResult, ...]

    @property
    def first_turn_ratio(self) -> float | None:
        """First turn over median."""
        return self.first_turn_ms / self.p50_ms if self.first_turn_ms and self.p50_ms else None

    @property
    def is_good(self) -> bool:
        """Whether the promises were kept."""
        if self.heard.answered != self.heard.due or self.heard.holes:
            return False
        if not self.speculates:
            return True
        return (
            self.own_cost_ms is not None
            and self.own_cost_ms <= OWN_COST_MS
            and self.p50_ms is not None
            and self.p50_ms <= P50_MS
            and self.p90_ms is not None
            and self.p90_ms <= P90_MS
            and self.first_turn_ratio is not None
            and self.first_turn_ratio <= FIRST_TURN_RATIO
        )

    def to_json(self) -> dict[str, Any]:
        """Everything, ready for `json.dumps`."""
        ratio = self.first_turn_ratio
        return {"is_good": self.is_good, "first_turn_ratio": ratio, **asdict(self)}


async def run(
    directory: Path,
    turns: int,
    turns_per_call: int,
    pause_prompts: int,
    tier: str | None,
    *,
    speculates: bool = True,
) -> Result:
    """Start a daemon and measure it.

    Args:
        directory: for the daemon's config and log.
        turns: how many prompts are said, over calls of `turns_per_call`.
        pause_prompts: how many prompts are said with each length of pause.
        tier: the tier of every call; None: as shipped.
        speculates: begin replies before the turn is over, as shipped.
    """
    overrides: dict[str, Any] = {} if tier is None else {"call.tier": tier}
    shipped = tomllib.loads(CONFIG.read_text(encoding="utf-8"))
    tier = tier or str(shipped["call"]["tier"])
    if not speculates:
        overrides[f"tiers.{tier}.speculation"] = 0
    wait_ms = shipped["tiers"][tier]["wait_complete_s"] * 1000
    labels = load_labels()
    said = build_turns(labels[name] for name in islice(cycle(TURN_PROMPTS), turns))
    with run_daemon(directory, overrides) as daemon:
        reports = []
        for start in range(0, turns, turns_per_call):
            batch = said[start : start + turns_per_call]
            reports.append(await _call(batch, daemon.voice_url, seed=1 + start))
        pauses = [
            judge_pauses(
                pause_s * 1000,
                await _call(build_paused_turns(pause_s, pause_prompts), daemon.voice_url, seed=100),
            )
            for pause_s in (PAUSES_S if pause_prompts else ())
        ]
    return sum_up(tier, reports, pauses, wait_ms, speculates=speculates)


def build_paused_turns(pause_s: float, count: int) -> tuple[Turn, ...]:
    """The first `count` prompts for pauses, with a pause of this length in each."""
    labels = load_labels()
    turns = []
    for seed, (name, at_s) in enumerate(islice(PAUSE_PROMPTS.items(), count)):
        pcm = labels[name].read_pcm()
        paused = splice_pause(pcm, choose_gap(pcm, at_s), pause_s, seed=seed)
        end_s = labels[name].speech_end_s + (len(paused) - len(pcm)) / RATE_HZ
        turns.append(build_turn(name, paused, end_s))
    return tuple(turns)


async def _call(turns: Sequence[Turn], url: str, seed: int) -> CallReport:
    plan = CallPlan(tuple(turns), url=url, seed=seed)
    reports = await place_calls([plan], limit_s=30 + TURN_LIMIT_S * len(turns))
    check_connected(reports)
    return reports[0]


def judge_pauses(pause_ms: float, report: CallReport) -> PauseResult:
    """Count the premature replies of one call."""
    return PauseResult(
        pause_ms=pause_ms,
        turns=len(report.turns),
        premature=sum(turn.is_premature for turn in report.turns),
        answered=sum(is_answered(turn) for turn in report.turns),
        work=sum_up_work([turn.daemon for turn in report.turns if turn.daemon is not None]),
    )


def sum_up(
    tier: str,
    reports: Sequence[CallReport],
    pauses: Sequence[PauseResult],
    wait_ms: float,
    *,
    speculates: bool = True,
) -> Result:
    """Reduce the calls to the figures of the design's vocabulary.

    Args:
        wait_ms: the tier's shortest wait, for turns of which the daemon does not say how long
            its own was.
    """
    heard = gather_heard(reports)
    answered = [turn for report in reports for turn in report.turns if is_answered(turn)]
    daemon = [turn.daemon for turn in answered if turn.daemon is not None]
    firsts = [_ear_ms(report.turns[0]) for report in reports if report.turns]
    works = [ms for turn in daemon if (ms := pause_and_work_ms(turn)) is not None]
    floors = [
        (turn.voice_to_voice_ms, floor_ms)
        for turn in answered
        if turn.daemon is not None
        and (floor_ms := find_floor_ms(turn.daemon, wait_ms, speculates)) is not None
    ]
    return Result(
        tier=tier,
        speculates=speculates,
        heard=heard,
        p50_ms=median(heard.voice_to_voice_ms),
        p90_ms=percentile(heard.voice_to_voice_ms, 90),
        p95_ms=percentile(heard.voice_to_voice_ms, 95),
        first_turn_ms=median([ms for ms in firsts if ms is not None]),
        waterfall_ms={
            stage: median([ms for turn in daemon if (ms := getattr(turn, stage)) is not None])
            for stage in STAGES
        },
        floor_ms=median([floor_ms for _, floor_ms in floors]),
        own_cost_ms=median(
            [ear_ms - floor_ms for ear_ms, floor_ms in floors if ear_ms is not None]
        ),
        pause_and_work_ms=median(works),
        wait_ms=median([wait_ms if d.wait_ms is None else d.wait_ms for d in daemon]),
        work=sum_up_work(daemon),
        own_overhead_ms=find_own_overhead_ms(daemon),
        ear_minus_daemon_ms=median(
            [
                turn.voice_to_voice_ms - turn.daemon.voice_to_voice_ms
                for turn in answered
                if turn.voice_to_voice_ms is not None
                and turn.daemon is not None
                and turn.daemon.voice_to_voice_ms is not None
            ]
        ),
        pauses=tuple(pauses),
    )


def _ear_ms(turn: TurnReport) -> float | None:
    return turn.voice_to_voice_ms if is_answered(turn) else None


def show(result: Result) -> None:
    """Print the result for people."""
    heard, ratio = result.heard, result.first_turn_ratio
    side = "" if result.speculates else ", without speculation (nothing is promised of it)"
    print(f"voice_to_voice at the caller's ear, tier {result.tier}, {heard.due} turns{side}")
    print(f"  p50 {_ms(result.p50_ms)} (promised {P50_MS:.0f})")
    print(f"  p90 {_ms(result.p90_ms)} (promised {P90_MS:.0f})")
    print(f"  p95 {_ms(result.p95_ms)}")
    first = f"{ratio:.2f} x the median (promised {FIRST_TURN_RATIO})" if ratio else "unknown"
    print(f"  first turn {_ms(result.first_turn_ms)}, {first}")
    print(f"  answered {heard.answered} of {heard.due}, premature {heard.premature}, ", end="")
    print(f"holes {heard.holes}, protocol warnings {heard.warnings}")
    print("waterfall, medians on the daemon's clock")
    for stage, meaning in STAGES.items():
        print(f"  {stage.removesuffix('_ms'):12} {_ms(result.waterfall_ms[stage])}  {meaning}")
    work_ms, wait_ms = _ms(result.pause_and_work_ms), _ms(result.wait_ms)
    print(f"causal floor {_ms(result.floor_ms)}: at each turn", end=" ")
    if result.speculates:
        print(f"the larger of pause + work ({work_ms}) and wait ({wait_ms})")
    else:
        print(f"pause + work ({work_ms}), no reply begun before the wait ({wait_ms})")
    print(f"own cost above it {_ms(result.own_cost_ms)} (promised {OWN_COST_MS:.0f})")
    print(f"per turn {_describe(result.work)}")
    if result.own_overhead_ms is None:
        print("own overhead: cannot be told, stages overlap")
    else:
        print(f"own overhead {_ms(result.own_overhead_ms)}: what no stage explains")
    print(f"ear - daemon {_ms(result.ear_minus_daemon_ms)}: line, playback, end of speech")
    if result.pauses:
        print("premature replies, by the pause between two words (line noise)")
        print(f"  {'none':>6}: {_share(heard.premature, heard.due)}")
    for pause in result.pauses:
        share = _share(pause.premature, pause.turns)
        print(
            f"  {pause.pause_ms:3.0f} ms: {share}; answered after the end {pause.answered}; ",
            end="",
        )
        print(f"per turn {_describe(pause.work)}")
    if heard.late_frames:
        print(f"{heard.late_frames} frames left late: this machine was too busy to measure well")


def _describe(work: Work) -> str:
    wasted = f"{work.wasted_tokens:.1f} tokens, {work.wasted_characters:.0f} characters"
    return f"{work.attempts:.2f} replies begun, {wasted} wasted"


def _ms(value: float | None) -> str:
    return "unknown" if value is None else f"{value:.0f} ms"


def _share(count: int, total: int) -> str:
    return f"{count} of {total} ({count / total:.0%})" if total else "no turns"
