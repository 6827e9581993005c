"""`scripts/bench turns`: when does a caller's pause count as the end of the turn, and when wrongly?

Every policy gets its waits on one half of the prompts (`tuning`) and is reported on the other,
beside pipecat's default rule and the tiers as shipped.
"""

import tomllib
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from benches.curve import Axis, Curve, Mark, draw
from benches.daemon import CONFIG
from benches.pauses import MESSAGE_S, SHOWN_MS, Moment, collect
from benches.policies import (
    Cost,
    Policy,
    decide_s,
    joined,
    pipecat_rule,
    price,
    ready_s,
    shape_only,
    silence_only,
    smart_turn_only,
)
from benches.stats import Interval, bootstrap_rate_difference
from benches.tuning import LIMIT_P50_S, OTHER_LIMITS_S, Family, choose, frontier, try_all
from voxd.dialog.endpoint import Waits

FEWEST_PAUSES = 300
"""Of each length; fewer say little."""
PICTURE = CONFIG.parent / "docs" / "turns.svg"
LONGEST_SHOWN_S = 1.0
"""Right edge of the picture."""
WORDS_AT = {"enterprise": (-8, 22), "pro": (0, 24), "free, starter": (0, 17)}
"""Places in the picture for the words of tiers, which lie close together below a curve."""

JOINED = "joined"
PIPECAT = "pipecat's default rule"
SHIPPED = "as shipped: "
FAMILIES: dict[str, Family] = {
    "silence only": silence_only,
    "words' shape only": shape_only,
    "smart-turn only": smart_turn_only,
    JOINED: joined,
}


@dataclass(frozen=True, slots=True)
class Row:
    """One operating point."""

    name: str
    waits: Waits | None
    tuned: Cost
    reported: Cost


@dataclass(frozen=True, slots=True)
class Result:
    """What the bench found."""

    pauses: int
    """Gaps, each made a pause of every length."""
    ends: int
    reported_pauses: int
    reported_ends: int
    transcript_p50_s: float
    judgement_p50_s: float
    rows: tuple[Row, ...]
    """Tuned policies, pipecat's rule, and the tiers as shipped."""
    trade_off: tuple[Row, ...]
    """The joined policy, tuned to other delays."""
    fewer: dict[str, Interval]
    """Other policy -> cut off by the joined one less cut off by it, on the reported half."""
    curves: dict[str, list[tuple[float, float]]]
    """Policy -> (mean delay s, share cut off) on the reported half."""

    @property
    def is_good(self) -> bool:
        """Whether joining beats each part and pipecat's rule, soon enough."""
        costs = {row.name: row.reported for row in self.rows}
        if JOINED not in costs or self.pauses < FEWEST_PAUSES:
            return False
        is_soon = costs[JOINED].p50_s <= LIMIT_P50_S + MESSAGE_S
        return is_soon and all(interval.estimate < 0 for interval in self.fewer.values())

    def to_json(self) -> dict[str, Any]:
        """Everything, ready for `json.dumps`."""
        return {"is_good": self.is_good, **asdict(self)}


def run() -> Result:
    """Hear the pauses (or read what was heard before), tune, and price."""
    moments = collect()
    tuned = [moment for moment in moments if moment.is_tuned]
    reported = [moment for moment in moments if not moment.is_tuned]

    def build_row(name: str, policy: Policy, waits: Waits | None) -> Row:
        return Row(name, waits, *(price(policy, half) for half in (tuned, reported)))

    rows: list[Row] = []
    trade_off: list[Row] = []
    policies: dict[str, Policy] = {}
    curves: dict[str, list[tuple[float, float]]] = {}
    for name, family in FAMILIES.items():
        tries = try_all(family, tuned)
        best = choose(tries)
        if best is not None:
            policies[name] = family(best.waits)
            rows.append(build_row(name, policies[name], best.waits))
        for limits_s in OTHER_LIMITS_S if name == JOINED else ():
            if found := choose(tries, *limits_s):
                limits = "p50 {:.2f} s, p90 {:.2f} s".format(*limits_s)
                trade_off.append(build_row(limits, family(found.waits), found.waits))
        costs = [price(family(found.waits), reported) for found in frontier(tries)]
        points = [(cost.mean_s, cost.mean_cut_off()) for cost in costs]
        curves[name] = [point for point in points if point[0] <= LONGEST_SHOWN_S]
    policies[PIPECAT] = pipecat_rule
    rows.append(build_row(PIPECAT, pipecat_rule, None))
    rows += [
        build_row(f"{SHIPPED}{', '.join(names)}", joined(waits, tells_closing=tells), waits)
        for (waits, tells), names in load_tiers().items()
    ]
    pauses = [moment for moment in moments if moment.place != "end"]
    ours = policies.pop(JOINED, None)
    heard = [moment for moment in pauses if not moment.is_tuned]
    return Result(
        pauses=len(pauses),
        ends=len(moments) - len(pauses),
        reported_pauses=len(heard),
        reported_ends=len(reported) - len(heard),
        transcript_p50_s=float(np.median([moment.known.transcript_s for moment in moments])),
        judgement_p50_s=float(np.median([moment.known.judgement_s for moment in moments])),
        rows=tuple(rows),
        trade_off=tuple(trade_off),
        fewer={name: compare(ours, other, heard) for name, other in policies.items() if ours},
        curves=curves,
    )


