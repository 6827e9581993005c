"""Hand-written outcomes: how calls went, as the daemon would conclude."""

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from tests.telemetry.journals import greeting, journal_of, one_turn
from voxd.errors import Category
from voxd.events import EndReason, Kind
from voxd.settings.records import Records
from voxd.telemetry.outcome import (
    CallFacts,
    CallOutcome,
    Direction,
    Hedge,
    LineKind,
    Switch,
    conclude,
)

STARTED_AT = datetime(2026, 11, 23, 10, 0, 0, tzinfo=UTC)
FULL = Records(content="full", numbers="full")
"""Everything is kept."""


def make_facts(call_id: str = "CA1", **changes: Any) -> CallFacts:
    facts = CallFacts(
        call_id=call_id,
        tenant="sol",
        tier="pro",
        agent="frontdesk",
        language="en",
        direction=Direction.INBOUND,
        transport=LineKind.STREAM,
        caller="+15550123456",
        called="+15550199",
        started_at=STARTED_AT,
        target_s=0.65,
    )
    return replace(facts, **changes)


def make_outcome(
    call_id: str = "CA1",
    turns: int = 2,
    *,
    reason: EndReason = EndReason.CALLER_HUNG_UP,
    **changes: Any,
) -> CallOutcome:
    """A call that began at 0 s and ended 5 s after its last turn, which the loop's clock tells."""
    recorded = greeting()
    for turn in range(1, turns + 1):
        recorded += one_turn(turn, turn + 1, base=10.0 * turn)
    ended = 10.0 * turns + 5.0
    facts = make_facts(call_id, **changes)
    return conclude(facts, journal_of(call_id, recorded), reason, 0.0, ended)


def with_trouble(outcome: CallOutcome) -> CallOutcome:
    """A call whose second turn lost its model and was interrupted."""
    switch = Switch(20.4, Kind.LLM, "groq", "llamacpp", Category.TIMEOUT, 2)
    return replace(
        outcome,
        switches=(switch,),
        hedges=(Hedge(Kind.LLM, "llamacpp", True),),
        interrupted=frozenset({2}),
        wasted_attempts=1,
    )
