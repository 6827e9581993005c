"""The state of one conversation, as one dataclass. Pure data and a few small steps on it.

Only the rules in `caller_side` and `agent_side` change it.
"""

from dataclasses import dataclass, field
from enum import StrEnum

from voxd.commands import Command, HangUp, NextStep, PhraseKind, Say, StartTimer, StopTimer
from voxd.config import Config, Tier
from voxd.dialog.endpoint import Waits
from voxd.dialog.history import History, ToolRound
from voxd.dialog.playout import PlayoutLedger
from voxd.events import EndReason, Timer, ToolCall, TurnSignal, Verdict


class State(StrEnum):
    """Who has the floor."""

    NEW = "new"
    """Nothing has happened yet."""
    LISTENING = "listening"
    """Nobody speaks; the caller may."""
    HEARING = "hearing"
    """The caller speaks."""
    PAUSED = "paused"
    """The caller paused: over, or going on?"""
    THINKING = "thinking"
    """The turn is over, its reply is not audible yet."""
    SPEAKING = "speaking"
    """The agent is audible (a reply or a phrase)."""
    HELD = "held"
    """A sound of the caller's has silenced the agent; what it was is not known yet."""
    ENDING = "ending"
    """The last phrase is being said; then the call is hung up."""
    ENDED = "ended"
    """The transport is gone, or a hang-up was ordered."""


@dataclass(slots=True)
class Net:
    """The last net under one question, however often the reply to it is begun anew."""

    gives_up_at: float
    """When no reply is waited for any more, loop clock."""
    dropped: str = ""
    """What the reply would have answered that was dropped because the caller went on ..."""
    dropped_at: float = float("-inf")
    """... and when, loop clock."""


@dataclass(slots=True)
class Utterance:
    """What the caller has said since the last `CloseUtterance`."""

    text: str = ""
    through: float = float("-inf")
    """Audio time up to which `text` covers the speech."""
    speech_end: float = float("-inf")
    """Audio time of the last voiced frame; -inf when nothing was said."""
    is_final: bool = False
    """The engine will not revise `text` without new audio."""
    is_speaking: bool = False
    """The caller is speaking right now."""
    verdict: Verdict | None = None
    """What the newest sound is, made while the agent speaks; None: not known (yet)."""
    has_silenced: bool = False
    """It silenced the agent: by its sound it is no echo."""
    is_answer: bool = False
    """It did so when the reply was as good as over: the caller's next turn."""
    over: str = ""
    """All that the agent said until then, if this began before its end: perhaps it is an echo."""
    guesses: int = 0
    """Replies that were started before this utterance was over."""
    signal: TurnSignal | None = None
    """The provider's last word on the turn with this `text`."""
    closing: float | None = None
    """How likely a sentence ends with this `text`, by who wrote it down; None: not told."""
    is_ended: bool = False
    """The provider has heard the turn end with this `text`, whatever our own ear hears since."""
    net: Net | None = None
    """Set when the turn was over, be it that the caller went on."""
    awaits_judgement: bool = False
    """Somebody listens to how the present pause sounds, and has not answered."""
    probability: float | None = None
    """That the turn is over, by the sound of the present pause; None: not judged."""

    @property
    def has_speech(self) -> bool:
        return self.is_speaking or self.speech_end > float("-inf")

    @property
    def is_transcribed(self) -> bool:
        """Whether `text` covers everything that was said; 20 ms of rounding is allowed."""
        return not self.is_speaking and self.through >= self.speech_end - 0.02


