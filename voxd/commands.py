"""Everything the brain may ask for: the one command vocabulary. Pure data.

`Conversation.handle(event)` answers with a list of these; a shell (`voxd.call.live` on a
media stream, `voxd.call.turns` over TwiML) performs them in order. Commands carry
text, never audio, so that either shell can drive the same conversation.

Commands order, in the imperative. A command that can fail reports by an event.
"""

from dataclasses import dataclass
from enum import StrEnum
from typing import Literal

from voxd.events import EndReason, Timer, ToolCall


@dataclass(frozen=True, slots=True)
class ToolSpec:
    """A tool as the model is told of it."""

    name: str
    description: str
    parameters: str
    """JSON schema of the arguments, an object, as JSON text."""


@dataclass(frozen=True, slots=True)
class Message:
    """One message of a prompt."""

    role: Literal["system", "user", "assistant", "tool"]
    content: str
    tools: tuple[ToolSpec, ...] = ()
    """Of the system message: what the model may call. They stand here, and not beside the
    messages, because they are read ahead, compared and passed on with the prompt."""
    examples: tuple["Message", ...] = ()
    """Of the system message: turns that show a model on this machine what it is to do. They are
    no part of the conversation, and providers do not get them."""
    tool_calls: tuple[ToolCall, ...] = ()
    """Of an assistant's message: what it called. A `tool` message for each follows."""
    tool_call_id: str = ""
    """Of a `tool` message: which call its content answers."""


class PhraseKind(StrEnum):
    """Why a stock phrase is said."""

    GREETING = "greeting"
    REPROMPT = "reprompt"
    DID_NOT_CATCH = "did_not_catch"
    TOO_SLOW = "too_slow"
    FILLER = "filler"
    """Bridges the wait for a reply that is committed and goes on being made."""
    FAILURE = "failure"
    GOODBYE = "goodbye"
    TRANSFERRING = "transferring"
    BRIDGE = "bridge"
    """A filler for the wait on tools: no reply is being made before which it could go."""
    TIME_WARNING = "time_warning"
    """The longest duration of a call is nearly over."""
    MACHINE_MESSAGE = "machine_message"
    """For the machine that answered an outbound call."""
    CLOSING = "closing"
    """The daemon stops, and the call with it."""


@dataclass(frozen=True, slots=True)
class Command:
    """Base of all commands."""


@dataclass(frozen=True, slots=True)
class Say(Command):
    """Speak a stock phrase (from the cache where it is rendered). Always committed.

    Reports as a reply does: ClauseWritten, ClauseStarted … PlaybackFinished with `reply_id`.

    A filler goes before the committed reply that has no audio yet. Where there is none such, or
    the filler would have to be rendered first, it is left out and nothing is reported.
    """

    reply_id: int
    text: str
    phrase: PhraseKind


@dataclass(frozen=True, slots=True)
class PreparePrompt(Command):
    """Have the language model read these messages ahead of a reply (prefill its KV cache)."""

    messages: tuple[Message, ...]


@dataclass(frozen=True, slots=True)
class StartReply(Command):
    """Make a reply: language model, clauses, text-to-speech. Sounds only once committed."""

    turn: int
    """1, 2, 3 … the caller's turns of the call."""
    reply_id: int
    """Unique in the call, over replies and phrases."""
    committed: bool
    """True: speak as soon as there is audio. False: hold at the gate until `CommitReply`."""
    messages: tuple[Message, ...]
    is_follow_up: bool = False
    """It tells what tools have answered that a reply before it had asked."""


@dataclass(frozen=True, slots=True)
class CommitReply(Command):
    """Open the gate for an attempt started with `committed=False`."""

    reply_id: int


@dataclass(frozen=True, slots=True)
class DropReply(Command):
    """Forget an attempt or reply: stop making it; nothing more of it may sound.

    Audio already sent keeps playing unless `ClearPlayback` follows.
    """

    reply_id: int


