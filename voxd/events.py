"""Everything that can happen to a call: the one event vocabulary. Pure data.

Facts enter a call by one inbox (`voxd.call.live`) as these events and reach the brain
(`voxd.dialog.conversation`) one at a time. Events report, in the past tense.

Times are seconds on the event loop's clock. `at` is when the event was stamped, at the edge
where it happened. Fields called `speech_end`, `speech_start` or `through` are *audio time*:
the media timestamp mapped onto the same clock, so that both can be compared.
"""

from dataclasses import dataclass, field
from enum import StrEnum

from voxd.errors import Category, Phase


class Kind(StrEnum):
    """The kinds of engine."""

    STT = "stt"
    LLM = "llm"
    TTS = "tts"
    TURN = "turn"
    """Judges by the sound whether the caller has finished."""


class TurnSignal(StrEnum):
    """What a speech-to-text provider says about the caller's turn."""

    EAGER_END = "eager_end"
    """Perhaps over: worth starting a reply that may be thrown away."""
    RESUMED = "resumed"
    """Not over after all: takes an `EAGER_END` back."""
    END = "end"
    """Over, as far as the provider can tell."""


class Verdict(StrEnum):
    """What a sound from the caller's side is, while the agent speaks."""

    SPEECH = "speech"
    """Somebody takes the floor: the agent is to be silent at once."""
    UNSURE = "unsure"
    """Over, and it may have been a short word: its words decide."""
    NOISE = "noise"
    """Over, and nobody said anything: a cough, a door, the agent's own echo."""


class EndReason(StrEnum):
    """Why a call's transport ended; `/twilio/after` answers by it."""

    CALLER_HUNG_UP = "caller_hung_up"
    """Twilio sent `stop`."""
    LINE_LOST = "line_lost"
    """The socket closed without `stop`."""
    AGENT_HUNG_UP = "agent_hung_up"
    """The brain asked for it, after its last sentence was heard."""
    ANSWERED_BY_MACHINE = "answered_by_machine"
    """Of an outbound call: it has got its message, or was not to get one."""
    ENGINES_FAILED = "engines_failed"
    """Nothing could answer any more; the apology was spoken."""
    OPERATOR = "operator"
    """Somebody asked for it by `/api/calls`."""
    SHUTDOWN = "shutdown"
    """The daemon is stopping."""
    PROTOCOL = "protocol"
    """The peer broke the WebSocket protocol or its bounds."""
    BUG = "bug"
    """An unexpected exception in voxd ended this call."""


class Timer(StrEnum):
    """What a timer of the brain is for."""

    IDLE = "idle"
    """The caller has said nothing for a while."""
    TRANSCRIPT = "transcript"
    """The turn is over, its transcript is late."""
    NO_WORDS = "no_words"
    """The provider has heard the turn's end, our own ear hears something: no newer words came."""
    LAST_NET = "last_net"
    """The turn is over, no reply is audible yet: the last net."""
    FILLER = "filler"
    """The turn is over, no reply is audible yet: say that it is being made."""
    MAX_CALL = "max_call"
    """The call has reached its longest allowed duration."""
    TIME_WARNING = "time_warning"
    """Some time before that: the caller is to be told."""
    PLAYBACK = "playback"
    """Something that sounds should have come to its end by now."""
    DIGITS = "digits"
    """No further key was pressed for a while."""
    HELD = "held"
    """The agent is silent because of a sound, and nobody knows yet what it was."""


class AnsweredBy(StrEnum):
    """Who answered an outbound call; Twilio's words."""

    HUMAN = "human"
    UNKNOWN = "unknown"
    MACHINE_START = "machine_start"
    """A machine; nobody waited for the end of what it says."""
    MACHINE_END_BEEP = "machine_end_beep"
    """A machine has finished; now it records. So with the next two."""
    MACHINE_END_SILENCE = "machine_end_silence"
    MACHINE_END_OTHER = "machine_end_other"
    FAX = "fax"


@dataclass(frozen=True, slots=True)
class Event:
    """Base of all events."""

    at: float
    """Seconds, loop clock."""


# --- the line -----------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class CallStarted(Event):
    """The media stream (or the first TwiML turn) of a call began."""

    call_id: str
    """Twilio's CallSid."""
    parameters: dict[str, str] = field(default_factory=dict)
    """`customParameters` of Twilio's `start` without our token; untrusted text."""


