"""What the log says of turns: their figures, never their words. An observer of calls.

A turn that took too long is told as soon as its answer was heard, an engine that was left for
another at once, the figures of all turns when the call is over: what a turn cost is known only
then.
"""

import logging
from dataclasses import asdict
from typing import Any

from voxd.telemetry.latency import TurnTimings
from voxd.telemetry.outcome import CallFacts, CallOutcome, Pace, Switch
from voxd.telemetry.promises import summarize_call

logger = logging.getLogger(__name__)

_LOGGED = (
    "turn",
    "end_rule",
    "endpoint_ms",
    "wait_ms",
    "stt_latency_ms",
    "judge_latency_ms",
    "turn_probability",
    "llm_ttft_ms",
    "llm_clause_ms",
    "tts_ttfa_ms",
    "total_latency_ms",
    "voice_to_voice_ms",
    "is_premature",
    "underrun_s",
    "clauses",
    "attempts",
    "wasted_tokens",
    "wasted_characters",
)
"""What a log line says of a turn: its figures, never its words."""


class TurnLog:
    """Writes the lines."""

    def turn_heard(self, facts: CallFacts, turn: TurnTimings) -> None:
        """One line for a slow turn: none for one that kept its tier's promise."""
        pace = facts.pace(turn)
        if pace is Pace.VIOLATION:
            logger.warning("LATENCY VIOLATION", extra=_fields(facts, turn))
        elif pace is Pace.SLOW:
            logger.info("turn slower than its target", extra=_fields(facts, turn))

    def engine_switched(self, facts: CallFacts, switch: Switch) -> None:
        """One line: what it cost, the turn tells."""
        call = {"call": facts.call_id, "tenant": facts.tenant, "tier": facts.tier}
        logger.info("engine left in a call", extra={**call, **asdict(switch)})

    def call_finished(self, outcome: CallOutcome) -> None:
        """One line for each turn, and one for all that were answered."""
        for turn in outcome.turns:
            logger.info("turn", extra=_fields(outcome, turn))
        summary = summarize_call(outcome, outcome.turns)
        if summary.count:
            call = {"call": outcome.call_id, "tenant": outcome.tenant, "tier": outcome.tier}
            figures = {**asdict(summary), "target_s": outcome.target_s}
            logger.info("latency of the call", extra={**call, **figures})


def _fields(facts: CallFacts, turn: TurnTimings) -> dict[str, Any]:
    described = turn.to_json()
    call = {"call": facts.call_id, "tenant": facts.tenant, "tier": facts.tier}
    figures = {name: described[name] for name in _LOGGED}
    return {**call, **figures, "target_s": facts.target_s}
