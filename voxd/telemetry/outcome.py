"""How one finished call went: what observers (logs, latency, metrics, records) are told. Pure.

`describe_call` notes what is known when a call begins, `conclude` makes the rest from its journal
alone. Whatever is interested in finished calls is a `CallObserver` of the runtime.

Words spoken and phone numbers stand in an outcome, as in the journal: an observer that lets them
out of this process does so by the operator's word only.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields, replace
from datetime import datetime
from enum import StrEnum
from typing import Protocol

from voxd.commands import DropReply, EndTurn, StartReply
from voxd.config import Config
from voxd.errors import Category
from voxd.events import (
    ClauseStarted,
    DigitPressed,
    EndReason,
    EngineSwitched,
    Event,
    HedgeEnded,
    Kind,
    PauseReached,
    PlaybackFinished,
    ReplyWasted,
    SoundJudged,
    SpeechPaused,
    SpeechStarted,
    Timer,
    TimerFired,
    TranscriptReceived,
)
from voxd.telemetry.journal import Entry, Journal
from voxd.telemetry.latency import TurnTimings, compute_turns

VIOLATION_FACTOR = 1.5
"""Above target times this, a slow turn is a LATENCY VIOLATION (design, section 2)."""


class Direction(StrEnum):
    """Who called whom."""

    INBOUND = "inbound"
    OUTBOUND = "outbound"


class LineKind(StrEnum):
    """By what a call's words travel."""

    STREAM = "stream"
    """A media stream: we hear and speak."""
    TURNS = "turns"
    """TwiML turns: Twilio hears and speaks."""


class Pace(StrEnum):
    """How a turn's voice-to-voice latency compares with what its tier promises."""

    MET = "met"
    SLOW = "slow"
    """Above the target."""
    VIOLATION = "violation"
    """Above `VIOLATION_FACTOR` times the target."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CallFacts:
    """What is known of a call from its beginning."""

    call_id: str
    """Twilio's CallSid."""
    tenant: str
    """Whose call it is; empty: nobody's in particular."""
    tier: str
    agent: str
    """Its name under `[agents]`; empty: the one of `[agent]`."""
    language: str
    """BCP-47 primary subtag."""
    direction: Direction
    transport: LineKind
    caller: str
    """The number that Twilio calls From; untrusted text."""
    called: str
    """The number that Twilio calls To; untrusted text."""
    started_at: datetime
    """UTC, aware."""
    target_s: float
    """What its tier promises as voice-to-voice latency, seconds."""

    def pace(self, turn: TurnTimings) -> Pace | None:
        """How a turn kept the promise; None: it got no answer of the model's, or one to half of
        what the caller said, which is no promise kept however soon it came."""
        if turn.voice_to_voice_ms is None or turn.is_premature:
            return None
        heard_s = turn.voice_to_voice_ms / 1000
        if heard_s > self.target_s * VIOLATION_FACTOR:
            return Pace.VIOLATION
        return Pace.SLOW if heard_s > self.target_s else Pace.MET


@dataclass(frozen=True, slots=True)
class Switch:
    """A call left an engine for another."""

    at_s: float
    """Seconds since the call began."""
    stage: Kind
    left: str
    taken: str
    reason: Category
    turn: int
    """The turn that it happened in; 0: before the caller had said anything."""


