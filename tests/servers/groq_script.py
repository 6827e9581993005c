"""What the loopback Groq server is told to do, and what it writes down."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Literal

KEY = "test-key"
MODELS = ("openai/gpt-oss-20b", "openai/gpt-oss-120b", "qwen/qwen3.8-27b")


class Trouble(StrEnum):
    """What may go wrong in a reply."""

    STATUS = "status"
    """Answer with `Fault.status` instead."""
    STALL_BEFORE_HEADERS = "stall before headers"
    STALL = "stall"
    ERROR_EVENT = "error event"
    """`event: error`, then the end."""
    ERROR_LINE = "error line"
    """A data line with an `error` key, then the end."""
    DROP = "drop"
    """The TCP connection is reset."""
    END = "end"
    """The stream ends as if it were whole, without finish reason and `[DONE]`."""
    GARBAGE = "garbage"
    STOPPED = "stopped"
    """A last chunk with `x_groq.error`."""


@dataclass(frozen=True, slots=True)
class Fault:
    """One scripted mishap."""

    trouble: Trouble
    after: int = 0
    """Content tokens that are sent first."""
    status: int = 500
    code: str = "internal_server_error"
    retry_after: str = ""
    garbage: bytes = b"data: {\n\n"


def echo(text: str) -> list[str]:
    """The scripted reply to the caller's last words, token by token."""
    words = f"You said: {text}" if text else "Hello."
    return [word if n == 0 else f" {word}" for n, word in enumerate(words.split(" "))]


@dataclass(frozen=True, slots=True)
class Answering:
    """A whole answer."""

    tokens: tuple[str, ...] = ()
    tools: tuple[Mapping[str, Any], ...] = ()
    """As `Script.tools`."""


def whole_call(name: str, arguments: str, number: int = 0) -> dict[str, Any]:
    """A call in one delta, as Groq sends it."""
    function = {"name": name, "arguments": arguments}
    return {"index": number, "id": f"fc_{number}", "type": "function", "function": function}


@dataclass(slots=True)
class Script:
    """How the server behaves; may be changed at any time."""

    dialect: Literal["groq", "openai"] = "groq"
    key: str = KEY
    """Empty: none is wanted."""
    models: tuple[str, ...] = MODELS
    reply: Callable[[str], list[str]] = echo
    first_token_s: float = 0.0
    token_s: float = 0.0
    reasoning: tuple[str, ...] = ()
    """Tokens of thinking; each takes `token_s` whether it is shown or not."""
    tools: tuple[Mapping[str, Any], ...] = ()
    """`delta.tool_calls` entries, one per chunk, after the text."""
    answer: Callable[[list[dict[str, Any]]], Answering] | None = None
    """The messages to what is answered; instead of `reply` and `tools`."""
    models_fault: Fault | None = None
    models_together: int = 1
    """Model lists are answered only when this many are asked for at once, as a network's slowness
    would have it; a loopback answers the first before the second comes."""
    fault: Fault | None = None
    """What happens to every reply until it is taken away."""


@dataclass(frozen=True, slots=True)
class Exchange:
    """One request and what was sent for it; seconds of `time.monotonic`."""

    path: str
    body: dict[str, Any]
    connection: int
    received_at: float
    headers: dict[str, str]
    sent: list[tuple[float, str]] = field(default_factory=list)
    """Each content token with the time when it was written."""