@dataclass(frozen=True, slots=True)
class ClearPlayback(Command):
    """Empty the caller's playback buffer (Twilio's `clear`)."""


@dataclass(frozen=True, slots=True)
class HoldPlayback(Command):
    """Be silent at once, but keep what the caller has not heard of this reply.

    `ResumePlayback` or `DropReply` follows. Held, it is still being made.
    """

    reply_id: int


@dataclass(frozen=True, slots=True)
class ResumePlayback(Command):
    """Go on where the caller stopped hearing, at a word's beginning where one can be told.

    The clause in question reports `ClauseStarted` once more, with the seconds heard before.
    """

    reply_id: int


@dataclass(frozen=True, slots=True)
class Transcribe(Command):
    """Get the words of the utterance so far, now. Answered by `TranscriptReceived`."""

    speech_end: float
    """Audio time of the pause that asks; the answer's `through` is at least this."""


@dataclass(frozen=True, slots=True)
class JudgeTurn(Command):
    """Have it judged by the sound whether the caller has finished. Answered by `TurnJudged`.

    Replaces an earlier one that has no answer yet.
    """

    speech_end: float
    """Audio time of the pause that asks."""


@dataclass(frozen=True, slots=True)
class EndTurn(Command):
    """Note in the journal that the caller's turn is over (the time called `turn_end`)."""

    turn: int
    speech_end: float
    """Audio time of the caller's last voiced frame of the turn."""
    reason: str
    """Which rule decided: `complete`, `unknown`, `incomplete`, `digits` …"""
    wait_s: float = 0.0
    """Silence that the rule asked for, seconds since `speech_end`."""


@dataclass(frozen=True, slots=True)
class CloseUtterance(Command):
    """What was said up to `until` is dealt with: later transcripts begin after it."""

    until: float
    """Audio time."""


@dataclass(frozen=True, slots=True)
class AwaitPause(Command):
    """Report `PauseReached` once the present pause is this long; replaces an earlier one.

    Speech cancels it. When the pause is already that long, the report comes at once.
    """

    pause_s: float
    """Seconds of audio since `speech_end`."""


@dataclass(frozen=True, slots=True)
class StartTimer(Command):
    """Report `TimerFired(timer, token)` after a while; replaces the same timer."""

    timer: Timer
    token: int
    delay_s: float


@dataclass(frozen=True, slots=True)
class StopTimer(Command):
    """Stop a timer; harmless when it is not running."""

    timer: Timer


@dataclass(frozen=True, slots=True)
class CallTool(Command):
    """Ask one of the operator's tools. Answered by one `ToolReturned`, always, within its deadline.

    It is not taken back: what it does may have happened.
    """

    request_id: int
    """Unique in the call."""
    name: str
    """A key of `[tools]`."""
    arguments: str
    """A JSON object, judged by the tool's schema."""


@dataclass(frozen=True, slots=True)
class SendDigits(Command):
    """Press keys towards the far end: tones on a media stream, `<Play digits>` in TwiML.

    Behind what is being said, if anything is.
    """

    reply_id: int
    """Unique in the call, over replies and phrases."""
    digits: str
    """Of `0123456789*#ABCD`, and `w` for half a second of silence."""


@dataclass(frozen=True, slots=True)
class Transfer:
    """What comes after the stream: connect the caller to somebody else (`<Dial>`)."""

    number: str
    """E.164, from the config, never from the model."""


@dataclass(frozen=True, slots=True)
class TakeMessage:
    """What comes after the stream: `leave_message` is said, and a message recorded (`<Record>`)."""


NextStep = Transfer | TakeMessage


@dataclass(frozen=True, slots=True)
class HangUp(Command):
    """End the call's transport. Reason and next step decide what `/twilio/after` answers.

    `voxd.telemetry.calls` remembers both by CallSid.
    """

    reason: EndReason
    next_step: NextStep | None = None
    """What the telephone company is to do then; None: nothing but what the reason asks for."""
