"""What a provider's refusal means: HTTP statuses and error words to categories. Pure.

The one such table, for all providers; what only one of them says in a way of its own (the close
codes of a socket, the types of a message) stays in that engine's file. The provider's own
sentence is never kept here: it may quote the conversation or the key. Its code, one word, is.
"""

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass

from voxd.errors import Category

DAY_S = 86_400.0

_BY_STATUS = {
    401: Category.AUTH,
    402: Category.QUOTA,
    403: Category.AUTH,
    408: Category.TIMEOUT,
    429: Category.RATE_LIMIT,
    498: Category.OVERLOADED,  # Groq: no capacity left in the flex tier
    499: Category.SERVER,  # Groq: cancelled on its side
    504: Category.TIMEOUT,
}
_BY_CODE = {
    "invalid_api_key": Category.AUTH,
    # A model that was shut down, or that this account may not use, fails every request alike.
    "model_not_found": Category.AUTH,  # Groq, OpenAI: 404; Cartesia
    "model_decommissioned": Category.AUTH,  # Groq: 400
    "model_sunsetted": Category.AUTH,  # Cartesia
    "not_found_error": Category.AUTH,  # Ollama, llama-server
    "NotFoundError": Category.AUTH,  # vLLM
    "insufficient_quota": Category.QUOTA,  # OpenAI: comes as 429, but waiting does not help
    "quota_exceeded": Category.QUOTA,  # Cartesia
    "rate_limit_exceeded": Category.RATE_LIMIT,
    "concurrency_limited": Category.OVERLOADED,  # Cartesia: 429 as well, but gone in a moment
}
"""Words that tell more than the status they come with."""
_BY_STREAM_CODE = {"invalid_request_error": Category.BAD_REQUEST}
"""Words that count only where there is no status: as a type they come with most."""
_WORD = re.compile(r"[A-Za-z][A-Za-z0-9_]{0,63}")


@dataclass(frozen=True, slots=True)
class Failure:
    """Why a request failed; who asked knows in which phase, unless it was the connecting."""

    category: Category
    message: str
    """For people: constant words, a status, a code."""
    is_connect: bool = False
    """No connection came about."""
    retry_after_s: float | None = None


def judge_status(status: int, code: str = "") -> Category:
    """What an HTTP status other than 200 means, or the one that a message carries.

    Args:
        code: the provider's word for the error, as `decode_word` gives it; empty: none.
    """
    by_status = Category.BAD_REQUEST if 400 <= status < 500 else Category.SERVER
    return _BY_CODE.get(code) or _BY_STATUS.get(status, by_status)


def judge_answer(status: int, body: object, retry_after: str | None) -> Failure:
    """What an HTTP answer other than 200 means.

    Args:
        body: the decoded answer, whatever it is.
        retry_after: the header of that name.
    """
    code = find_code(body)
    message = f"HTTP {status} {code}".strip()
    return Failure(
        judge_status(status, code), message, retry_after_s=decode_retry_after(retry_after)
    )


def judge_stream_error(body: object) -> Failure:
    """What an error event in the middle of a reply means."""
    code = find_code(body)
    category = _BY_STREAM_CODE.get(code) or _BY_CODE.get(code, Category.SERVER)
    return Failure(category, f"the stream ended with an error {code}".rstrip())


def find_code(body: object) -> str:
    """The one word that names an error, out of its body or its `error` object; else empty."""
    if isinstance(body, Mapping):
        inner = body.get("error")
        error = inner if isinstance(inner, Mapping) else body
        return decode_word(error.get("code")) or decode_word(error.get("type"))
    return ""


def decode_word(value: object) -> str:
    """A provider's constant word for an error; empty for anything else."""
    return value if isinstance(value, str) and _WORD.fullmatch(value) else ""


def decode_retry_after(header: str | None) -> float | None:
    """Seconds of a `retry-after` header below a day; None for a date, nonsense or none at all."""
    try:
        seconds = float(header or "")
    except ValueError:
        return None
    return seconds if math.isfinite(seconds) and 0 <= seconds < DAY_S else None
