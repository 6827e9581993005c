"""Hand-written journals: what a call would have recorded."""

from voxd.commands import Command, EndTurn, Message, Say, StartReply
from voxd.commands import PhraseKind as Phrase
from voxd.events import (
    ClauseStarted,
    ClauseVoiced,
    ClauseWritten,
    Event,
    FirstToken,
    ReplyRequested,
    ReplyWritten,
    SpeechPaused,
    SpeechStarted,
    TranscriptReceived,
)
from voxd.telemetry.journal import Entry, Journal


def entries(*items: Event | tuple[float, Command]) -> list[Entry]:
    """Events stand at their own time, commands come with theirs."""
    return [(item.at, item) if isinstance(item, Event) else item for item in items]


def start_reply(turn: int, reply_id: int, *, committed: bool = True) -> StartReply:
    return StartReply(turn, reply_id, committed, (Message("user", "secret words"),))


def one_turn(turn: int = 1, reply_id: int = 2, base: float = 10.0) -> list[Entry]:
    """The caller speaks until `base`; the reply is heard 0.9 s later.

    The words are `secret words`, answered by `secret answer. And more.`
    """
    return entries(
        SpeechStarted(base - 1.9, base - 2.0),
        SpeechPaused(base + 0.1, base),
        TranscriptReceived(base + 0.25, "secret words", base, True, "ear"),
        (base + 0.4, EndTurn(turn, base, "complete")),
        (base + 0.4, start_reply(turn, reply_id)),
        ReplyRequested(base + 0.4, reply_id, "mind"),
        FirstToken(base + 0.46, reply_id),
        ClauseWritten(base + 0.56, reply_id, 0, "secret answer.", "mouth"),
        ClauseVoiced(base + 0.7, reply_id, 0),
        ClauseStarted(base + 0.7, reply_id, 0, "secret answer.", base + 0.9, True),
        ClauseWritten(base + 0.8, reply_id, 1, "And more.", "mouth"),
        ReplyWritten(base + 0.8, reply_id, 2, "stop", 60, 50, 8),
        ClauseStarted(base + 2.0, reply_id, 1, "And more.", base + 2.1, True),
    )


def greeting() -> list[Entry]:
    return entries(
        (1.0, Say(1, "Hello.", Phrase.GREETING)),
        ClauseStarted(1.0, 1, 0, "Hello.", 1.0, False),
    )


def journal_of(call_id: str, recorded: list[Entry]) -> Journal:
    journal = Journal(call_id)
    for at, item in recorded:
        journal.record(at, item)
    return journal
