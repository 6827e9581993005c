"""The two tables, for SQLAlchemy. Whoever changes them adds a migration. Pure, but heavy to import.

`turns` is the design document's table: its ten columns by their names, everything else in `meta`.
`calls` is ours.
"""

from datetime import UTC, datetime
from typing import Any

from sqlalchemy import (
    JSON,
    BigInteger,
    Column,
    DateTime,
    Dialect,
    Float,
    Identity,
    Index,
    Integer,
    MetaData,
    Table,
    Text,
    TypeDecorator,
    UniqueConstraint,
    func,
)
from sqlalchemy.dialects.postgresql import JSONB

metadata = MetaData()


class UtcTime(TypeDecorator[datetime]):
    """A moment: `timestamptz`, and in SQLite, which knows none, text in UTC."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        if value is None or dialect.name != "sqlite":
            return value
        return value.astimezone(UTC).replace(tzinfo=None)

    def process_result_value(self, value: Any | None, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        assert isinstance(value, datetime)
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


def _key() -> Column[int]:
    # SQLite counts by itself only in a column that is just `integer`.
    kind = BigInteger().with_variant(Integer(), "sqlite")
    return Column("id", kind, Identity(always=True), primary_key=True)


def _json(name: str) -> Column[Any]:
    return Column(name, JSON().with_variant(JSONB(), "postgresql"), nullable=False)


calls = Table(
    "calls",
    metadata,
    _key(),
    Column("call_id", Text(), nullable=False, unique=True),
    Column("started_at", UtcTime(), nullable=False),
    Column("duration_s", Float()),
    Column("tenant", Text()),
    Column("tier", Text()),
    Column("agent", Text()),
    Column("language", Text()),
    Column("direction", Text()),
    Column("transport", Text()),
    Column("caller", Text()),
    Column("called", Text()),
    Column("reason", Text()),
    Column("target_ms", Integer()),
    Column("turn_count", Integer()),
    Column("voice_to_voice_ms", Integer()),
    Column("violations", Integer()),
    _json("meta"),
    Index("calls_started_at", "started_at"),
)

turns = Table(
    "turns",
    metadata,
    _key(),
    Column("created_at", UtcTime(), nullable=False, server_default=func.now()),
    Column("session_id", Text(), nullable=False),
    Column("turn_number", Integer(), nullable=False),
    Column("content", Text()),
    Column("stt_latency_ms", Integer()),
    Column("llm_ttft_ms", Integer()),
    Column("tts_ttfa_ms", Integer()),
    Column("total_latency_ms", Integer()),
    Column("stt_provider", Text()),
    Column("llm_provider", Text()),
    Column("tts_provider", Text()),
    _json("meta"),
    UniqueConstraint("session_id", "turn_number"),
)
