"""The tables as they were first. A `turns` that is there already, as the design has it, is used."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0001"
down_revision: str | None = None


def upgrade() -> None:
    """Make both tables."""
    time = sa.DateTime(timezone=True)
    op.create_table(
        "calls",
        _key(),
        sa.Column("call_id", sa.Text(), nullable=False, unique=True),
        sa.Column("started_at", time, nullable=False),
        sa.Column("duration_s", sa.Float()),
        *(_text(name) for name in ("tenant", "tier", "agent", "language", "direction")),
        *(_text(name) for name in ("transport", "caller", "called", "reason")),
        *(_count(name) for name in ("target_ms", "turn_count", "voice_to_voice_ms", "violations")),
        _meta(),
        if_not_exists=True,
    )
    op.create_index("calls_started_at", "calls", ["started_at"], if_not_exists=True)
    op.create_table(
        "turns",
        _key(),
        sa.Column("created_at", time, nullable=False, server_default=sa.func.now()),
        sa.Column("session_id", sa.Text(), nullable=False),
        sa.Column("turn_number", sa.Integer(), nullable=False),
        _text("content"),
        *(_count(f"{name}_ms") for name in ("stt_latency", "llm_ttft", "tts_ttfa")),
        _count("total_latency_ms"),
        *(_text(f"{name}_provider") for name in ("stt", "llm", "tts")),
        _meta(),
        sa.UniqueConstraint("session_id", "turn_number"),
        if_not_exists=True,
    )


def _key() -> "sa.Column[int]":
    kind = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
    return sa.Column("id", kind, sa.Identity(always=True), primary_key=True)


def _text(name: str) -> "sa.Column[str]":
    return sa.Column(name, sa.Text())


def _count(name: str) -> "sa.Column[int]":
    return sa.Column(name, sa.Integer())


def _meta() -> "sa.Column[object]":
    kind = sa.JSON().with_variant(JSONB(), "postgresql")
    return sa.Column("meta", kind, nullable=False, server_default=sa.text("'{}'"))
