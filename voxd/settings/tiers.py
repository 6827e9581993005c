"""Tables of what a call gets. Pure."""

from typing import Annotated, Literal, NamedTuple, Self

from pydantic import Field, model_validator

from voxd.settings.table import Table

_Seconds = Annotated[float, Field(gt=0, le=60)]


class Deadline(NamedTuple):
    """How long a stage may make no progress; `[soft, hard]` in the file.

    The last language model or voice of several is left after three times the hard one; an only
    engine, or the last that hears, is never left for being slow: the call's own limits
    (`last_net_s`, `transcript_s`) are the bound.
    """

    soft_s: _Seconds
    """When the next engine of the chain is started beside this one."""
    hard_s: _Seconds
    """When this one is left."""


class Deadlines(Table):
    """`[tiers.NAME.deadlines]`: progress that each stage owes, seconds.

    The defaults leave the next engine, a local one, time to be heard within 1.5 s more than a
    good answer takes.
    """

    stt_connected_s: Deadline = Deadline(0.6, 1.2)
    """From the attempt to open a stream to its being open."""
    transcript_s: Deadline = Deadline(0.5, 1.0)
    """From the flush to words that cover it."""
    first_token_s: Deadline = Deadline(0.45, 0.9)
    """From the request to the first token."""
    first_clause_s: Deadline = Deadline(0.8, 1.2)
    """From the request to the first clause that can be spoken."""
    first_audio_s: Deadline = Deadline(0.35, 0.7)
    """From a clause to its first audio."""
    next_audio_s: Deadline = Deadline(0.4, 0.8)
    """From audio to the audio after it, within a clause; the same limit, for the next token,
    holds for a reply that is being written."""

    @model_validator(mode="after")
    def soft_comes_first(self) -> Self:
        for name in type(self).model_fields:
            deadline: Deadline = getattr(self, name)
            if deadline.soft_s > deadline.hard_s:
                raise ValueError(f"{name}: must be [soft, hard] with soft <= hard")
        return self


class Tier(Table):
    """`[tiers.NAME]`: what a call of this tier gets. Chains name engines, first to last."""

    target_s: float = Field(gt=0, le=30)
    stt: tuple[str, ...] = Field(min_length=1)
    llm: tuple[str, ...] = Field(min_length=1)
    tts: tuple[str, ...] = Field(min_length=1)
    turn: tuple[str, ...] = ()
    interruptions: bool = False
    speculation: int = Field(2, ge=0, le=10)
    filler_after_s: float = Field(0.0, ge=0, le=30)
    utterance_end_s: float = Field(1.0, ge=0, le=5)
    vad_events: bool = False
    emotions: Literal["none", "presets", "full"] = "none"
    wait_complete_s: float = Field(0.4, ge=0.1, le=5)
    wait_unknown_s: float = Field(0.75, ge=0.1, le=5)
    wait_incomplete_s: float = Field(1.4, ge=0.1, le=10)
    transport: Literal["stream", "twiml"] = "stream"
    polly: Literal["standard", "neural", "generative"] = "neural"
    no_room: tuple[Literal["turns", "transfer", "redirect", "voicemail", "sentence"], ...] = (
        *("turns", "sentence"),
    )
    deadlines: Deadlines = Deadlines()

    @model_validator(mode="after")
    def waits_grow(self) -> Self:
        if not self.wait_complete_s <= self.wait_unknown_s <= self.wait_incomplete_s:
            raise ValueError("must hold: wait_complete_s <= wait_unknown_s <= wait_incomplete_s")
        return self
