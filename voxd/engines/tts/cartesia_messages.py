"""Cartesia's WebSocket messages: ours to JSON-able fields, theirs to dataclasses. Pure.

Used by `cartesia` (what is said) and `cartesia_sockets` (what is heard). Messages are decoded here
and not by the SDK, which validates nothing and takes five times as long for each piece of audio.

Nothing of the provider's own sentences is kept: they may quote what was to be spoken. An error's
code, one word, is.
"""

import binascii
import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import orjson

from voxd.contracts import LINE_RATE_HZ, Delivery
from voxd.engines.failure import decode_retry_after, decode_word, judge_status
from voxd.errors import Category

OUTPUT_FORMAT = {"container": "raw", "encoding": "pcm_mulaw", "sample_rate": LINE_RATE_HZ}
"""The line's own format: what comes is sent on untouched."""
MIN_SPEED, MAX_SPEED = 0.6, 1.5
MIN_VOLUME, MAX_VOLUME = 0.5, 2.0
"""What the service takes (cartesia 4.2.0, types/generation_config.py)."""
UNSPACED = frozenset({"zh", "ja", "th"})
"""Languages written without spaces between sentences."""


@dataclass(frozen=True, slots=True)
class WordTime:
    """When one word is spoken."""

    word: str
    start_s: float
    """Seconds from the first sample of the audio it belongs to."""
    end_s: float


@dataclass(frozen=True, slots=True)
class Audio:
    """A piece of speech."""

    context_id: str
    mulaw: bytes


@dataclass(frozen=True, slots=True)
class WordTimes:
    """When words of a context are spoken, from the context's first sample."""

    context_id: str
    words: tuple[WordTime, ...]


@dataclass(frozen=True, slots=True)
class Flushed:
    """Everything that was sent before a flush has been spoken."""

    context_id: str


@dataclass(frozen=True, slots=True)
class Done:
    """The context is over."""

    context_id: str


@dataclass(frozen=True, slots=True)
class Failed:
    """Something went wrong."""

    context_id: str
    """Empty: every context of the socket is concerned."""
    category: Category
    message: str
    """For people: constant words, a status, a code."""
    retry_after_s: float | None = None


Message = Audio | WordTimes | Flushed | Done | Failed


def encode_fields(
    model: str,
    voice: str,
    language: str,
    *,
    has_word_times: bool = False,
) -> dict[str, Any]:
    """What every input of one context repeats unchanged, beside its `generation_config`."""
    return {
        "model_id": model,
        "voice": {"mode": "id", "id": voice},
        "language": language,
        "output_format": OUTPUT_FORMAT,
        "max_buffer_delay_ms": 0,  # we send whole clauses; the default is to wait 3 s for more
        "add_timestamps": has_word_times,
    }


def encode_delivery(
    delivery: Delivery, speed: float, volume: float, emotion: str
) -> dict[str, float | str]:
    """The `generation_config` of a delivery: only what differs from the voice's own.

    Args:
        speed, volume: the engine's factors, on which the delivery's come.
        emotion: the engine's word, where the delivery has none.
    """
    generation: dict[str, float | str] = {
        "speed": round(min(max(speed * delivery.speed, MIN_SPEED), MAX_SPEED), 3),
        "volume": round(min(max(volume * delivery.volume, MIN_VOLUME), MAX_VOLUME), 3),
        "emotion": delivery.emotion or emotion,
    }
    return {name: value for name, value in generation.items() if value not in (1.0, "")}


def encode_clause(
    fields: Mapping[str, Any], context_id: str, text: str, *, is_last: bool
) -> list[dict[str, Any]]:
    """The messages that have one clause spoken; its end is a `Flushed`, the last one's a `Done`."""
    if not is_last and fields["language"] not in UNSPACED:
        text += " "  # the server joins the clauses of a context as they are
    shared = {**fields, "context_id": context_id}
    clause = {**shared, "transcript": text, "continue": not is_last}
    if is_last:
        return [clause]
    return [clause, {**shared, "transcript": "", "continue": True, "flush": True}]


def encode_cancel(context_id: str) -> dict[str, Any]:
    """The message after which nothing new of a context is begun."""
    return {"context_id": context_id, "cancel": True}


def decode_message(raw: bytes | str) -> Message | None:
    """Judge one message of the server.

    Returns:
        None for what is of no use here, kinds that are not known among them.

    Raises:
        ValueError: nonsense; constant words.
    """
    try:
        body = orjson.loads(raw)
    except orjson.JSONDecodeError:
        raise ValueError("a message is no JSON") from None
    if not isinstance(body, dict):
        raise ValueError("a message is no object")
    kind = body.get("type")
    context_id = body.get("context_id") or ""
    if not isinstance(context_id, str):
        raise ValueError("a message has a context_id that is no text")
    if kind == "error":
        return judge_error(context_id, body.get("status_code"), body.get("error_code"))
    if kind not in ("chunk", "timestamps", "flush_done", "done"):
        return None
    if not context_id:
        raise ValueError("a message lacks its context_id")
    if kind == "chunk":
        return _decode_audio(context_id, body.get("data"))
    if kind == "timestamps":
        return _decode_words(context_id, body.get("word_timestamps"))
    return Flushed(context_id) if kind == "flush_done" else Done(context_id)


def judge_error(
    context_id: str, status: object, code: object, retry_after: str | None = None
) -> Failed:
    """What an error means: of a context, or as the answer to the handshake."""
    word = decode_word(code)
    number = status if isinstance(status, int) else 500
    message = f"{number} {word}".strip()
    return Failed(context_id, judge_status(number, word), message, decode_retry_after(retry_after))


def _decode_audio(context_id: str, data: object) -> Audio | Failed:
    try:
        if not isinstance(data, str):
            raise ValueError
        return Audio(context_id, binascii.a2b_base64(data, strict_mode=True))
    except ValueError:  # binascii.Error is one
        return Failed(context_id, Category.SERVER, "a piece of audio is no base64")


def _decode_words(context_id: str, times: object) -> WordTimes | None:
    """Word times are an extra: nonsense in them is left out and never costs the speech."""
    if not isinstance(times, dict):
        return None
    columns = [times.get(key) for key in ("words", "start", "end")]
    if not all(isinstance(column, list) for column in columns):
        return None
    words = tuple(
        WordTime(word, float(start), float(end))
        for word, start, end in zip(*columns, strict=False)
        if isinstance(word, str) and _is_time(start) and _is_time(end)
    )
    return WordTimes(context_id, words)


def _is_time(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
