"""Tables about every call: the line, its limits, calls in turns, orders to Twilio. Pure."""

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from voxd.settings.table import Table
from voxd.settings.values import WebAddress


class Line(Table):
    """`[line]`: the telephone line's timing, seconds."""

    lead_s: float = Field(0.2, ge=0.04, le=2)
    mark_grace_s: float = Field(1.0, ge=0.1, le=10)
    stall_s: float = Field(0.5, ge=0.1, le=5)
    max_gap_s: float = Field(1.0, ge=0, le=10)


class Ear(Table):
    """`[ear]`: what counts as speech."""

    aggressiveness: int = Field(2, ge=0, le=3)
    speech_onset_s: float = Field(0.08, ge=0.02, le=0.12)
    early_s: float = Field(0.04, ge=0.03, le=0.5)
    pause_s: float = Field(0.1, ge=0.04, le=0.5)
    min_level_dbfs: float = Field(-50.0, ge=-90, le=0)


Tenant = Annotated[str, Field(pattern=r"^[A-Za-z0-9._-]{0,64}$")]
"""Whose calls they are, a name for logs and records; empty: nobody's in particular."""


class Call(Table):
    """`[call]`: limits of one call, seconds."""

    tenant: Tenant = ""
    tier: str = "free"
    max_call_s: float = Field(1800.0, gt=0, le=14400)
    warn_s: float = Field(30.0, ge=0, le=600)
    idle_s: float = Field(8.0, gt=0, le=120)
    reprompts: int = Field(2, ge=0, le=10)
    last_net_s: float = Field(10.0, gt=0, le=60)
    transcript_s: float = Field(4.0, gt=0, le=30)


class HistoryLimits(Table):
    """`[history]`: how much of a conversation the model is shown."""

    max_messages: int = Field(20, ge=4, le=200)
    drop_messages: int = Field(8, ge=2)

    @model_validator(mode="after")
    def drop_fits(self) -> Self:
        if self.drop_messages >= self.max_messages:
            raise ValueError("drop_messages must be smaller than max_messages")
        return self


Hint = Annotated[str, Field(min_length=1, max_length=100, pattern=r"^[^,]*$")]


class Twiml(Table):
    """`[twiml]`: calls in turns, in which Twilio hears and speaks."""

    speech_model: str = Field("default", pattern=r"^[a-z0-9_-]{0,40}$")
    speech_timeout_s: int = Field(1, ge=1, le=10)
    silence_s: int = Field(5, ge=1, le=60)
    hints: tuple[Hint, ...] = Field((), max_length=500)
    answer_s: float = Field(2.0, ge=0.2, le=8)
    max_calls: int = Field(100, ge=0, le=10_000)


class Telephony(Table):
    """`[telephony]`: orders to Twilio about calls, seconds; they need TWILIO_ACCOUNT_SID."""

    api_url: Annotated[WebAddress, Field(min_length=1)] = "https://api.twilio.com"
    deadline_s: float = Field(5.0, ge=0.1, le=60)
    calls_per_minute: int = Field(10, ge=0, le=600)
    ring_s: int = Field(30, ge=5, le=600)
    machine_detection: Literal["off", "hang_up", "message"] = "off"
