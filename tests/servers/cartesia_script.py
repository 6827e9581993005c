"""What the loopback Cartesia server is told to do, and what it writes down."""

from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from tests.servers.tone_speech import tone_speech

KEY = "test-key"
MODELS = ("sonic-3", "sonic-3-2026-01-12", "sonic-3-2025-10-27", "sonic-3.5", "sonic-latest")
SUNSET = ("sonic-2-2025-03-07", "sonic-turbo", "sonic", "sonic-english", "sonic-multilingual")


class Trouble(StrEnum):
    """What may go wrong while an input is spoken."""

    ERROR = "error"
    """An error that names the context; `Fault.status` and `Fault.code`."""
    ERROR_WITHOUT_CONTEXT = "error without context"
    STALL = "stall"
    """The socket stays open, nothing more comes."""
    CLOSE = "close"
    """The socket is closed with `Fault.status` as its code."""
    DROP = "drop"
    """The TCP connection is reset."""
    GARBAGE = "garbage"
    """A message that is no JSON."""
    BAD_AUDIO = "bad audio"
    """A chunk whose data is no base64."""
    NO_AUDIO = "no audio"
    """The input is answered as if it had no sound."""
    UNKNOWN_TYPE = "unknown type"
    """A message of a kind that no document names; then it goes on."""


@dataclass(frozen=True, slots=True)
class Fault:
    """One scripted mishap."""

    trouble: Trouble
    after: int = 0
    """Chunks of the input that are sent first."""
    status: int = 500
    code: str | None = None
    garbage: str = "{"


@dataclass(frozen=True, slots=True)
class Refusal:
    """How a connection is refused."""

    status: int = 0
    """HTTP status; 0: the TCP connection is dropped in mid-handshake; -1: no answer ever."""
    retry_after: str = ""


@dataclass(slots=True)
class Script:
    """How the server behaves; may be changed at any time."""

    key: str = KEY
    """Empty: none is wanted."""
    refusal: Refusal | None = None
    """What happens to every new connection until it is taken away."""
    fault: Fault | None = None
    """What happens to every input until it is taken away."""
    first_audio_s: float = 0.0
    """From an input to its first chunk."""
    chunk_s: float = 0.1
    """Audio in one chunk, seconds."""
    speed: float = 20.0
    """How many times faster than real time audio is made; 0: at once."""
    context_life_s: float = 1.0
    """A context expires this long after its last audio."""
    idle_s: float = 300.0
    """A socket without messages is closed after this long."""
    generating: int = 100
    """Contexts that may generate at one time; more are refused with 429."""
    speech: Callable[[str], bytes | AsyncIterator[bytes]] = tone_speech
    """Text to mu-law 8 kHz: all of it, or word by word as it is made, every word equally long."""


@dataclass(frozen=True, slots=True)
class Heard:
    """One message of the client."""

    at: float
    """Seconds of `time.monotonic`."""
    connection: int
    context_id: str
    transcript: str | None
    """None for a cancel."""
    is_continued: bool = False
    is_flush: bool = False
    generation: dict[str, Any] = field(default_factory=dict)
    """Its `generation_config`."""
    language: str = ""


@dataclass(frozen=True, slots=True)
class Sent:
    """One message to the client."""

    at: float
    """Seconds of `time.monotonic`."""
    connection: int
    context_id: str
    kind: str
    mulaw_bytes: int = 0
