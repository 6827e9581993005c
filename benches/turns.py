"""`scripts/bench turns`: when does a caller's pause count as the end of the turn, and when wrongly?

Every policy is tuned on one half of the prompts and reported on the other. Tuning tries all three
waits of a tier on a grid and keeps, among those that are soon enough at real ends (`LIMIT_P50_S`,
`LIMIT_P90_S`), the one that cuts fewest callers off. The same grid gives each policy's curve: the
fewest cut off for each mean delay.
"""

import tomllib
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benches.curve import Axis, Curve, Mark, draw
from benches.daemon import CONFIG
from benches.pauses import SHOWN_MS, TUNED_MS, Moment, collect
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
from voxd.dialog.endpoint import Waits

LIMIT_P50_S = 0.4
LIMIT_P90_S = 0.75
"""At real ends, for the tuned waits: what an answer within 500 ms (p50) and 800 ms (p90) allows."""
FEWEST_PAUSES = 300
"""Of each length; fewer say little."""
PICTURE = CONFIG.parent / "docs" / "turns.svg"

FAMILIES: dict[str, Callable[[Waits], Policy]] = {
    "silence only": silence_only,
    "words' shape only": shape_only,
    "smart-turn only": smart_turn_only,
    "joined": joined,
}
ENDS = Waits(0.0, 1.0, 2.0)
"""With these, a policy's wait says where it lies between the three, whatever they are."""
COMPLETE_S = np.arange(0.30, 1.21, 0.02)
UNKNOWN_S = np.arange(0.40, 1.21, 0.05)
INCOMPLETE_S = np.arange(0.80, 1.61, 0.1)
CURVE_STEP_S = 0.02


@dataclass(frozen=True, slots=True)
class Tried:
    """Three waits and what they cost on the tuned half."""

    waits: Waits
    p50_s: float
    p90_s: float
    mean_s: float
    cut_off: float
    """Mean over `TUNED_MS`."""


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
    """Tuned policies, pipecat's rule, the tiers as shipped."""
    held: Row | None
    """The joined policy, if its turns ended only while no voiced frame is pending."""
    curves: dict[str, list[tuple[float, float]]]
    """Policy -> (mean delay s, share cut off) on the reported half."""

    def row(self, name: str) -> Row:
        """The operating point of this name."""
        return next(row for row in self.rows if row.name == name)

    @property
    def is_good(self) -> bool:
        """Whether joining beats each part and pipecat's rule, soon enough."""
        costs = {row.name: row.reported for row in self.rows}
        best = costs.get("joined")
        if best is None or self.pauses < FEWEST_PAUSES:
            return False
        others = [
            costs[name] for name in (*FAMILIES, PIPECAT) if name in costs and name != "joined"
        ]
        is_soon = best.p50_s <= LIMIT_P50_S + CURVE_STEP_S
        return is_soon and all(best.mean_cut_off() < other.mean_cut_off() for other in others)

    def to_json(self) -> dict[str, Any]:
        """Everything, ready for `json.dumps`."""
        return {"is_good": self.is_good, **asdict(self)}


PIPECAT = "pipecat's rule"
MARKED = {"joined": "chosen", PIPECAT: "pipecat's default rule"}
"""Operating points in the picture."""


def run() -> Result:
    """Hear the pauses (or read what was heard before), tune, and price."""
    moments = collect()
    tuned = [moment for moment in moments if moment.is_tuned]
    reported = [moment for moment in moments if not moment.is_tuned]
    rows: list[Row] = []
    held: Row | None = None
    curves: dict[str, list[tuple[float, float]]] = {}
    for name, family in FAMILIES.items():
        tries = try_all(family, tuned)
        best = choose(tries)
        if best is not None:
            rows.append(_row(name, family(best.waits), best.waits, tuned, reported))
        curves[name] = [
            (cost.mean_s, cost.mean_cut_off())
            for cost in (price(family(found.waits), reported) for found in frontier(tries))
        ]
        if name == "joined" and best is not None:
            held = Row(
                "joined, held",
                best.waits,
                *(price(joined(best.waits), half, by_hindsight=True) for half in (tuned, reported)),
            )
    rows.append(_row(PIPECAT, pipecat_rule, None, tuned, reported))
    tiers: dict[Waits, list[str]] = {}
    for tier, table in tomllib.loads(CONFIG.read_text(encoding="utf-8"))["tiers"].items():
        waits = Waits(
            *(table[f"wait_{shape}_s"] for shape in ("complete", "unknown", "incomplete"))
        )
        tiers.setdefault(waits, []).append(tier)
    for waits, names in tiers.items():
        rows.append(_row(f"as shipped: {', '.join(names)}", joined(waits), waits, tuned, reported))
    known = [moment.known for moment in moments]
    return Result(
        pauses=sum(moment.place != "end" for moment in moments),
        ends=sum(moment.place == "end" for moment in moments),
        reported_pauses=sum(moment.place != "end" for moment in reported),
        reported_ends=sum(moment.place == "end" for moment in reported),
        transcript_p50_s=float(np.median([one.transcript_s for one in known])),
        judgement_p50_s=float(np.median([one.judgement_s for one in known])),
        rows=tuple(rows),
        held=held,
        curves=curves,
    )


