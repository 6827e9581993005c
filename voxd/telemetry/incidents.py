"""Which violations of latency deserve an alert, and when one is over. Pure; time is an argument.

An *incident* is open for a tier and the engine that cost its slow turn the most time. It is told
once when it opens, again at most every `repeat_s` while it goes on, and once when it is over: after
`RECOVERED_TURNS` turns of that tier in a row that had this engine and met the target, or when
`repeat_s` have passed without another violation and the tier keeps its promise (with other engines,
perhaps, because calls have left this one).

One that is over is remembered: what comes and goes opens again only when `repeat_s` have passed
since it was told of, so that it costs the operator two messages in that time and no more.
"""

from dataclasses import dataclass
from enum import StrEnum

from voxd.telemetry.latency import TurnTimings
from voxd.telemetry.outcome import CallFacts, Pace

RECOVERED_TURNS = 3
"""One good turn among bad ones is luck."""
MOST_INCIDENTS = 256
"""Bound of the incidents that are known: tiers times engines. What exceeds it is told of by the log
alone."""
ENDPOINT = "endpoint"
"""The stage that waits for the caller to have finished; no engine is to blame for it."""


@dataclass(frozen=True, slots=True)
class Blame:
    """What a slow turn lost most of its time to."""

    stage: str
    """`stt`, `llm`, `tts` or `endpoint`."""
    engine: str
    """Empty where no engine is to blame."""


class AlertKind(StrEnum):
    """What an alert says."""

    VIOLATION = "latency_violation"
    RECOVERED = "recovered"


@dataclass(frozen=True, slots=True)
class Alert:
    """One message to the operator. No words, no telephone numbers."""

    kind: AlertKind
    tier: str
    stage: str
    engine: str
    voice_to_voice_ms: float
    """Of the turn that made it be sent."""
    target_ms: float
    violations: int
    """Since the last message about this incident, the one told of included; of a recovery those
    that nothing was said about."""
    call_id: str
    turn: int
    agent: str
    tenant: str


@dataclass(slots=True)
class _Incident:
    told_at: float
    """When a violation was told of last."""
    violated_at: float
    is_open: bool = True
    """A violation was told of, and no recovery."""
    untold: int = 0
    good_turns: int = 0


class Incidents:
    """The incidents that are open or were lately. Bound: `MOST_INCIDENTS`."""

    def __init__(self, repeat_s: float) -> None:
        """
        Args:
            repeat_s: two alerts about the same tier and engine are so far apart at least.
        """
        self._repeat_s = repeat_s
        self._known: dict[tuple[str, Blame], _Incident] = {}

    def __len__(self) -> int:
        """How many are open."""
        return sum(incident.is_open for incident in self._known.values())

    def note(self, facts: CallFacts, turn: TurnTimings, now: float) -> tuple[Alert, ...]:
        """What is to be told because of a turn that was answered."""
        match facts.pace(turn):
            case Pace.VIOLATION:
                self._break_rows(facts, turn)
                alert = self._violated(facts, turn, now)
                return (alert,) if alert is not None else ()
            case Pace.SLOW:
                self._break_rows(facts, turn)
                return ()
            case Pace.MET:
                return self._met(facts, turn, now)
            case _:
                return ()

    def _violated(self, facts: CallFacts, turn: TurnTimings, now: float) -> Alert | None:
        blame = find_blame(turn)
        incident = self._known.get((facts.tier, blame))
        if incident is None:
            if len(self._known) >= MOST_INCIDENTS:
                self._forget(now)
            if len(self._known) >= MOST_INCIDENTS:
                return None
            self._known[facts.tier, blame] = _Incident(now, now)
            return _alert(AlertKind.VIOLATION, facts, turn, blame, 1)
        incident.violated_at = now
        incident.untold += 1
        if now - incident.told_at < self._repeat_s:
            return None
        count, incident.untold, incident.told_at = incident.untold, 0, now
        incident.is_open = True
        return _alert(AlertKind.VIOLATION, facts, turn, blame, count)

    def _met(self, facts: CallFacts, turn: TurnTimings, now: float) -> tuple[Alert, ...]:
        told = []
        engines = _engines(turn)
        for (tier, blame), incident in self._known.items():
            if tier != facts.tier or not incident.is_open:
                continue
            incident.good_turns += blame.engine in engines
            is_quiet = now - incident.violated_at >= self._repeat_s
            if is_quiet or incident.good_turns >= RECOVERED_TURNS:
                told.append(_alert(AlertKind.RECOVERED, facts, turn, blame, incident.untold))
                incident.is_open, incident.untold, incident.good_turns = False, 0, 0
        return tuple(told)

    def _break_rows(self, facts: CallFacts, turn: TurnTimings) -> None:
        """A turn missed the target, whatever was to blame: its engines begin to count again."""
        engines = _engines(turn)
        for (tier, blame), incident in self._known.items():
            if tier == facts.tier and blame.engine in engines:
                incident.good_turns = 0

    def _forget(self, now: float) -> None:
        """Make room: what is over, and would be told of at once if it came back."""
        for key, incident in list(self._known.items()):
            if not incident.is_open and now - incident.told_at >= self._repeat_s:
                del self._known[key]


def find_blame(turn: TurnTimings) -> Blame:
    """What cost a turn the most: the longest of its stages.

    The wait for the end of the turn counts as far as it outlasted the transcript, with which it
    runs side by side.
    """
    endpoint_ms = turn.endpoint_ms if turn.endpoint_ms > (turn.stt_latency_ms or 0.0) else 0.0
    costs = (
        (turn.stt_latency_ms or 0.0, Blame("stt", turn.stt_engine)),
        (turn.llm_clause_ms or turn.llm_ttft_ms or 0.0, Blame("llm", turn.llm_engine)),
        (turn.tts_ttfa_ms or 0.0, Blame("tts", turn.tts_engine)),
        (endpoint_ms, Blame(ENDPOINT, "")),
    )
    return max(costs, key=lambda cost: cost[0])[1]


def _engines(turn: TurnTimings) -> set[str]:
    """What a turn may be blamed on."""
    return {turn.stt_engine, turn.llm_engine, turn.tts_engine, ""}


def _alert(kind: AlertKind, facts: CallFacts, turn: TurnTimings, blame: Blame, count: int) -> Alert:
    return Alert(
        kind=kind,
        tier=facts.tier,
        stage=blame.stage,
        engine=blame.engine,
        voice_to_voice_ms=round(turn.voice_to_voice_ms or 0.0, 1),
        target_ms=round(facts.target_s * 1000, 1),
        violations=count,
        call_id=facts.call_id,
        turn=turn.turn,
        agent=facts.agent,
        tenant=facts.tenant,
    )
