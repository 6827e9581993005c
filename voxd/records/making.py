"""From a call's outcome to the rows that are stored. Pure."""

from collections.abc import Iterable
from datetime import datetime, timedelta
from statistics import median
from typing import Any

from voxd.records.costs import call_cost, turn_cost
from voxd.records.record import CallRecord, Row
from voxd.records.redaction import mask_number, redact
from voxd.settings.records import Records
from voxd.telemetry.latency import TurnTimings
from voxd.telemetry.outcome import CallOutcome, Pace, Switch

MAX_TEXT_CHARS = 4000
"""Of one column; what a turn says is far shorter."""
MAX_NAME_CHARS = 200
"""Of names and telephone numbers."""
_LARGEST = 2**31 - 1
"""An `integer` of PostgreSQL."""

_FIGURES = (
    *("end_rule", "reply_id", "turn_probability", "is_premature", "clauses", "attempts"),
    *("wasted_tokens", "wasted_characters", "prompt_tokens", "cached_tokens", "completion_tokens"),
)
"""What is taken into `meta` as it is; times of more than one word follow."""
_TIMES = ("endpoint_ms", "wait_ms", "judge_latency_ms", "llm_clause_ms", "voice_to_voice_ms")


def make_record(outcome: CallOutcome, settings: Records, clock: float) -> CallRecord:
    """The rows of a finished call, with what the config wants kept.

    Args:
        clock: what the loop's clock showed when the call ended; places turns in the day.
    """
    ended_at = outcome.started_at + timedelta(seconds=outcome.duration_s)
    turns = tuple(_turn_row(turn, outcome, settings, ended_at, clock) for turn in outcome.turns)
    return CallRecord(_call_row(outcome, settings), turns)


def _call_row(outcome: CallOutcome, settings: Records) -> Row:
    turns = outcome.turns
    told = [it.voice_to_voice_ms for it in turns if not it.is_premature]
    heard = [it for it in told if it is not None]
    meta = {
        "interrupted": len(outcome.interrupted),
        "premature": sum(turn.is_premature for turn in turns),
        "slow": sum(outcome.pace(turn) is Pace.SLOW for turn in turns),
        "failovers": _failovers(outcome.switches),
        "hedges": [
            {"stage": str(it.stage), "engine": it.engine, "won": it.won} for it in outcome.hedges
        ],
        "wasted_attempts": outcome.wasted_attempts,
        "prompt_tokens": sum(turn.prompt_tokens for turn in turns),
        "completion_tokens": sum(turn.completion_tokens for turn in turns),
        "characters": sum(len(turn.reply) for turn in turns),
        "journal_dropped": outcome.journal_dropped,
        **_cost(call_cost(turns, outcome.duration_s, settings.prices)),
    }
    return {
        "call_id": _name(outcome.call_id),
        "started_at": outcome.started_at.isoformat(),
        "duration_s": round(outcome.duration_s, 3),
        "tenant": _name(outcome.tenant),
        "tier": _name(outcome.tier),
        "agent": _name(outcome.agent),
        "language": _name(outcome.language),
        "direction": str(outcome.direction),
        "transport": str(outcome.transport),
        "caller": _number(outcome.caller, settings),
        "called": _number(outcome.called, settings),
        "reason": str(outcome.reason),
        "target_ms": _whole(outcome.target_s * 1000),
        "turn_count": len(turns),
        "voice_to_voice_ms": _whole(median(heard)) if heard else None,
        "violations": len(outcome.violations),
        "meta": meta,
    }


def _turn_row(
    turn: TurnTimings, outcome: CallOutcome, settings: Records, ended_at: datetime, clock: float
) -> Row:
    made_at = ended_at - timedelta(seconds=min(max(0.0, clock - turn.turn_end), 86_400.0))
    described = turn.to_json()
    pace = outcome.pace(turn)
    switches = [it for it in outcome.switches if it.turn == turn.turn]
    meta = {
        **({"transcript": _words(turn.transcript, settings)} if settings.content != "none" else {}),
        **{name: described[name] for name in (*_TIMES, *_FIGURES)},
        "underrun_ms": round(turn.underrun_s * 1000, 1),
        "characters": len(turn.reply),
        "interrupted": turn.turn in outcome.interrupted,
        "pace": str(pace) if pace is not None else None,
        "failovers": _failovers(switches),
        **_cost(turn_cost(turn, settings.prices)),
    }
    return {
        "session_id": _name(outcome.call_id),
        "turn_number": turn.turn,
        "created_at": made_at.isoformat(),
        "content": _words(turn.reply, settings),
        "stt_latency_ms": _whole(turn.stt_latency_ms),
        "llm_ttft_ms": _whole(turn.llm_ttft_ms),
        "tts_ttfa_ms": _whole(turn.tts_ttfa_ms),
        "total_latency_ms": _whole(turn.total_latency_ms),
        "stt_provider": turn.stt_engine or None,
        "llm_provider": turn.llm_engine or None,
        "tts_provider": turn.tts_engine or None,
        "meta": meta,
    }


def _failovers(switches: Iterable[Switch]) -> list[dict[str, Any]]:
    return [
        {
            "stage": str(it.stage),
            "from": it.left,
            "to": it.taken,
            "reason": str(it.reason),
            "turn": it.turn,
            "at_s": round(it.at_s, 3),
        }
        for it in switches
    ]


def _cost(cost: dict[str, float]) -> dict[str, Any]:
    """Absent when nothing has a price: 0 would be a claim."""
    return {"estimated_cost": {**cost, "sum": round(sum(cost.values()), 6)}} if cost else {}


def _words(text: str, settings: Records) -> str | None:
    match settings.content:
        case "none":
            return None
        case "redacted":
            return redact(_clean(text, MAX_TEXT_CHARS))
        case _:
            return _clean(text, MAX_TEXT_CHARS)


def _number(number: str, settings: Records) -> str | None:
    match settings.numbers:
        case "none":
            return None
        case "masked":
            return mask_number(_name(number))
        case _:
            return _name(number)


def _name(text: str) -> str:
    return _clean(text, MAX_NAME_CHARS)


def _clean(text: str, most: int) -> str:
    """What every database takes: no NUL (PostgreSQL refuses it), no half of a character."""
    text = text[:most].replace("\0", "")
    return text.encode("utf-8", "replace").decode("utf-8")


def _whole(ms: float | None) -> int | None:
    return None if ms is None else max(-_LARGEST, min(_LARGEST, round(ms)))
