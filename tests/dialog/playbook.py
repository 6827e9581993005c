"""Playbooks: send a brain events, list the commands expected. No loop, no socket, no clock.

A step is `(event, [expected commands])`. Commands are compared by class and by the fields given:
`expect(StartReply, turn=1)` matches any StartReply of turn 1.
"""

from collections.abc import Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

from voxd.commands import Command, StartTimer
from voxd.config import Config, Tier
from voxd.dialog.conversation import Conversation
from voxd.events import (
    CallStarted,
    ClauseSent,
    ClauseStarted,
    Event,
    PauseReached,
    PlaybackFinished,
    ReplyWritten,
    SpeechPaused,
    SpeechStarted,
    Timer,
    TimerFired,
    TranscriptReceived,
)

TIER = Tier(
    target_s=3.0,
    stt=("stt",),
    llm=("llm",),
    tts=("tts",),
    wait_complete_s=0.4,
    wait_unknown_s=0.7,
    wait_incomplete_s=1.2,
    speculation=0,
)
SPECULATIVE = TIER.model_copy(update={"speculation": 2})
JUDGED = TIER.model_copy(update={"turn": ("turn",)})
PATIENT = TIER.model_copy(update={"filler_after_s": 2.0})
INTERRUPTIBLE = TIER.model_copy(update={"interruptions": True})


@dataclass(frozen=True)
class Expected:
    kind: type[Command]
    values: dict[str, Any]

    def matches(self, command: Command) -> bool:
        return type(command) is self.kind and all(
            getattr(command, name) == value for name, value in self.values.items()
        )


def expect(kind: type[Command], **values: Any) -> Expected:
    known = {field.name for field in fields(kind)}
    assert set(values) <= known, set(values) - known
    return Expected(kind, values)


class Playbook:
    """A brain with a script; timers are remembered so that a step can let one fire."""

    def __init__(self, tier: Tier = TIER, **tables: Any) -> None:
        self.config = Config(tiers={"free": tier}, base_dir=Path(), **tables)
        self.brain = Conversation(self.config, tier)
        self.timers: dict[Timer, int] = {}
        self.commands: list[Command] = []

    def send(self, event: Event) -> list[Command]:
        commands = self.brain.handle(event)
        for command in commands:
            if isinstance(command, StartTimer):
                self.timers[command.timer] = command.token
        self.commands += commands
        return commands

    def play(self, steps: Sequence[tuple[Event, Sequence[Expected]]]) -> None:
        for number, (event, expected) in enumerate(steps):
            commands = self.send(event)
            told = f"step {number}, {event}:\n  got {commands}\n  expected {list(expected)}"
            assert len(commands) == len(expected), told
            for command, wanted in zip(commands, expected, strict=True):
                assert wanted.matches(command), told

    def fire(self, timer: Timer, at: float = 0.0) -> list[Command]:
        return self.send(TimerFired(at, timer, self.timers[timer]))

    def all_of(self, kind: type[Command]) -> list[Any]:
        return [command for command in self.commands if type(command) is kind]

    # --- whole passages, for tests about what comes after them ---

    def greeted(self) -> "Playbook":
        """Up to LISTENING after the greeting (reply id 1)."""
        self.send(CallStarted(0.0, "CA1"))
        self.send(ClauseStarted(0.0, 1, 0, "Hello!", 0.0, False))
        self.send(ClauseSent(0.1, 1, 0, 1.0))
        self.send(PlaybackFinished(1.0, 1))
        return self

    def said(self, text: str, start: float, end: float) -> "Playbook":
        """The caller says this and pauses; the transcript is there."""
        self.send(SpeechStarted(start, start))
        self.send(SpeechPaused(end + 0.1, end))
        self.send(TranscriptReceived(end + 0.2, text, end, True, "stt"))
        return self

    def asked(self, text: str, start: float, end: float) -> int:
        """The caller's turn is over; returns the reply id of the answer that was started."""
        self.said(text, start, end)
        self.send(PauseReached(end + 1.2, end, 1.2))
        return self.brain._floor.last_reply_id

    def answered(self, text: str, start: float, end: float, reply: str) -> int:
        """A whole turn with its reply heard to the end."""
        reply_id = self.asked(text, start, end)
        self.send(ClauseStarted(end + 1.5, reply_id, 0, reply, end + 1.5, True))
        self.send(ClauseSent(end + 1.5, reply_id, 0, 1.0))
        self.send(ReplyWritten(end + 1.5, reply_id, 1, "stop"))
        self.send(PlaybackFinished(end + 2.5, reply_id))
        return reply_id
