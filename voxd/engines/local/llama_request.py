"""What is asked of the language model's worker and what it answers. Pure data.

Used between `llama_worker` (frames) and `llama_batch` (steps), and by the tests of both.
"""

from dataclasses import dataclass

from voxd.commands import Message
from voxd.engines.local.protocol import CANCELLED

SUPERSEDED = "superseded"
"""`finish_reason` of a `prepare` whose place a newer request of the same call took."""


@dataclass(frozen=True, slots=True)
class Request:
    """A reply to write, or a prompt to read ahead of one."""

    id: int
    call_id: str
    messages: tuple[Message, ...]
    max_tokens: int
    """Most tokens of the reply; 0: only read the prompt (`prepare`)."""
    temperature: float
    urgency: tuple[float, ...]
    """Lower goes first; its first item is the priority."""
    seed: int
    """Of the choice of tokens, 32 bits."""
    call_grammar: str = ""
    """What a reply that begins as a call of a tool must be; empty: there are no tools."""
    head: int = 1
    """So many messages begin every prompt of the agent and always stay: the system prompt and
    examples. Counts only where a system prompt is the first."""

    @property
    def writes(self) -> bool:
        """A reply is wanted."""
        return self.max_tokens > 0


@dataclass(frozen=True, slots=True)
class Started:
    """The request is being computed."""

    id: int


@dataclass(frozen=True, slots=True)
class Text:
    """Whole characters of a reply."""

    id: int
    text: str


@dataclass(frozen=True, slots=True)
class Finished:
    """The request is complete."""

    id: int
    prompt_tokens: int
    cached_tokens: int
    """Of the prompt, how many were in the KV cache."""
    completion_tokens: int
    finish_reason: str
    """`stop`, `length`, `prepared` or `SUPERSEDED`."""
    dropped_messages: int
    """How many of the oldest messages did not fit."""


@dataclass(frozen=True, slots=True)
class Failed:
    """The request is over without a result."""

    id: int
    category: str
    """A `Category`, or `protocol.CANCELLED`."""
    message: str


Answer = Started | Text | Finished | Failed


def cancelled(request: Request) -> Failed:
    """The answer to a request that was stopped."""
    return Failed(request.id, CANCELLED, "cancelled")


def superseded(request: Request) -> Finished:
    """The answer to a `prepare` that never ran, because something newer came."""
    return Finished(request.id, 0, 0, 0, SUPERSEDED, 0)
