"""What the core expects of an engine. Pure: protocols and plain data, no engine.

All sound in these contracts is *the line's own format*: G.711 mu-law, 8000 Hz, mono, one byte
a sample. Cloud providers take and give it untouched; local engines convert once, inside their
worker process and off the event loop. Rejected: a format negotiated per engine. Nothing but
telephony is served, and the negotiation would be the only code that could get it wrong.

Every method may raise `voxd.errors.EngineError` and nothing else (but `CancelledError`).
"""

from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import AbstractAsyncContextManager, contextmanager
from dataclasses import dataclass, field
from enum import IntEnum, StrEnum
from typing import Protocol

from voxd.commands import Message, ToolSpec
from voxd.errors import EngineError
from voxd.events import Kind, ToolCall, TurnSignal
from voxd.line import FRAME_BYTES as FRAME_BYTES
from voxd.line import FRAME_S as FRAME_S
from voxd.line import LINE_RATE_HZ as LINE_RATE_HZ
from voxd.line import MULAW_SILENCE as MULAW_SILENCE

PROBE_CALL_ID = "probe"
"""What probes ask engines under; no CallSid of Twilio's looks like it."""


class Priority(IntEnum):
    """Who computes first when there is a queue; lower goes first (design: room)."""

    COMMITTED = 0
    """A turn that is over: somebody waits in silence."""
    GREETING = 1
    """Setting up a new call: its greeting, its prompt."""
    SPECULATION = 2
    """Work that may be thrown away."""
    SHADOW = 3
    """Keeping a local sequence warm beside a cloud call."""
    PROBE = 4
    """Asking whether an engine is well."""


class Urgency:
    """The priority of all work for one attempt at a reply; it may rise while that goes on.

    A reply begun before the turn is over is `SPECULATION`, and `COMMITTED` from the moment at
    which the turn ends with the same words. Its requests share this one object, so that those
    which wait in a queue are moved up and those still to come are urgent from the beginning.
    """

    def __init__(self, priority: Priority = Priority.COMMITTED) -> None:
        self._priority = priority
        self._followers: list[Callable[[Priority], None]] = []

    @property
    def priority(self) -> Priority:
        """The priority of now."""
        return self._priority

    def raise_to(self, priority: Priority) -> None:
        """Make it this urgent; nothing happens when it is already."""
        if priority < self._priority:
            self._priority = priority
            for follower in tuple(self._followers):
                follower(priority)

    @contextmanager
    def followed_by(self, follower: Callable[[Priority], None]) -> Iterator[None]:
        """Tell `follower` of every rise while the context lasts."""
        self._followers.append(follower)
        try:
            yield
        finally:
            self._followers.remove(follower)


class EngineState(StrEnum):
    """How an engine is doing."""

    STARTING = "starting"
    HEALTHY = "healthy"
    DEGRADED = "degraded"
    EJECTED = "ejected"
    PROBING = "probing"


@dataclass(frozen=True, slots=True)
class Capabilities:
    """What an engine declares; the core asks this instead of `isinstance`."""

    kind: Kind
    is_local: bool
    """Runs on this machine: no account, no network."""
    languages: tuple[str, ...]
    """BCP-47 primary subtags (`en`, `es`); empty means any."""
    expected_latency_s: float
    """Declared time to the first result, the prior until traffic has been seen."""


@dataclass(frozen=True, slots=True)
class EngineStatus:
    """One engine for `/health`."""

    name: str
    kind: Kind
    state: EngineState
    queued: int = 0
    """Requests waiting in the daemon's scheduler."""
    active: int = 0
    """Requests being worked on."""
    restarts: int = 0
    """Times its worker process was started again."""
    latency_p50_s: float | None = None
    latency_p95_s: float | None = None
    """Time to the first result over recent requests, seconds; None before any."""
    detail: dict[str, str | int | float] = field(default_factory=dict)
    """Anything else worth showing (pid, model file, sequences in use); no secrets."""


class Engine(Protocol):
    """What every engine has."""

    @property
    def name(self) -> str:
        """Its name in config.toml and in records."""
        ...

    @property
    def capabilities(self) -> Capabilities: ...

    def status(self) -> EngineStatus: ...

    async def warm(self) -> None:
        """Return once a request would be served at full speed; idempotent, costs nothing."""
        ...

    async def probe(self) -> float:
        """The cheapest real request that exercises what a caller's request would.

        Runs at `Priority.PROBE`, costs next to nothing and leaves nothing behind; never two at
        once for one engine (`voxd.engines.prober`).

        Returns:
            Seconds to its first result, to be compared with callers' requests: what a caller
            never waits for, such as making a connection, is not part of it.
        """
        ...