@dataclass(frozen=True, slots=True)
class CallEnded(Event):
    """The transport is gone; nothing more can be said or heard."""

    reason: EndReason


@dataclass(frozen=True, slots=True)
class DigitPressed(Event):
    """The caller pressed a key."""

    digit: str
    """One of `0123456789*#ABCD`."""


@dataclass(frozen=True, slots=True)
class AnswererJudged(Event):
    """The telephone company has found out who answered the outbound call that goes on."""

    by: AnsweredBy


@dataclass(frozen=True, slots=True)
class CallClosing(Event):
    """The daemon stops, and this call has outlived the drain: say so, then end it."""


# --- the ear ------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class SpeechStarted(Event):
    """The caller began to speak (enough voiced frames in a row to be speech, not a click)."""

    speech_start: float
    """Audio time of the first voiced frame."""


@dataclass(frozen=True, slots=True)
class SpeechPaused(Event):
    """The caller stopped for the first short pause (about 100 ms); perhaps the turn is over."""

    speech_end: float
    """Audio time of the end of the last voiced frame."""


@dataclass(frozen=True, slots=True)
class SoundJudged(Event):
    """A sound was judged that began while the agent spoke. Only on tiers with interruptions.

    `SPEECH` comes at most once a sound, as soon as it is known; the other verdicts at its end,
    before `SpeechPaused`, and always one of them where `SPEECH` did not come.
    """

    speech_start: float
    """Audio time; equals the `SpeechStarted.speech_start` of the same sound."""
    verdict: Verdict


@dataclass(frozen=True, slots=True)
class PauseReached(Event):
    """The pause that `AwaitPause` asked about has become that long, in audio time."""

    speech_end: float
    """Audio time; equals the `SpeechPaused.speech_end` of the same pause."""
    pause_s: float
    """How long the caller has been silent, seconds of audio."""


@dataclass(frozen=True, slots=True)
class TranscriptReceived(Event):
    """Speech-to-text has words for the utterance so far."""

    text: str
    """The *whole* utterance since the last `CloseUtterance`, not a delta; empty for noise."""
    through: float
    """Audio time up to which `text` covers the caller's speech."""
    is_final: bool
    """False when the engine may still revise these words without new audio."""
    engine: str
    """Which engine heard it."""
    signal: TurnSignal | None = None
    """What that engine says about the caller's turn with these words; None: nothing new."""
    closing: float | None = None
    """How likely a sentence ends with the last word, 0 to 1; None: that engine does not tell."""


@dataclass(frozen=True, slots=True)
class TurnJudged(Event):
    """How a pause sounds was judged, as `JudgeTurn` asked; always answered, within a deadline."""

    speech_end: float
    """Audio time; equals the `SpeechPaused.speech_end` of the pause that was judged."""
    probability: float | None
    """How likely the caller has finished, 0 to 1; None: nobody could tell in time."""


@dataclass(frozen=True, slots=True)
class EngineFailed(Event):
    """An engine failed and no other of its kind could take over within the call."""

    kind: Kind
    engine: str
    category: Category
    phase: Phase
    reply_id: int | None = None
    """The attempt that is lost, when the failure belongs to one."""


@dataclass(frozen=True, slots=True)
class EngineSwitched(Event):
    """Another engine took over; for the journal, the brain need not act."""

    kind: Kind
    left: str
    taken: str
    category: Category


@dataclass(frozen=True, slots=True)
class HedgeStarted(Event):
    """An engine was started beside one that is late; for the journal."""

    kind: Kind
    engine: str


@dataclass(frozen=True, slots=True)
class HedgeEnded(Event):
    """An engine that was started beside a late one serves from now, or was not needed."""

    kind: Kind
    engine: str
    won: bool


# --- a reply being made -------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class ReplyRequested(Event):
    """The language model was asked."""

    reply_id: int
    engine: str


@dataclass(frozen=True, slots=True)
class FirstToken(Event):
    """The language model's first token arrived."""

    reply_id: int


