"""One engine's stream as the transcriber sees it, and when it is late. Pure data."""

import asyncio
from dataclasses import dataclass

from voxd.config import Deadline, Deadlines
from voxd.contracts import SpeechToText, TranscriptStream

NEVER = Deadline(float("inf"), float("inf"))


@dataclass(slots=True, eq=False)
class Lane:
    """One attempt to hear the call with one engine."""

    index: int
    """The engine's place in the chain."""
    engine: SpeechToText
    started_at: float
    """Seconds, loop clock."""
    is_beside: bool
    """It was started because another one is late or has no words."""
    task: asyncio.Task[None] | None = None
    stream: TranscriptStream | None = None
    """None until it is open."""
    opened_at: float = float("inf")
    before: str = ""
    """The utterance's words before the audio that the stream was given."""

    def due(self, deadlines: Deadlines, asked_at: float | None) -> Deadline:
        """When it is late and when it is to be left, loop clock.

        Args:
            asked_at: when somebody began to wait for words; None: nobody waits.
        """
        limits = []
        if self.stream is None:
            limits.append(_after(self.started_at, deadlines.stt_connected_s))
        if asked_at is not None:
            limits.append(_after(max(asked_at, self.started_at), deadlines.transcript_s))
        soft_s = min((limit.soft_s for limit in limits), default=NEVER.soft_s)
        hard_s = min((limit.hard_s for limit in limits), default=NEVER.hard_s)
        return Deadline(soft_s, hard_s)


def _after(start: float, deadline: Deadline) -> Deadline:
    return Deadline(start + deadline.soft_s, start + deadline.hard_s)
