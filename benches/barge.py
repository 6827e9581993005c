"""`scripts/bench barge`: what silences the agent, how soon, and what does not.

Every trial is a whole call in virtual time: the daemon's own brain, ear and mouth, real sound on
the line both ways, Piper's voice as the agent. Only the language model and the transcription are
scripted: they are not asked about whether to be silent. A trial counts as a stop when there is any
hole in the agent's audio at the caller's ear, whatever the daemon does afterwards.
"""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from benches.interrupting import NETWORK_S, Outcome, play_trials
from benches.stats import Interval, percentile, wilson
from benches.trials import CONTROLS, COUNTS, DRAWS, INTERRUPTIONS

LIMIT_P95_MS = 250.0
LIMIT_RATE = 0.07
"""Upper end of the 95 % interval of false stops and of misses."""
MISSED_MS = 1000.0
"""An interruption that has not silenced the agent after this long is missed."""


@dataclass(frozen=True, slots=True)
class Figures:
    """One half of the trials, or one category of it."""

    trials: int
    stops: int
    """Trials in which the agent's audio had a hole."""
    resumed: int
    """Of those, the ones after which the agent went on with the same reply."""
    stop_p50_ms: float | None
    stop_p95_ms: float | None
    """From the onset at the caller's mouth to the hole at the caller's ear; of interruptions."""
    rate: Interval
    """Of misses (interruptions) or false stops (all else)."""


@dataclass(frozen=True, slots=True)
class Result:
    """What the bench found on one half."""

    half: str
    interruptions: Figures
    others: Figures
    categories: dict[str, Figures]
    words_off: dict[int, int]
    """Words in the history less words heard by the caller's own count -> interruptions."""

    @property
    def is_good(self) -> bool:
        """Whether the promises are kept."""
        p95_ms = self.interruptions.stop_p95_ms
        return (
            p95_ms is not None
            and p95_ms <= LIMIT_P95_MS
            and self.interruptions.rate.high <= LIMIT_RATE
            and self.others.rate.high <= LIMIT_RATE
            and all(abs(words) <= 1 for words in self.words_off)
        )

    def to_json(self) -> dict[str, Any]:
        """Everything, ready for `json.dumps`."""
        return {"is_good": self.is_good, **asdict(self)}


def run(half: int, draws: int = DRAWS, processes: int | None = None) -> Result:
    """Play every trial of a half: 0, that constants were tuned on, or 1, that is reported."""
    return judge("reported" if half else "tuned", play_trials(half, draws, processes))


def judge(half: str, outcomes: Sequence[Outcome]) -> Result:
    """Count."""
    counted = [outcome for outcome in outcomes if outcome.category not in CONTROLS]
    words_off: dict[int, int] = {}
    for outcome in counted:
        if outcome.words_off is not None:
            words_off[outcome.words_off] = words_off.get(outcome.words_off, 0) + 1
    return Result(
        half=half,
        interruptions=_count([it for it in counted if it.category in INTERRUPTIONS]),
        others=_count([it for it in counted if it.category not in INTERRUPTIONS]),
        categories={
            name: _count([it for it in outcomes if it.category == name]) for name in COUNTS
        },
        words_off=dict(sorted(words_off.items())),
    )


def _count(outcomes: Sequence[Outcome]) -> Figures:
    stopped = [outcome for outcome in outcomes if outcome.stop_ms is not None]
    times = [outcome.stop_ms for outcome in stopped if outcome.stop_ms is not None]
    if outcomes and outcomes[0].category in INTERRUPTIONS:
        wrong = len(outcomes) - sum(stop_ms <= MISSED_MS for stop_ms in times)
    else:
        wrong = len(stopped)
    return Figures(
        trials=len(outcomes),
        stops=len(stopped),
        resumed=sum(outcome.is_resumed for outcome in stopped),
        stop_p50_ms=percentile(times, 50),
        stop_p95_ms=percentile(times, 95),
        rate=wilson(wrong, len(outcomes)),
    )


def show(result: Result) -> None:
    """Print the result for people."""
    print(f"the {result.half} half; each trial is a call in virtual time, its network")
    print(f"{NETWORK_S * 1000:.0f} ms each way")
    print(f"{'':18} trials  stops  of these resumed   stop p50  p95 ms   wrong (95 % interval)")
    for name, figures in result.categories.items():
        is_control = name in CONTROLS
        _show_row(name, figures, "not counted" if is_control else "")
    what = "missed" if result.interruptions.trials else ""
    _show_row("interruptions", result.interruptions, what)
    _show_row("all others", result.others, "false stops")
    words = ", ".join(f"{off:+d}: {count}" for off, count in result.words_off.items())
    print(f"words in the history less words heard: {words or 'none'}")


def _show_row(name: str, figures: Figures, note: str) -> None:
    times = (
        f"{figures.stop_p50_ms:8.0f} {figures.stop_p95_ms:7.0f}"
        if figures.stop_p50_ms is not None and figures.stop_p95_ms is not None
        else f"{'-':>8} {'-':>7}"
    )
    rate = figures.rate
    print(
        f"{name:18} {figures.trials:6d} {figures.stops:6d} {figures.resumed:17d}   {times}   "
        f"{rate.estimate:5.1%} ({rate.low:.1%} to {rate.high:.1%}) {note}"
    )