@dataclass(frozen=True, slots=True)
class Hedge:
    """An engine was started beside a late one."""

    stage: Kind
    engine: str
    won: bool
    """It delivered first, and what it delivered was used."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CallOutcome(CallFacts):
    """A finished call."""

    duration_s: float
    reason: EndReason
    turns: tuple[TurnTimings, ...]
    """Those that the journal still holds: of a call of more than an hour the first are missing."""
    switches: tuple[Switch, ...]
    hedges: tuple[Hedge, ...]
    interrupted: frozenset[int]
    """Turns whose reply the caller stopped."""
    wasted_attempts: int
    """Replies that were begun and dropped before the caller heard any of them."""
    journal_dropped: int
    """Entries that the journal no longer held."""

    @property
    def violations(self) -> tuple[int, ...]:
        """Turns that took more than `VIOLATION_FACTOR` times the target."""
        return tuple(it.turn for it in self.turns if self.pace(it) is Pace.VIOLATION)


class CallObserver(Protocol):
    """Is told of every call once, when it is over and has given back what it held."""

    def call_finished(self, outcome: CallOutcome) -> None:
        """Take note, behind the call. Never blocks.

        Where the runtime tells it (`voxd.runtime`): records on the event loop, all others in a
        thread, and several calls at once.
        """
        ...


def describe_call(
    config: Config,
    call_id: str,
    parameters: Mapping[str, str],
    direction: Direction,
    transport: LineKind,
    started_at: datetime,
) -> CallFacts:
    """What is known of a call as it begins.

    Args:
        config: as this call sees it.
        parameters: what Twilio said of it (`from`, `to`); untrusted text.
        started_at: UTC, aware.
    """
    return CallFacts(
        call_id=call_id,
        tenant=config.call.tenant,
        tier=config.call.tier,
        agent=config.agent_name,
        language=config.agent.language,
        direction=direction,
        transport=transport,
        caller=parameters.get("from", ""),
        called=parameters.get("to", ""),
        started_at=started_at,
        target_s=config.tier().target_s,
    )


def conclude(
    facts: CallFacts,
    journal: Journal | None,
    reason: EndReason,
    began: float,
    ended: float,
) -> CallOutcome:
    """The outcome of a call that is over.

    Takes some 3 ms for a thousand entries: a long call is not concluded on the event loop.

    Args:
        journal: None: the call was never built.
        began, ended: seconds on the clock of the journal.
    """
    entries = journal.entries if journal is not None else []
    known = {field.name: getattr(facts, field.name) for field in fields(CallFacts)}
    hedges = [it for _, it in entries if isinstance(it, HedgeEnded)]
    return CallOutcome(
        **known,
        duration_s=max(0.0, ended - began),
        reason=reason,
        turns=tuple(compute_turns(entries)),
        switches=find_switches(entries, began),
        hedges=tuple(Hedge(it.kind, it.engine, it.won) for it in hedges),
        interrupted=find_interrupted(entries),
        wasted_attempts=sum(isinstance(it, ReplyWasted) for _, it in entries),
        journal_dropped=journal.dropped if journal is not None else 0,
    )


def find_switches(entries: Sequence[Entry], began: float) -> tuple[Switch, ...]:
    """Every change of an engine in order, with the turn that it belongs to."""
    found: list[Switch] = []
    waiting: list[int] = []
    """Which of them belong to the turn that ends next."""
    turn = writing = 0
    is_hearing = True
    """The caller has begun to speak since the last turn ended, or none has."""
    for _, item in entries:
        match item:
            case EndTurn():
                turn, is_hearing = item.turn, False
                for place in waiting:
                    found[place] = replace(found[place], turn=turn)
                waiting.clear()
            case SpeechStarted():
                is_hearing = True
            case StartReply():
                writing = item.turn
            case EngineSwitched():
                is_ear = item.kind in (Kind.STT, Kind.TURN)
                if is_ear and is_hearing:
                    waiting.append(len(found))
                found.append(
                    Switch(
                        at_s=max(0.0, item.at - began),
                        stage=item.kind,
                        left=item.left,
                        taken=item.taken,
                        reason=item.category,
                        turn=turn if is_ear else writing,
                    )
                )
            case _:
                pass
    return tuple(found)


_OF_THE_CALLER = (
    *(SpeechStarted, SpeechPaused, SoundJudged, PauseReached, TranscriptReceived, DigitPressed),
)
"""What, being answered by a `DropReply`, says that the caller took the floor."""


def find_interrupted(entries: Sequence[Entry]) -> frozenset[int]:
    """The turns whose reply was dropped, because of the caller, while it sounded."""
    turn_of: dict[int, int] = {}
    sounding: set[int] = set()
    found = set()
    cause: Event | None = None
    for _, item in entries:
        match item:
            case StartReply():
                turn_of[item.reply_id] = item.turn
            case ClauseStarted(is_reply=True):
                sounding.add(item.reply_id)
            case PlaybackFinished():
                sounding.discard(item.reply_id)
            case DropReply(reply_id) if reply_id in sounding:
                sounding.discard(reply_id)
                is_held = isinstance(cause, TimerFired) and cause.timer is Timer.HELD
                if reply_id in turn_of and (is_held or isinstance(cause, _OF_THE_CALLER)):
                    found.add(turn_of[reply_id])
            case _:
                pass
        if isinstance(item, Event):
            cause = item
    return frozenset(found)
