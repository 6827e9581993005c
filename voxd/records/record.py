"""One call as it is stored: plain values that JSON can carry. Pure.

The same values go into a database, into a spill file and over Supabase's wire.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import orjson

CALL_COLUMNS = (
    *("call_id", "started_at", "duration_s", "tenant", "tier", "agent", "language"),
    *("direction", "transport", "caller", "called", "reason", "target_ms", "turn_count"),
    *("voice_to_voice_ms", "violations", "meta"),
)
TURN_COLUMNS = (
    *("session_id", "turn_number", "created_at", "content", "stt_latency_ms", "llm_ttft_ms"),
    *("tts_ttfa_ms", "total_latency_ms", "stt_provider", "llm_provider", "tts_provider", "meta"),
)
TIMES = ("started_at", "created_at")
"""Columns that hold a moment: ISO 8601, UTC."""

Row = dict[str, Any]


@dataclass(frozen=True, slots=True)
class CallRecord:
    """A call and its turns."""

    call: Row
    """By `CALL_COLUMNS`."""
    turns: tuple[Row, ...]
    """Each by `TURN_COLUMNS`."""

    @property
    def rows(self) -> int:
        """How many rows it has."""
        return 1 + len(self.turns)


def encode_record(record: CallRecord) -> bytes:
    """One line of JSON, with its end."""
    return orjson.dumps({"call": record.call, "turns": record.turns}) + b"\n"


def decode_record(line: bytes) -> CallRecord:
    """A record of `encode_record`, perhaps of another version: what it lacks is None.

    Raises:
        ValueError: the line holds no record.
    """
    found = orjson.loads(line)
    if not isinstance(found, dict):
        raise ValueError("not a record")
    call, turns = found.get("call"), found.get("turns")
    if not isinstance(call, dict) or not isinstance(turns, list) or not call.get("call_id"):
        raise ValueError("not a record")
    if not all(isinstance(turn, dict) and turn.get("session_id") for turn in turns):
        raise ValueError("not a record")
    return CallRecord(_take(call, CALL_COLUMNS), tuple(_take(turn, TURN_COLUMNS) for turn in turns))


def _take(row: Mapping[str, Any], columns: tuple[str, ...]) -> Row:
    return {name: row.get(name) for name in columns}
