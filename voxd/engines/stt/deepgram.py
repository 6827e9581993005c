"""Speech to text with Deepgram's Nova models (`/v1/listen`). I/O through the shared link.

The line's mu-law goes up untouched. Words come as interims about once a second and as finals at
Deepgram's own idea of a pause; `Finalize`, sent at ours, makes them come at once. A turn signal
is made of `speech_final` (perhaps over: `endpointing_s` of silence), `SpeechStarted` (resumed)
and `UtteranceEnd` (over: no word for the tier's `utterance_end_s`).
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from dataclasses import replace
from functools import partial
from typing import Any, Self

from pydantic import Field, model_validator

from voxd.config import Table, read_secret
from voxd.contracts import DEFAULT_HINTS, LINE_RATE_HZ, Capabilities, TurnHints
from voxd.engines.registry import Services
from voxd.engines.stt.deepgram_engine import DeepgramSpeechToText
from voxd.engines.stt.deepgram_link import Control, DeepgramLink
from voxd.engines.stt.deepgram_stream import Failure
from voxd.engines.stt.deepgram_words import decode_code, decode_number, decode_words
from voxd.engines.stt.segments import Segment
from voxd.engines.stt.transcript_tracker import Heard
from voxd.errors import Category
from voxd.events import Kind, TurnSignal

LANGUAGES = ("en", "es", "fr", "de", "it", "pt", "nl", "hi", "ja", "ru")
"""Those that nova-3 understands even mixed; each model knows more or fewer."""

CAPABILITIES = Capabilities(Kind.STT, is_local=False, languages=LANGUAGES, expected_latency_s=0.15)

MESSAGE_BYTES = 480
"""60 ms of mu-law, for a third of the messages. What is asked for at a pause is no later by it:
`Finalize` goes after all audio before it."""
UTTERANCE_END_FLOOR_MS = 1000
"""Deepgram refuses less at the handshake."""


class Settings(Table):
    """`[engines.deepgram]`."""

    model: str = Field("nova-3", pattern=r"^[a-z0-9-]+$")
    languages: tuple[str, ...] = Field(LANGUAGES, min_length=1)
    base_url: str = Field("", pattern=r"^(https?://[^/\s?#]+)?$")
    smart_format: bool = True
    punctuate: bool = True
    endpointing_s: float = Field(0.3, ge=0, le=5)
    keyterms: tuple[str, ...] = Field((), max_length=100)
    connect_s: float = Field(2.0, ge=0.1, le=10)
    result_s: float = Field(2.0, ge=0.2, le=30)

    @model_validator(mode="after")
    def keyterms_are_understood(self) -> Self:
        if self.keyterms and not self.model.startswith("nova-3"):
            raise ValueError("keyterms need a nova-3 model")
        return self


def encode_listen(
    settings: Settings, language: str, hints: TurnHints = DEFAULT_HINTS
) -> dict[str, Any]:
    """The query of `/v1/listen`, in the SDK's words."""
    query: dict[str, Any] = {
        "model": settings.model,
        "language": language,
        "encoding": "mulaw",
        "sample_rate": LINE_RATE_HZ,
        "channels": 1,
        "interim_results": True,
        "smart_format": settings.smart_format,
        "punctuate": settings.punctuate,
        "vad_events": hints.vad_events,
        "endpointing": round(settings.endpointing_s * 1000) or False,
    }
    if hints.utterance_end_s:
        wanted_ms = round(hints.utterance_end_s * 1000)
        query["utterance_end_ms"] = max(UTTERANCE_END_FLOOR_MS, wanted_ms)
    if settings.keyterms:
        query["keyterm"] = list(settings.keyterms)
    return query


def decode_message(message: Any) -> Heard | Failure | None:
    """A message of `/v1/listen`. Its fields are unchecked: any of them may be missing."""
    match getattr(message, "type", None):
        case "Results":
            return _decode_results(message)
        case "UtteranceEnd":
            last_word_end = decode_number(message.last_word_end)
            if last_word_end is None:
                return None
            return Heard(signal=TurnSignal.END, last_word_end=last_word_end)
        case "SpeechStarted":
            return Heard(signal=TurnSignal.RESUMED)
        case "Error":
            code = decode_code(message.variant)
            is_ours = code == "SchemaError"  # it could not parse what we sent
            return Failure(Category.BAD_REQUEST if is_ours else Category.SERVER, code)
        case _:
            return None


def _decode_results(message: Any) -> Heard | None:
    start, duration = decode_number(message.start), decode_number(message.duration)
    alternatives = getattr(message.channel, "alternatives", None)
    if start is None or duration is None or not alternatives:
        return None
    text = getattr(alternatives[0], "transcript", None)
    if not isinstance(text, str):
        return None
    words = decode_words(getattr(alternatives[0], "words", None))
    is_final, is_requested = bool(message.is_final), bool(message.from_finalize)
    # A pause that we told it of is no judgement of its own.
    is_end = bool(message.speech_final) and not is_requested
    return Heard(
        Segment(start, start + duration, text.strip(), words),
        is_final=is_final,
        is_requested=is_final and is_requested,
        signal=TurnSignal.EAGER_END if is_end else None,
    )


class NovaDialect:
    """See `deepgram_stream.Dialect`."""

    keep_alive = Control.KEEP_ALIVE
    on_flush = Control.FINALIZE
    least_bytes = MESSAGE_BYTES

    def decode(self, message: Any) -> Heard | Failure | None:
        return decode_message(message)


@contextlib.asynccontextmanager
async def open_engine(
    name: str, settings: Settings, services: Services
) -> AsyncIterator[DeepgramSpeechToText]:
    """Load the SDK. A missing key is told by `warm` and `open_stream`, so that others may stand
    in for this engine."""
    key = read_secret("DEEPGRAM_API_KEY")
    reach = settings.base_url, settings.connect_s
    link = await asyncio.to_thread(DeepgramLink, name, key, *reach, versions=("v1",))
    yield DeepgramSpeechToText(
        name,
        replace(CAPABILITIES, languages=settings.languages),
        link,
        "v1",
        NovaDialect(),
        partial(encode_listen, settings),
        settings.result_s,
    )
