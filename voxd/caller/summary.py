"""Many calls in a few numbers. Pure; for `voxd call --calls` and for benches."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from voxd.caller.report import CallReport, Outcome, TurnStatus

EXIT_GOOD = 0
EXIT_BAD = 1
"""A turn without an answer, a protocol warning, a server that cannot be reached."""
EXIT_USAGE = 2
EXIT_REFUSED = 3


@dataclass(frozen=True, slots=True)
class Spread:
    """How a quantity is spread over the turns of all calls."""

    count: int
    p50: float
    p90: float
    p95: float
    largest: float


@dataclass(frozen=True, slots=True)
class Summary:
    """All calls together."""

    calls: int
    outcomes: dict[str, int]
    """Calls by outcome."""
    turns: dict[str, int]
    """Turns by status."""
    premature: int
    """Turns into which the agent spoke."""
    holes: int
    longest_hole_ms: float
    warnings: int
    late_frames: int
    """Frames this machine sent late; many make the numbers worthless."""
    voice_to_voice_ms: Spread | None
    """None: no turn was answered."""
    interruption_ms: Spread | None
    """None: nobody interrupted."""
    connected_s: float
    """Seconds on the line, all calls added up."""


def spread(values: Sequence[float]) -> Spread | None:
    """Return the percentiles (linear interpolation), or None of nothing."""
    if not values:
        return None
    p50, p90, p95 = np.percentile(values, [50, 90, 95]).tolist()
    return Spread(len(values), p50, p90, p95, max(values))


def summarize(reports: Sequence[CallReport]) -> Summary:
    """Add up the calls."""
    turns = [turn for report in reports for turn in report.turns]
    holes = [hole.length_ms for report in reports for hole in report.holes]
    heard = [t.voice_to_voice_ms for t in turns if t.voice_to_voice_ms is not None]
    stopped = [t.interruption_ms for t in turns if t.interruption_ms is not None]
    return Summary(
        calls=len(reports),
        outcomes=dict(Counter(str(report.outcome) for report in reports)),
        turns=dict(Counter(str(turn.status) for turn in turns)),
        premature=sum(turn.is_premature for turn in turns),
        holes=len(holes),
        longest_hole_ms=max(holes, default=0.0),
        warnings=sum(report.warning_count for report in reports),
        late_frames=sum(report.traffic.late_frames for report in reports),
        voice_to_voice_ms=spread(heard),
        interruption_ms=spread(stopped),
        connected_s=sum(report.duration_s for report in reports),
    )


def exit_code(reports: Sequence[CallReport]) -> int:
    """Return the worst that happened: bad before refused before good."""
    if all(report.is_good for report in reports):
        return EXIT_GOOD
    others = [report for report in reports if not report.is_good]
    if all(report.outcome is Outcome.REFUSED for report in others):
        return EXIT_REFUSED
    return EXIT_BAD


def answered(reports: Sequence[CallReport]) -> tuple[int, int]:
    """Return how many turns were answered, and how many were due."""
    statuses = [turn.status for report in reports for turn in report.turns]
    due = sum(status is not TurnStatus.CUT for status in statuses)
    return sum(status is TurnStatus.ANSWERED for status in statuses), due
