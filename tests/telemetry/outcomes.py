"""Hand-written facts and outcomes of calls."""

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from tests.telemetry.journals import journal_of, one_turn
from voxd.events import EndReason
from voxd.telemetry.journal import Entry
from voxd.telemetry.latency import TurnTimings, compute_turns
from voxd.telemetry.outcome import CallFacts, CallOutcome, Direction, LineKind, conclude

STARTED_AT = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)


def make_facts(call_id: str = "CA1", **changed: Any) -> CallFacts:
    """A call whose turns of 0.9 s are within its target."""
    facts = CallFacts(
        call_id=call_id,
        tenant="sol",
        tier="pro",
        agent="",
        language="en",
        direction=Direction.INBOUND,
        transport=LineKind.STREAM,
        caller="+15550100",
        called="+15550199",
        started_at=STARTED_AT,
        target_s=1.0,
    )
    return replace(facts, **changed)


def make_turn(heard_ms: float | None = 900.0, **changed: Any) -> TurnTimings:
    """A turn whose answer was heard so much later."""
    (turn,) = compute_turns(one_turn())
    return replace(turn, voice_to_voice_ms=heard_ms, **changed)


def make_outcome(
    recorded: list[Entry] | None = None,
    reason: EndReason = EndReason.CALLER_HUNG_UP,
    **changed: Any,
) -> CallOutcome:
    """The outcome of a call of one turn, or of what was recorded; it lasted for 20 s."""
    recorded = one_turn() if recorded is None else recorded
    facts = make_facts(**changed)
    return conclude(facts, journal_of(facts.call_id, recorded), reason, 5.0, 25.0)