@dataclass(slots=True)
class Attempt:
    """The reply or phrase that is being made or is sounding."""

    reply_id: int
    user: str | None
    """The caller's words that it answers; None for a phrase."""
    phrase: PhraseKind | None
    """Which stock phrase it is; None for the model's own words."""
    digits: str = ""
    """The keys pressed that `user` tells of."""
    is_audible: bool = False
    clauses: int | None = None
    """How many it has; None while it is being written."""
    is_bridged: bool = False
    """A filler was heard while it was waited for; `user` is settled."""
    tells: bool = False
    """It was to tell what tools had answered and no reply had told; a guess that goes leaves it."""
    tool_calls: tuple[ToolCall, ...] = ()
    """What the model wants done, of a guess that is written and not committed yet."""
    round: ToolRound | None = None
    """What it has had done."""
    rounds: int = 0
    """Replies to the same words before it whose tools were asked."""
    faults: int = 0
    """Of those, how many called a tool wrongly."""
    must_tell: bool = False
    """What those tools answer is to be told, or their call broke off: another reply follows."""
    was_heard: bool = False
    """To its end; it is still on the floor because its tools have not answered."""
    ending: HangUp | None = None
    """What follows once it was heard to its end; None: it is the caller's turn."""


@dataclass(slots=True)
class Floor:
    """One conversation."""

    config: Config
    tier: Tier
    history: History
    waits: Waits
    state: State = State.NEW
    utterance: Utterance = field(default_factory=Utterance)
    attempt: Attempt | None = None
    guess: Attempt | None = None
    """A reply begun before the turn is over; see `speculation`."""
    ledger: PlayoutLedger = field(default_factory=PlayoutLedger)
    spoken: str = ""
    """What the agent said last and to its end, reply or phrase."""
    spoken_until: float = float("-inf")
    """When that was heard to its end, loop clock."""
    turn: int = 0
    """Number of the caller's latest turn; 0 before the first."""
    last_reply_id: int = 0
    last_token: int = 0
    tokens: dict[Timer, int] = field(default_factory=dict)
    """The token of each running timer."""
    digits: str = ""
    """Keys pressed and not yet answered."""
    reprompts_left: int = 0
    owes_warning: bool = False
    """The call is nearly over, and nobody was silent yet to be told so."""
    failures: int = 0
    """Turns in a row that ended in an apology."""
    filler: int | None = None
    """The `reply_id` of the filler that was said since the agent last said anything else."""
    last_filler: str = ""
    """The filler that was said last; the next one is another."""
    end_reason: EndReason | None = None
    """Why the call is to be hung up after the phrase that is being said."""
    next_step: NextStep | None = None
    """What is to be done for the caller then."""
    last_request_id: int = 0
    asked: dict[int, tuple[ToolRound, ToolCall]] = field(default_factory=dict)
    """The tools that have not answered yet, by request."""
    has_untold: bool = False
    """A tool has answered whose question the caller had left for another one, and no reply has
    been begun since."""

    def next_reply_id(self) -> int:
        """A new call-unique id of an attempt."""
        self.last_reply_id += 1
        return self.last_reply_id

    def note_heard(self, attempt: Attempt, text: str) -> None:
        """What the caller heard of a reply or phrase is history."""
        if attempt.round is not None:
            attempt.round.said = text
        elif attempt.phrase is not PhraseKind.GREETING:
            self.history.add_agent(text)

    def start_timer(self, timer: Timer, delay_s: float) -> StartTimer:
        """Start (or replace) a timer."""
        self.last_token += 1
        self.tokens[timer] = self.last_token
        return StartTimer(timer, self.last_token, delay_s)

    def stop_timer(self, timer: Timer) -> list[Command]:
        """Stop a timer if it runs."""
        return [StopTimer(timer)] if self.tokens.pop(timer, None) is not None else []

    def say(self, phrase: PhraseKind, text: str, *, begins_within_s: float) -> list[Command]:
        """Make a stock phrase the thing that is being said, watched by the playback timer."""
        reply_id = self.next_reply_id()
        self.attempt = Attempt(reply_id, user=None, phrase=phrase)
        self.ledger.clear()
        return [Say(reply_id, text, phrase), self.start_timer(Timer.PLAYBACK, begins_within_s)]

    def say_and_listen(self, phrase: PhraseKind, text: str) -> list[Command]:
        """Say a stock phrase after which it is the caller's turn."""
        self.state = State.SPEAKING
        return self.say(phrase, text, begins_within_s=self.config.call.last_net_s)

    def is_current(self, reply_id: int) -> bool:
        """Whether an event is about the attempt of now; others are echoes of dropped ones."""
        return self.attempt is not None and self.attempt.reply_id == reply_id
