"""One question to a tool and its answer, as bytes. Pure.

The request is `POST` with a JSON body `{"tool", "arguments", "call_sid"}`. The answer's body is
for the model: JSON or text, of any shape.
"""

from dataclasses import dataclass
from typing import Any

import orjson

MAX_BYTES = 64 * 1024
"""Bound of an answer's body; a longer one is a failure."""
MAX_CONTENT_CHARS = 4000
"""What the model is told of an answer: about a thousand tokens. The rest is cut."""
MAX_REASON_CHARS = 500
"""The same of a refusal."""


@dataclass(frozen=True, slots=True)
class ToolAnswer:
    """What the model is told."""

    content: str
    is_error: bool = False


def encode_request(name: str, arguments: str, call_sid: str) -> bytes:
    """The body.

    Args:
        arguments: JSON that was judged.
    """
    asked: dict[str, Any] = {
        "tool": name,
        "arguments": orjson.Fragment(arguments),  # as it came: deeper than orjson writes, perhaps
        "call_sid": call_sid,
    }
    return orjson.dumps(asked)


def read_answer(status: int, body: bytes) -> ToolAnswer:
    """What the model is told of an answer. Never raises: a service may say anything."""
    text = _as_text(body)
    if 200 <= status < 300:
        return ToolAnswer(text[:MAX_CONTENT_CHARS] or "Done.")
    if 400 <= status < 500:  # it says what was wrong, and the model can ask otherwise
        return ToolAnswer(f"Refused ({status}). {text[:MAX_REASON_CHARS]}".strip(), is_error=True)
    return ToolAnswer(f"It failed ({status}).", is_error=True)


def _as_text(body: bytes) -> str:
    """JSON without its spaces; other text in one line."""
    try:
        return orjson.dumps(orjson.loads(body)).decode()
    except (orjson.JSONDecodeError, orjson.JSONEncodeError):  # no JSON, or nested without end
        return " ".join(body.decode("utf-8", "replace").split())
