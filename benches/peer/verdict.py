"""The calls of both sides as figures, and who won. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from benches.line import Heard, gather_heard, is_answered
from benches.peer.order import Said
from benches.peer.setup import Waterfall
from benches.stats import median, percentile
from voxd.caller.report import CallReport

VOXD, DEFAULT = "voxd", "pipecat default"
RATIO = 2.5
"""voxd promises to answer so many times sooner than pipecat as shipped, at the median."""


@dataclass(frozen=True, slots=True)
class Call:
    """One call that was placed."""

    system: str
    said: Said
    report: CallReport


@dataclass(frozen=True, slots=True)
class TurnRow:
    """One turn, for whoever wants to look closer."""

    system: str
    recording: str
    pause_ms: float
    status: str
    voice_to_voice_ms: float | None
    is_premature: bool


@dataclass(frozen=True, slots=True)
class PauseResult:
    """Turns with a pause of one length."""

    pause_ms: float
    turns: int
    premature: int
    """Turns into which the system spoke."""
    answered: int
    """Turns that got a reply after their real end."""


@dataclass(frozen=True, slots=True)
class SystemResult:
    """One system."""

    name: str
    heard: Heard
    """The turns without a pause."""
    p50_ms: float | None
    p90_ms: float | None
    worst_ms: float | None
    pauses: tuple[PauseResult, ...]
    """Shortest first."""
    pause_holes: int
    parts_ms: Mapping[str, float]
    """Median of each part that pipecat tells of its replies to turns without a pause, in the order
    in which they happen; empty for voxd, whose own are in `v2v`."""

    @property
    def premature(self) -> int:
        """Turns with a pause into which it spoke."""
        return sum(pause.premature for pause in self.pauses)

    @property
    def paused(self) -> int:
        """Turns with a pause."""
        return sum(pause.turns for pause in self.pauses)


@dataclass(frozen=True, slots=True)
class Result:
    """What the bench found."""

    version: str
    """pipecat's."""
    cores: int
    systems: tuple[SystemResult, ...]
    settings: Mapping[str, str]
    """What was set, by system."""
    rows: tuple[TurnRow, ...]

    @property
    def ratio(self) -> float | None:
        """How many times sooner voxd answers than pipecat as shipped, at the median."""
        voxd, peer = self._find(VOXD), self._find(DEFAULT)
        if voxd is None or peer is None or not voxd.p50_ms or not peer.p50_ms:
            return None
        return peer.p50_ms / voxd.p50_ms

    @property
    def is_good(self) -> bool:
        """Whether the promise was kept, with no more premature replies and no turn lost.

        Without pipecat as shipped among the systems there is nothing to be judged.
        """
        voxd, peer = self._find(VOXD), self._find(DEFAULT)
        if voxd is None or peer is None:
            return True
        return (
            self.ratio is not None
            and self.ratio >= RATIO
            and voxd.premature <= peer.premature
            and voxd.heard.premature <= peer.heard.premature
            and voxd.heard.answered == voxd.heard.due
            and voxd.heard.holes == 0
        )

    def to_json(self) -> dict[str, Any]:
        """Everything, ready for `json.dumps`."""
        return {"is_good": self.is_good, "ratio": self.ratio, **asdict(self)}

    def _find(self, name: str) -> SystemResult | None:
        return next((system for system in self.systems if system.name == name), None)


def sum_up_system(
    name: str, calls: Sequence[Call], waterfalls: Sequence[Waterfall] = ()
) -> SystemResult:
    """Reduce the calls to one system."""
    plain = [call.report for call in calls if not call.said.pause_ms]
    heard = gather_heard(plain)
    lengths = sorted({call.said.pause_ms for call in calls if call.said.pause_ms})
    paused = [call.report for call in calls if call.said.pause_ms]
    sids = {report.call_sid for report in plain}
    return SystemResult(
        name=name,
        heard=heard,
        p50_ms=median(heard.voice_to_voice_ms),
        p90_ms=percentile(heard.voice_to_voice_ms, 90),
        worst_ms=max(heard.voice_to_voice_ms, default=None),
        pauses=tuple(_judge_pause(length, calls) for length in lengths),
        pause_holes=gather_heard(paused).holes,
        parts_ms=_median_parts([w for w in waterfalls if w.call_sid in sids]),
    )


def list_turns(calls: Sequence[Call]) -> list[TurnRow]:
    """Every turn of these calls."""
    return [
        TurnRow(
            call.system,
            turn.name,
            call.said.pause_ms,
            str(turn.status),
            turn.voice_to_voice_ms if is_answered(turn) else None,
            turn.is_premature,
        )
        for call in calls
        for turn in call.report.turns
    ]


def _judge_pause(pause_ms: float, calls: Sequence[Call]) -> PauseResult:
    reports = [call.report for call in calls if call.said.pause_ms == pause_ms]
    turns = [turn for report in reports for turn in report.turns]
    return PauseResult(
        pause_ms=pause_ms,
        turns=len(turns),
        premature=sum(turn.is_premature for turn in turns),
        answered=sum(is_answered(turn) for turn in turns),
    )


def _median_parts(waterfalls: Sequence[Waterfall]) -> dict[str, float]:
    """Median of each part over all replies; a part that one lacks took no time in it."""
    keys = list(dict.fromkeys(key for waterfall in waterfalls for key in waterfall.parts_ms))
    found = {key: median([w.parts_ms.get(key, 0.0) for w in waterfalls]) for key in keys}
    return {key: ms for key, ms in found.items() if ms is not None}
