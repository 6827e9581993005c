"""How the promises of latency are kept: running figures per tier, agent and engine. Pure.

A tier promises a voice-to-voice latency. As in the document that voxd implements, a promise is
met when the *average* of all turns is within the target; percentiles and the share of turns that
were within it say how. Averages are over everything since the start, percentiles over the last
`KEPT` turns.
"""

from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from voxd.telemetry.latency import TurnTimings
from voxd.telemetry.outcome import CallFacts, Pace, Switch

KEPT = 500
"""Turns of one kind that percentiles are taken from; the oldest goes."""
MOST_NAMES = 64
"""Bound of the tiers, agents and engines told apart, for each of the three; what comes after them
counts as `OTHER`. Names come from the config, which an operator may change many times."""
OTHER = "other"
DEFAULT_AGENT = "default"
"""Stands for the agent of `[agent]`, which has no name."""


@dataclass(frozen=True, slots=True)
class Summary:
    """Times of one kind, milliseconds."""

    count: int
    average_ms: float
    p50_ms: float
    p95_ms: float
    worst_ms: float
    """Of the turns that percentiles are taken from."""
    met: int
    """Turns that were within their target."""
    violations: int
    is_met: bool
    """The average of these turns' voice-to-voice latency is within the average of their targets."""


class Series:
    """Times of one kind, one after the other. Bound: `KEPT`."""

    def __init__(self) -> None:
        self._count = 0
        self._sum_ms = 0.0
        self._latest: deque[float] = deque(maxlen=KEPT)
        self._heard_ms = 0.0
        self._target_ms = 0.0
        self._paces = dict.fromkeys(Pace, 0)

    def add(self, value_ms: float, heard_ms: float, target_s: float, pace: Pace) -> None:
        """Note one turn.

        Args:
            value_ms: what the series is about.
            heard_ms: the turn's voice-to-voice latency.
        """
        self._count += 1
        self._sum_ms += value_ms
        self._latest.append(value_ms)
        self._heard_ms += heard_ms
        self._target_ms += target_s * 1000
        self._paces[pace] += 1

    def summary(self) -> Summary:
        """The figures so far; of an empty series all are 0 and the promise is met."""
        latest = sorted(self._latest)
        return Summary(
            count=self._count,
            average_ms=round(self._sum_ms / max(1, self._count), 1),
            p50_ms=_percentile(latest, 0.50),
            p95_ms=_percentile(latest, 0.95),
            worst_ms=_percentile(latest, 1.0),
            met=self._paces[Pace.MET],
            violations=self._paces[Pace.VIOLATION],
            is_met=self._heard_ms <= self._target_ms,
        )


class LatencyBook:
    """An observer of running calls: sums their turns up."""

    def __init__(self) -> None:
        self.tiers: dict[str, Series] = {}
        """By tier: voice-to-voice latency."""
        self.agents: dict[str, Series] = {}
        """By agent: the same."""
        self.engines: dict[str, Series] = {}
        """By engine: its own part (transcript, first token, first audio)."""

    def turn_heard(self, facts: CallFacts, turn: TurnTimings) -> None:
        """Note a turn that was answered."""
        heard_ms, pace = turn.voice_to_voice_ms, facts.pace(turn)
        if heard_ms is None or pace is None:
            return
        own = [
            (self.tiers, facts.tier, heard_ms),
            (self.agents, facts.agent or DEFAULT_AGENT, heard_ms),
            (self.engines, turn.stt_engine, turn.stt_latency_ms),
            (self.engines, turn.llm_engine, turn.llm_ttft_ms),
            (self.engines, turn.tts_engine, turn.tts_ttfa_ms),
        ]
        for book, name, value_ms in own:
            if name and value_ms is not None:
                _series(book, name).add(value_ms, heard_ms, facts.target_s, pace)

    def engine_switched(self, facts: CallFacts, switch: Switch) -> None:
        """Says nothing of latency."""

    def summaries(self) -> dict[str, dict[str, Summary]]:
        """All figures, by kind and name."""
        books: Mapping[str, Mapping[str, Series]] = {
            "tiers": self.tiers,
            "agents": self.agents,
            "engines": self.engines,
        }
        return {
            kind: {name: series.summary() for name, series in book.items()}
            for kind, book in books.items()
        }


def summarize_call(facts: CallFacts, turns: Sequence[TurnTimings]) -> Summary:
    """The voice-to-voice latency of one call."""
    series = Series()
    for turn in turns:
        pace = facts.pace(turn)
        if turn.voice_to_voice_ms is not None and pace is not None:
            heard_ms = turn.voice_to_voice_ms
            series.add(heard_ms, heard_ms, facts.target_s, pace)
    return series.summary()


def _series(book: dict[str, Series], name: str) -> Series:
    known = name if name in book or len(book) < MOST_NAMES else OTHER
    return book.setdefault(known, Series())


def _percentile(ordered: Sequence[float], fraction: float) -> float:
    """The value that `fraction` of them do not exceed; 0 of none."""
    if not ordered:
        return 0.0
    return round(ordered[min(len(ordered) - 1, int(fraction * len(ordered)))], 1)