def try_all(family: Callable[[Waits], Policy], moments: Sequence[Moment]) -> list[Tried]:
    """What every choice of waits on the grid costs on these moments."""
    policy = family(ENDS)
    ends = [moment for moment in moments if moment.place == "end"]
    pauses = [moment for moment in moments if moment.place != "end"]
    at_ends = np.array([policy(moment.known) for moment in ends])
    at_pauses = np.array([policy(moment.known) for moment in pauses])
    uses = set(np.ceil(np.concatenate((at_ends, at_pauses))).astype(int).tolist()) | {0}
    resumed = np.array([[moment.resumed_s[ms] for ms in TUNED_MS] for moment in pauses])
    found = []
    for waits in _grid(uses):
        three = (waits.complete_s, waits.unknown_s, waits.incomplete_s)
        delays = _decide(np.interp(at_ends, (0, 1, 2), three), ends)
        cuts = _decide(np.interp(at_pauses, (0, 1, 2), three), pauses)
        p50, p90 = np.percentile(delays, (50, 90))
        share = float(np.mean(cuts[:, np.newaxis] < resumed - 1e-6))
        found.append(Tried(waits, float(p50), float(p90), float(delays.mean()), share))
    return found


def choose(tries: Sequence[Tried]) -> Tried | None:
    """The one that cuts fewest off among those that are soon enough; None when none is."""
    soon = [one for one in tries if one.p50_s <= LIMIT_P50_S and one.p90_s <= LIMIT_P90_S]
    return min(soon, key=lambda one: (one.cut_off, one.mean_s), default=None)


def frontier(tries: Sequence[Tried]) -> list[Tried]:
    """Those that nothing beats in delay and in share cut off, by rising delay."""
    best: list[Tried] = []
    for one in sorted(tries, key=lambda one: (one.mean_s, one.cut_off)):
        if not best or one.cut_off < best[-1].cut_off:
            if best and one.mean_s - best[-1].mean_s < CURVE_STEP_S:
                best.pop()
            best.append(one)
    return best


def _grid(uses: set[int]) -> list[Waits]:
    """All choices; a wait that a policy never asks for is not varied."""
    found = []
    for complete_s in COMPLETE_S:
        for unknown_s in UNKNOWN_S if 1 in uses else (UNKNOWN_S[-1],):
            for incomplete_s in INCOMPLETE_S if 2 in uses else (INCOMPLETE_S[-1],):
                three = [round(float(s), 2) for s in (complete_s, unknown_s, incomplete_s)]
                if three == sorted(three):
                    found.append(Waits(*three))
    return found


def _decide(waits: NDArray[np.float64], moments: Sequence[Moment]) -> NDArray[np.float64]:
    return np.array(
        [
            decide_s(moment.known, float(wait), ready_s(moment.known))
            for wait, moment in zip(waits, moments, strict=True)
        ]
    )


def _row(
    name: str,
    policy: Policy,
    waits: Waits | None,
    tuned: Sequence[Moment],
    reported: Sequence[Moment],
) -> Row:
    return Row(name, waits, price(policy, tuned), price(policy, reported))


def picture(result: Result) -> str:
    """The curves and the operating points as SVG."""
    marks = [
        Mark(name, (cost.mean_s, cost.mean_cut_off()))
        for row in result.rows
        for name, cost in ((MARKED.get(row.name), row.reported),)
        if name is not None
    ]
    return draw(
        "Callers cut off in a pause, against the delay at real ends of turns",
        Axis(
            "mean delay from the last voiced frame to the end of the turn, seconds", 0.3, 1.0, 0.1
        ),
        Axis("pauses of 300, 500 and 800 ms taken for the end", 0.0, 1.0, 0.2, form="{:.0%}"),
        [Curve(name, points) for name, points in result.curves.items()],
        marks,
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
    print(f"transcript takes {result.transcript_p50_s * 1000:.0f} ms, ", end="")
    print(f"judgement {result.judgement_p50_s * 1000:.0f} ms of one core (medians)")
    print(f"{'':34} {'waits, s':14} endpoint, ms      cut off in a pause of")
    print(f"{'':34} {'':14}  p50  p90 mean   300    500    800 ms (inside a sentence)")
    for row in (*result.rows, *([result.held] if result.held else [])):
        waits = row.waits
        three = (
            f"{waits.complete_s:.2f} {waits.unknown_s:.2f} {waits.incomplete_s:.2f}"
            if waits is not None
            else ""
        )
        for half, cost in (("tuned", row.tuned), ("reported", row.reported)):
            name = row.name if half == "tuned" else ""
            times = " ".join(f"{s * 1000:4.0f}" for s in (cost.p50_s, cost.p90_s, cost.mean_s))
            cut = " ".join(f"{cost.cut_off[ms]:6.1%}" for ms in SHOWN_MS)
            inside = " ".join(f"{cost.cut_off_inside[ms]:.0%}" for ms in SHOWN_MS)
            print(f"{name:25} {half:8} {three if name else '':14} {times} {cut} ({inside})")