# --- speech to text -------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Transcript:
    """Words of the utterance so far."""

    text: str
    """Everything since the last `forget`, not a delta; empty when it was not speech."""
    through: float
    """Audio time up to which `text` covers what was pushed."""
    is_final: bool
    signal: TurnSignal | None = None
    """What the engine says about the turn with this very text, if it judges turns at all."""
    closing: float | None = None
    """How likely a sentence ends with the last word, 0 to 1; None: the engine does not tell."""
    took_s: float = field(default=0.0, compare=False)
    """How long the engine worked on it, where it may have begun before it was asked."""


class TranscriptStream(Protocol):
    """One call's way into a speech-to-text engine. Push, flush, iterate, close.

    `push`, `speech_started`, `quiet`, `flush` and `forget` never block and never raise: a failure
    comes out of the iteration as `EngineError`, which ends the stream.
    """

    def push(self, mulaw: bytes, at: float) -> None:
        """Give the next audio (mu-law 8 kHz); `at` is the audio time of its *end*."""
        ...

    def speech_started(self, at: float) -> None:
        """The caller began to speak at this audio time (within a second before the present)."""
        ...

    def quiet(self, since: float) -> None:
        """The caller has been quiet since this audio time, too shortly yet for a pause: a `flush`
        of it may follow. Who has nothing better to do may begin; nobody is answered."""
        ...

    def flush(self, speech_end: float) -> None:
        """Ask for a transcript that covers everything up to `speech_end`, now."""
        ...

    def forget(self, until: float) -> None:
        """The utterance up to this audio time is dealt with; later text begins after it."""
        ...

    def __aiter__(self) -> AsyncIterator[Transcript]: ...


@dataclass(frozen=True, slots=True)
class TurnHints:
    """What a tier wants to be told of turns; an engine that cannot tell ignores it."""

    utterance_end_s: float = 1.0
    """The turn is over after this long without a word; 0: that is not to be told."""
    vad_events: bool = False
    """When speech begins is told; it can take an end back."""


DEFAULT_HINTS = TurnHints()
"""For whoever has no tier."""


class SpeechToText(Engine, Protocol):
    """Turns a caller's speech into words."""

    def open_stream(
        self, call_id: str, language: str, hints: TurnHints = DEFAULT_HINTS
    ) -> AbstractAsyncContextManager[TranscriptStream]:
        """Open one call's stream; leaving the context closes it and frees what it held."""
        ...


# --- language model -------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class ReplyRequest:
    """One attempt at a reply."""

    call_id: str
    reply_id: int
    messages: tuple[Message, ...]
    max_tokens: int
    """Most tokens to generate, the cap on what is spoken (150)."""
    temperature: float
    urgency: Urgency = field(default_factory=Urgency, compare=False)

    @property
    def tools(self) -> tuple[ToolSpec, ...]:
        """What the model may call; they stand in the prompt's system message."""
        return self.messages[0].tools if self.messages else ()

    @property
    def priority(self) -> Priority:
        """How urgent it is now."""
        return self.urgency.priority


@dataclass(frozen=True, slots=True)
class Usage:
    """What one reply cost, in tokens."""

    prompt_tokens: int
    cached_tokens: int
    """Of the prompt, how many needed no computing."""
    completion_tokens: int
    finish_reason: str
    """`stop` or `length`."""


Piece = str | ToolCall | Usage
"""What a language model writes: text, what it wants done, and in the end the cost."""


class LanguageModel(Engine, Protocol):
    """Writes replies."""

    def stream_reply(self, request: ReplyRequest) -> AsyncIterator[Piece]:
        """Yield pieces of text as they are generated, then whole tool calls, then one `Usage`.

        An empty text is a sign of life: something that is not to be spoken is being written. A
        request without tools gets no calls; nobody has judged name and arguments of one.

        Cancelling the consumer (or closing the iterator) stops the generation within one step.
        """
        ...

    async def prepare(self, call_id: str, messages: Sequence[Message], priority: Priority) -> None:
        """Read a prompt ahead of the reply that will continue it (best effort)."""
        ...

    async def release(self, call_id: str) -> None:
        """The call is over: free its sequence. Harmless when there is none."""
        ...


# --- text to speech -------------------------------------------------------------------------