@dataclass(frozen=True, slots=True)
class ClauseWritten(Event):
    """A speakable clause is complete as text and was handed to text-to-speech."""

    reply_id: int
    clause: int
    """0, 1, 2 … within the reply."""
    text: str
    engine: str
    """The text-to-speech engine, or `cache` for a stored rendering."""


@dataclass(frozen=True, slots=True)
class ClauseVoiced(Event):
    """The first audio of a clause came back from text-to-speech."""

    reply_id: int
    clause: int


@dataclass(frozen=True, slots=True)
class ToolCall:
    """A call of a tool, as the model wrote it."""

    id: str
    """The model's own name of the call; may be empty."""
    name: str
    arguments: str
    """JSON, as yet unjudged; `{}` where it wrote none."""


CUT_CALL = "cut_call"


@dataclass(frozen=True, slots=True)
class ReplyWritten(Event):
    """The language model finished; no further clause of this reply will come."""

    reply_id: int
    clauses: int
    """How many clauses there were; 0 means the model said nothing speakable."""
    finish_reason: str
    """`stop`, `length`, `cut` (the model broke off while its first clauses sounded), `CUT_CALL`
    (the same, while it wrote what it wants done) or `phrase` (a stock phrase, without a model)."""
    prompt_tokens: int = 0
    cached_tokens: int = 0
    """Prompt tokens that were already in the KV cache (or the provider's cache)."""
    completion_tokens: int = 0
    tool_calls: tuple[ToolCall, ...] = ()
    """What the model wants done before it says more."""


@dataclass(frozen=True, slots=True)
class ReplyWasted(Event):
    """An attempt was dropped of which the caller has heard nothing; for the journal."""

    reply_id: int
    completion_tokens: int
    """That the model had written by then; an estimate when it had not finished."""
    characters: int
    """That text-to-speech had been given by then."""


@dataclass(frozen=True, slots=True)
class ToolReturned(Event):
    """A tool that `CallTool` asked has answered, or never will."""

    request_id: int
    content: str
    """For the model: the answer, or what went wrong; bounded, never to be spoken as it is."""
    is_error: bool = False


# --- the mouth ----------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class ClauseStarted(Event):
    """The first frame of a clause was written to the line."""

    reply_id: int
    clause: int
    text: str
    heard_at: float
    """When the caller hears that frame, by the playback model (>= at)."""
    is_reply: bool
    """True for the model's own words; False for phrases (greeting, apology, filler)."""
    from_s: float = 0.0
    """Seconds of the clause before that frame. Above 0, the clause goes on after a hold; a clause
    that was not heard at all before the hold is started a second time, from 0."""


@dataclass(frozen=True, slots=True)
class SpokenWord:
    """When one word of a clause has been spoken."""

    word: str
    """As it is spoken, which for numbers and the like is not as it is written."""
    end_s: float
    """Seconds from the clause's first sample."""


@dataclass(frozen=True, slots=True)
class ClauseMeasured(Event):
    """A clause that has been started is complete as sound: now it is known how long it lasts."""

    reply_id: int
    clause: int
    duration_s: float
    """Seconds of audio in the clause."""
    words: tuple[SpokenWord, ...] = ()
    """In order; empty where text-to-speech does not tell."""


@dataclass(frozen=True, slots=True)
class ClauseSent(Event):
    """The last frame of a clause and its mark were written to the line."""

    reply_id: int
    clause: int
    duration_s: float
    """Seconds of audio in the clause."""


@dataclass(frozen=True, slots=True)
class ClauseHeard(Event):
    """The clause was played to its end at the caller's side."""

    reply_id: int
    clause: int
    is_estimated: bool
    """True when no mark came back and the playback model decided."""


@dataclass(frozen=True, slots=True)
class PlaybackFinished(Event):
    """The last clause of a reply was heard to its end."""

    reply_id: int


@dataclass(frozen=True, slots=True)
class PlaybackUnderran(Event):
    """The caller's buffer ran dry in the middle of a reply: a hole in the agent's audio."""

    reply_id: int
    gap_s: float
    """Seconds of silence the caller heard inside the reply."""


# --- time ---------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class TimerFired(Event):
    """A timer asked for by `StartTimer` ran out and was not stopped or replaced before."""

    timer: Timer
    token: int
    """The `StartTimer.token` of the timer; an old token is to be ignored."""
