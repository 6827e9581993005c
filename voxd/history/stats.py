"""The calls of a period in figures. Pure; reads rows as they are stored.

A promise is met as in the running daemon (`voxd.telemetry.promises`): when the average
voice-to-voice latency is within the average target. Percentiles are interpolated.
"""

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

from voxd.telemetry.outcome import Pace

Row = Mapping[str, Any]
DEFAULT_AGENT = "default"
"""Stands for the agent of `[agent]`, which has no name."""


@dataclass(frozen=True, slots=True)
class Figures:
    """Times of one kind, milliseconds."""

    turns: int
    average_ms: float
    p50_ms: float
    p90_ms: float
    p95_ms: float
    worst_ms: float
    target_ms: float | None = None
    """The average of the turns' targets; None: it has none of its own."""
    within: float | None = None
    """The share of turns that were within their target, 0 to 1."""
    violations: int | None = None
    is_met: bool | None = None


@dataclass(frozen=True, slots=True)
class Stats:
    """All calls of a period."""

    calls: int
    minutes: float
    turns: int
    unanswered: int
    """Turns without an answer of the model's."""
    interrupted: int
    premature: int
    tiers: dict[str, Figures]
    agents: dict[str, Figures]
    engines: dict[str, Figures]
    """By `stage engine`, such as `llm groq`."""
    ends: dict[str, int]
    """Calls by the reason of their end, the most frequent first."""
    failovers: dict[str, int]
    """By `stage from > to (reason)`."""
    tokens: int
    wasted_tokens: int
    characters: int
    estimated_cost: float | None
    """None: nothing has a price."""

    def to_json(self) -> dict[str, Any]:
        """For `--json`."""
        return asdict(self)


def sum_up(calls: Sequence[Row], turns: Sequence[Row]) -> Stats:
    """The figures of some calls.

    Args:
        calls: rows of `calls`.
        turns: rows of `turns`, each with `tier`, `agent` and `target_ms` of its call.
    """
    metas = [turn["meta"] for turn in turns]
    costs = [it for call in calls if (it := _cost(call["meta"])) is not None]
    return Stats(
        calls=len(calls),
        minutes=round(sum(call["duration_s"] or 0.0 for call in calls) / 60, 1),
        turns=len(turns),
        unanswered=sum(meta.get("voice_to_voice_ms") is None for meta in metas),
        interrupted=sum(bool(meta.get("interrupted")) for meta in metas),
        premature=sum(bool(meta.get("is_premature")) for meta in metas),
        tiers=_heard_by(turns, lambda turn: turn["tier"] or ""),
        agents=_heard_by(turns, lambda turn: turn["agent"] or DEFAULT_AGENT),
        engines=_engines(turns),
        ends=dict(Counter(str(call["reason"]) for call in calls).most_common()),
        failovers=_failovers(calls),
        tokens=sum(meta.get("completion_tokens") or 0 for meta in metas),
        wasted_tokens=sum(meta.get("wasted_tokens") or 0 for meta in metas),
        characters=sum(meta.get("characters") or 0 for meta in metas),
        estimated_cost=round(sum(costs), 4) if costs else None,
    )


def _heard_by(turns: Iterable[Row], name_of: Callable[[Row], str]) -> dict[str, Figures]:
    heard: defaultdict[str, list[Row]] = defaultdict(list)
    for turn in turns:
        # An answer to half of what the caller said keeps no promise, however soon it came.
        is_premature = turn["meta"].get("is_premature")
        if turn["meta"].get("voice_to_voice_ms") is not None and not is_premature:
            heard[name_of(turn)].append(turn)
    return {name: _promise(found) for name, found in sorted(heard.items())}


def _promise(turns: Sequence[Row]) -> Figures:
    """How the voice-to-voice latency of turns that were answered keeps what their tiers promise."""
    heard_ms = [float(turn["meta"]["voice_to_voice_ms"]) for turn in turns]
    targets_ms = sum(turn["target_ms"] or 0 for turn in turns)
    paces = Counter(turn["meta"].get("pace") for turn in turns)
    return replace(
        measure(heard_ms),
        target_ms=round(targets_ms / len(turns), 1),
        within=round(paces[Pace.MET] / len(turns), 4),
        violations=paces[Pace.VIOLATION],
        is_met=sum(heard_ms) <= targets_ms,
    )


def _engines(turns: Iterable[Row]) -> dict[str, Figures]:
    parts: defaultdict[str, list[float]] = defaultdict(list)
    stages = (("stt", "stt_latency_ms"), ("llm", "llm_ttft_ms"), ("tts", "tts_ttfa_ms"))
    for turn in turns:
        for stage, column in stages:
            if turn[f"{stage}_provider"] and turn[column] is not None:
                parts[f"{stage} {turn[f'{stage}_provider']}"].append(float(turn[column]))
    return {name: measure(values) for name, values in sorted(parts.items())}


def _failovers(calls: Iterable[Row]) -> dict[str, int]:
    found = Counter(
        f"{it['stage']} {it['from']} > {it['to']} ({it['reason']})"
        for call in calls
        for it in call["meta"].get("failovers") or ()
    )
    return dict(found.most_common())


def _cost(meta: Row) -> float | None:
    cost = meta.get("estimated_cost")
    return cost.get("sum") if isinstance(cost, dict) else None


def measure(values: Sequence[float]) -> Figures:
    """Average and percentiles; of at least one value."""
    ordered = sorted(values)
    p50, p90, p95 = (round(percentile(ordered, share), 1) for share in (0.5, 0.9, 0.95))
    average = round(sum(ordered) / len(ordered), 1)
    return Figures(len(ordered), average, p50, p90, p95, round(ordered[-1], 1))


def percentile(ordered: Sequence[float], share: float) -> float:
    """The value below which `share` of them lie, between its two neighbours."""
    place = share * (len(ordered) - 1)
    below = int(place)
    above = min(below + 1, len(ordered) - 1)
    return ordered[below] + (ordered[above] - ordered[below]) * (place - below)
