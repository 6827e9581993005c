"""Names for calls that come back. Pure.

A call that its operator's TwiML sends to us again keeps its CallSid: at this daemon after a
restart, or at another one that shares the database. Each such leg is a record of its own, under the
CallSid and the second in which it began. That name is the same whenever it is written again.
"""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import UTC, datetime

from voxd.records.record import CallRecord


def name_legs(records: Iterable[CallRecord], known: Mapping[str, datetime]) -> list[CallRecord]:
    """The records, in their order; no two calls of them or of `known` share a name.

    Args:
        known: when calls that are stored already began, by their names; aware.
    """
    began = dict(known)
    named = []
    for record in records:
        started_at = _started_at(record)
        if started_at is not None:
            name = record.call["call_id"]
            if began.setdefault(name, started_at) != started_at:
                record = _rename(record, f"{name}/{started_at.astimezone(UTC):%Y%m%dT%H%M%S}")
        named.append(record)
    return named


def _started_at(record: CallRecord) -> datetime | None:
    """None: the record does not tell; its store will refuse it."""
    try:
        return datetime.fromisoformat(record.call["started_at"])
    except (TypeError, ValueError):
        return None


def _rename(record: CallRecord, name: str) -> CallRecord:
    turns = tuple({**turn, "session_id": name} for turn in record.turns)
    return replace(record, call={**record.call, "call_id": name}, turns=turns)
