"""Speech to text with Deepgram's Flux models (`/v2/listen`). I/O through the shared link.

Flux judges the turns itself and says so early (`EagerEndOfTurn`), which is what speculation
wants. It has no `Finalize`: a flush is answered by its newest result, several a second, and the
words are final only at its own `EndOfTurn`. `force_end_turn` makes every flush an end of turn:
final words sooner, but cut at each short pause.

It has no KeepAlive either: a stream without audio gets a little silence.
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from dataclasses import replace
from functools import partial
from typing import Any, Self

from pydantic import Field, model_validator

from voxd.config import Table, read_secret
from voxd.contracts import DEFAULT_HINTS, LINE_RATE_HZ, MULAW_SILENCE, Capabilities, TurnHints
from voxd.engines.registry import Services
from voxd.engines.stt.deepgram_engine import DeepgramSpeechToText
from voxd.engines.stt.deepgram_link import Control, DeepgramLink
from voxd.engines.stt.deepgram_stream import Failure
from voxd.engines.stt.deepgram_words import decode_code, decode_number, decode_words
from voxd.engines.stt.segments import Segment
from voxd.engines.stt.transcript_tracker import Heard
from voxd.errors import Category
from voxd.events import Kind, TurnSignal

CAPABILITIES = Capabilities(Kind.STT, is_local=False, languages=("en",), expected_latency_s=0.15)

MESSAGE_BYTES = 640
"""80 ms of mu-law, what Deepgram recommends for Flux."""
MULTILINGUAL = "flux-general-multi"

SIGNALS = {
    "EagerEndOfTurn": TurnSignal.EAGER_END,
    "TurnResumed": TurnSignal.RESUMED,
    "EndOfTurn": TurnSignal.END,
}


class Settings(Table):
    """`[engines.deepgram-flux]`."""

    model: str = Field("flux-general-en", pattern=r"^flux-[a-z0-9-]+$")
    languages: tuple[str, ...] = Field(("en",), min_length=1)
    base_url: str = Field("", pattern=r"^(https?://[^/\s?#]+)?$")
    eot_threshold: float = Field(0.7, ge=0.5, le=0.9)
    eager_eot_threshold: float = Field(0.5, ge=0, le=0.9)
    eot_timeout_s: float = Field(5.0, ge=0.5, le=10)
    force_end_turn: bool = False
    keyterms: tuple[str, ...] = Field((), max_length=100)
    connect_s: float = Field(2.0, ge=0.1, le=10)
    result_s: float = Field(2.0, ge=0.2, le=30)

    @model_validator(mode="after")
    def thresholds_are_in_order(self) -> Self:
        eager = self.eager_eot_threshold
        if eager and not 0.3 <= eager <= self.eot_threshold:
            raise ValueError("eager_eot_threshold must be 0 (off) or 0.3 to eot_threshold")
        return self


def encode_listen(
    settings: Settings, language: str, hints: TurnHints = DEFAULT_HINTS
) -> dict[str, Any]:
    """The query of `/v2/listen`, in the SDK's words."""
    query: dict[str, Any] = {
        "model": settings.model,
        "encoding": "mulaw",
        "sample_rate": LINE_RATE_HZ,
        "eot_threshold": settings.eot_threshold,
        "eot_timeout_ms": round(settings.eot_timeout_s * 1000),
    }
    if settings.eager_eot_threshold:
        query["eager_eot_threshold"] = settings.eager_eot_threshold
    if settings.keyterms:
        query["keyterm"] = list(settings.keyterms)
    if settings.model == MULTILINGUAL:
        query["language_hint"] = [language]
    return query


def decode_message(message: Any) -> Heard | Failure | None:
    """A message of `/v2/listen`. Its fields are unchecked: any of them may be missing."""
    match getattr(message, "type", None):
        case "TurnInfo":
            return _decode_turn(message)
        case "Error":
            code = decode_code(message.code)
            return Failure(Category.SERVER, code)
        case _:
            return None


def _decode_turn(message: Any) -> Heard | None:
    start = decode_number(message.audio_window_start)
    end = decode_number(message.audio_window_end)
    text = message.transcript
    if start is None or end is None or not isinstance(text, str):
        return None
    # An end that a flush of ours forced is no judgement of Flux's.
    is_forced = message.trigger == "manual"
    return Heard(
        Segment(start, end, text.strip(), decode_words(message.words)),
        is_final=message.event == "EndOfTurn",
        is_requested=is_forced,
        signal=None if is_forced else SIGNALS.get(str(message.event)),
    )


class FluxDialect:
    """See `deepgram_stream.Dialect`."""

    keep_alive = bytes([MULAW_SILENCE]) * MESSAGE_BYTES
    least_bytes = MESSAGE_BYTES

    def __init__(self, *, force_end_turn: bool) -> None:
        self.on_flush = Control.FORCE_END_TURN if force_end_turn else None

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
    link = await asyncio.to_thread(DeepgramLink, name, key, *reach, versions=("v2",))
    yield DeepgramSpeechToText(
        name,
        replace(CAPABILITIES, languages=settings.languages),
        link,
        "v2",
        FluxDialect(force_end_turn=settings.force_end_turn),
        partial(encode_listen, settings),
        settings.result_s,
    )