EMOTIONS = frozenset(
    "neutral happy excited enthusiastic elated euphoric triumphant amazed surprised flirtatious"
    " curious content peaceful serene calm grateful affectionate trust sympathetic anticipation"
    " mysterious angry mad outraged frustrated agitated threatened disgusted contempt envious"
    " sarcastic ironic sad dejected melancholic disappointed hurt guilty bored tired rejected"
    " nostalgic wistful apologetic hesitant insecure confused resigned anxious panicked alarmed"
    " scared proud confident distant skeptical contemplative determined".split()
)
"""Words for how something is said; those of Cartesia, which has the most."""


@dataclass(frozen=True, slots=True)
class Delivery:
    """How a clause is said. An engine does of it what it can and leaves the rest."""

    emotion: str = ""
    """One of `EMOTIONS`; empty for the voice's own."""
    speed: float = 1.0
    """Factor on the voice's own speed, 0.6 to 1.5."""
    volume: float = 1.0
    """Factor on the voice's own loudness (amplitude), 0.5 to 2."""
    has_laughter: bool = False
    """A laugh comes before the words."""

    @property
    def key(self) -> str:
        """The same as a short text, for caches; empty for the voice's own delivery."""
        if self == Delivery():
            return ""
        return f"{self.emotion} {self.speed:g} {self.volume:g} {self.has_laughter:d}"


PLAIN = Delivery()
"""As the voice speaks by itself."""


class Outlet(Protocol):
    """Where the audio of a reply goes, for who must know how much of it can still be taken back.

    Seconds are those of the clause that is being spoken, from its first sample.
    """

    @property
    def sent_s(self) -> float:
        """Seconds of the clause that the line has: the caller will hear them."""
        ...

    def hold_back(self, keep_s: float) -> float:
        """Set aside the audio beyond `keep_s`, as far as the line does not have it.

        Until `release` it does not sound, and the clause's next audio replaces it.

        Returns:
            Seconds of the clause that remain.
        """
        ...

    def release(self) -> None:
        """Let sound what was set aside."""
        ...


@dataclass(frozen=True, slots=True)
class SpeechRequest:
    """What the clauses of one reply have in common."""

    call_id: str
    reply_id: int
    language: str
    """BCP-47 primary subtag."""
    voice: str
    """The engine's own name of a voice; empty for its default."""
    urgency: Urgency = field(default_factory=Urgency, compare=False)
    outlet: Outlet | None = field(default=None, compare=False)
    """Where the audio goes; None: nobody can take anything back."""

    @property
    def priority(self) -> Priority:
        """How urgent it is now."""
        return self.urgency.priority


class SpeechStream(Protocol):
    """One reply's way into a text-to-speech engine, clause after clause."""

    def speak(
        self, text: str, *, is_last: bool, delivery: Delivery = PLAIN
    ) -> AsyncIterator[bytes]:
        """Yield the mu-law of one clause in pieces of any size.

        Clauses of one stream are spoken one at a time. Closing the iterator stops the work.
        """
        ...


class TextToSpeech(Engine, Protocol):
    """Speaks replies."""

    def open_speech(self, request: SpeechRequest) -> AbstractAsyncContextManager[SpeechStream]:
        """Open the stream of one reply; leaving the context drops what is unfinished."""
        ...


# --- the end of a turn ----------------------------------------------------------------------


class TurnJudge(Engine, Protocol):
    """Tells by the sound of an utterance whether the caller has finished."""

    async def judge(self, call_id: str, mulaw: bytes, priority: Priority) -> float:
        """How likely the turn is over, 0 to 1.

        Args:
            mulaw: the utterance up to now, the beginning of its pause (0.1 to 0.3 s) included;
                it may look at the last seconds only.
        """
        ...


# --- health ---------------------------------------------------------------------------------


class HealthRecorder(Protocol):
    """Where calls report how engines serve them: `voxd.engines.health_board.HealthBoard`."""

    def record_result(self, engine: str, latency_s: float) -> None:
        """A caller's request got its first result after this long."""
        ...

    def record_error(self, error: EngineError) -> None:
        """A caller's request failed, or its engine was left for missing a hard deadline."""
        ...

    def record_late(self, engine: str, waited_s: float) -> None:
        """It delivered nothing for this long, and what another one delivered was used instead."""
        ...

    def record_switch(self, left: str, taken: str) -> None:
        """A call left one engine for another."""
        ...

    def record_hedge(self, engine: str, *, won: bool) -> None:
        """This engine was started beside a slow one; did it deliver first?"""
        ...

    def is_healthy(self, engine: str) -> bool:
        """May a call that left this engine come back to it?"""
        ...