def load_tiers() -> dict[tuple[Waits, bool], list[str]]:
    """The shipped waits, with whether the tier's ear tells of sentences' ends, and who has them."""
    tiers: dict[tuple[Waits, bool], list[str]] = {}
    for tier, table in tomllib.loads(CONFIG.read_text(encoding="utf-8"))["tiers"].items():
        three = (table[f"wait_{shape}_s"] for shape in ("complete", "unknown", "incomplete"))
        tells_closing = table["stt"][0] == "faster-whisper"
        tiers.setdefault((Waits(*three), tells_closing), []).append(tier)
    return tiers


def compare(ours: Policy, other: Policy, pauses: Sequence[Moment]) -> Interval:
    """Share that `ours` cuts off less the share that `other` does; drawn prompt by prompt."""
    counts: dict[str, tuple[int, int, int]] = {}
    for moment in pauses:
        cut = [
            sum(_is_cut_off(moment, ms, policy(moment.known)) for ms in SHOWN_MS)
            for policy in (ours, other)
        ]
        one, two, size = counts.get(moment.name, (0, 0, 0))
        counts[moment.name] = one + cut[0], two + cut[1], size + len(SHOWN_MS)
    ours_cut, other_cut, sizes = zip(*counts.values(), strict=True)
    return bootstrap_rate_difference(ours_cut, other_cut, sizes)


def _is_cut_off(moment: Moment, length_ms: int, wait_s: float) -> bool:
    soonest_s = ready_s(moment.known)
    end_s = decide_s(moment.known, wait_s, soonest_s, moment.voiced_s[length_ms])
    return end_s < moment.resumed_s[length_ms] - 1e-6


def picture(result: Result) -> str:
    """The curves and the operating points as SVG."""
    marked = [row for row in result.rows if row.name == PIPECAT or row.name.startswith(SHIPPED)]
    return draw(
        "Callers cut off in a pause, against the delay at real ends of turns",
        Axis(
            "mean delay from the last voiced frame to the end of the turn, seconds",
            *(0.3, LONGEST_SHOWN_S, 0.1),
        ),
        Axis("pauses of 300, 500 and 800 ms taken for the end", 0.0, 1.0, 0.2, form="{:.0%}"),
        [Curve(name, points) for name, points in result.curves.items()],
        [
            Mark(
                row.name.removeprefix(SHIPPED),
                (row.reported.mean_s, row.reported.mean_cut_off()),
                WORDS_AT.get(row.name.removeprefix(SHIPPED), (9, -7)),
            )
            for row in marked
        ],
    )


def write_picture(result: Result, path: Path = PICTURE) -> None:
    """Put the picture where the documentation has it."""
    path.parent.mkdir(exist_ok=True)
    path.write_text(picture(result), encoding="utf-8")


def show(result: Result) -> None:
    """Print the result for people."""
    print(f"{result.pauses} gaps between words, each a pause of 300, 500 and 800 ms, and")
    print(f"{result.ends} real ends; reported on the half that nothing was tuned on:")
    print(f"{result.reported_pauses} gaps, {result.reported_ends} ends")
    print(f"a transcript takes {result.transcript_p50_s * 1000:.0f} ms of a core, ", end="")
    print(f"a judgement {result.judgement_p50_s * 1000:.0f} ms (medians)")
    print(f"{'':36} {'waits, s':14} endpoint, ms   cut off in a pause of ... ms")
    print(f"{'':36} {'':14}  p50  p90 mean   300    500    800   (inside a sentence)")
    for row in result.rows:
        _show_row(row)
    print(f"{JOINED}, tuned to other delays at real ends (upper limits)")
    for row in result.trade_off:
        _show_row(row)
    for name, fewer in result.fewer.items():
        low, high = fewer.low * 100, fewer.high * 100
        print(f"joined cuts off {fewer.estimate * 100:+.1f} points against {name},", end=" ")
        print(f"95 % interval {low:+.1f} to {high:+.1f} (reported half, bootstrap over prompts)")


def _show_row(row: Row) -> None:
    waits = row.waits
    three = (
        f"{waits.complete_s:.2f} {waits.unknown_s:.2f} {waits.incomplete_s:.2f}"
        if waits is not None
        else ""
    )
    print(f"{row.name:27} tuned    {three:14} {_costs(row.tuned)}")
    print(f"{'':27} reported {'':14} {_costs(row.reported)}")


def _costs(cost: Cost) -> str:
    times = " ".join(f"{s * 1000:4.0f}" for s in (cost.p50_s, cost.p90_s, cost.mean_s))
    cut = " ".join(f"{cost.cut_off[ms]:6.1%}" for ms in SHOWN_MS)
    inside = " ".join(f"{cost.cut_off_inside[ms]:.0%}" for ms in SHOWN_MS)
    return f"{times} {cut} ({inside})"
