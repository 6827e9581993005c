"""What the loopback Cartesia server refuses, each with the reason. Pure."""

import re
from collections.abc import Mapping
from typing import Any, get_args

from cartesia.types import GenerationConfig

from tests.servers.cartesia_script import MODELS, SUNSET

_FIELDS = {
    *("context_id", "model_id", "transcript", "voice", "output_format", "language", "locale"),
    *("continue", "flush", "duration", "max_buffer_delay_ms", "add_timestamps"),
    *("add_phoneme_timestamps", "use_normalized_timestamps", "generation_config"),
    *("pronunciation_dict_id", "normalization", "speed"),
}
_MAY_CHANGE = {"transcript", "continue", "duration", "flush"}
_FORMAT = {"container": "raw", "encoding": "pcm_mulaw", "sample_rate": 8000}
_RANGES = {"speed": (0.6, 1.5), "volume": (0.5, 2.0)}
# The words of cartesia 4.2.0, types/generation_config.py, copied there and not from voxd.
_EMOTIONS = frozenset(get_args(get_args(GenerationConfig.model_fields["emotion"].annotation)[0]))
# The tags that the original knows in a transcript; any other would be read aloud, or be refused.
_TAG = re.compile(
    r"\[laughter\]|<emotion value=\"[a-z]+\"/>|<(?:speed|volume) ratio=\"[0-9.]+\"/>"
    r"|<break time=\"[0-9.]+m?s\"/>|</?spell>"
)
_MARKUP = re.compile(r"[<>\[\]{}*`|\\]|emotion value|ratio=")
_VERSION = re.compile(r"20\d\d-\d\d-\d\d")


class Refused(Exception):
    """An input is refused."""

    def __init__(self, title: str, *, status: int = 400, code: str | None = None) -> None:
        self.title = title
        self.status = status
        self.code = code
        super().__init__(title)


def judge_handshake(
    headers: Mapping[str, str], query: Mapping[str, str], key: str
) -> tuple[int, str] | None:
    """Status and reason when a connection must be refused."""
    authorization = headers.get("Authorization", "")
    if key and authorization != f"Bearer {key}":
        return 401, "unauthorized"
    version = headers.get("Cartesia-Version") or query.get("cartesia_version", "")
    if not _VERSION.fullmatch(version) or version < "2026-03-01":
        return 400, "the version is missing or not one of this server"
    return None


def judge_input(body: Mapping[str, Any]) -> None:
    """Raise `Refused` for an input that is wrong by itself."""
    if unknown := set(body) - _FIELDS:
        raise Refused(f"unknown fields {sorted(unknown)}")
    for name, kind in (("context_id", str), ("transcript", str), ("model_id", str)):
        if not isinstance(body.get(name), kind):
            raise Refused(f"{name} is missing")
    if body["model_id"] in SUNSET:
        raise Refused("Model sunset", code="model_sunsetted")
    if body["model_id"] not in MODELS:
        raise Refused("Invalid model", code="model_not_found")
    voice = body.get("voice")
    voice_id = voice.get("id") if isinstance(voice, dict) else voice
    if not isinstance(voice_id, str) or not voice_id:
        raise Refused("voice is missing or no id")
    if isinstance(voice, dict) and "__experimental_controls" in voice:
        raise Refused("__experimental_controls are gone")
    if body.get("output_format") != _FORMAT:
        raise Refused("this server makes only raw pcm_mulaw 8000")
    if ("language" in body) == ("locale" in body):
        raise Refused("either language or locale")
    delay = body.get("max_buffer_delay_ms", 3000)
    if type(delay) is not int or not 0 <= delay <= 5000:
        raise Refused("max_buffer_delay_ms must be within 0 and 5000")
    if not body["transcript"] and body.get("continue") and not body.get("flush"):
        raise Refused("an empty transcript must end or flush the context")
    if "generation_config" in body:
        _judge_generation(body["generation_config"])
    if _MARKUP.search(_TAG.sub("", body["transcript"])):
        raise Refused("the transcript has markup in it, which would be spoken")


def judge_repetition(first: Mapping[str, Any], body: Mapping[str, Any]) -> None:
    """Raise `Refused` when an input of a context differs from its first."""
    for name in _FIELDS - _MAY_CHANGE:
        if first.get(name) != body.get(name):
            raise Refused(f"{name} changed within the context")


def _judge_generation(config: Any) -> None:
    if not isinstance(config, dict) or set(config) - {*_RANGES, "emotion"}:
        raise Refused("generation_config is wrong")
    for name, (low, high) in _RANGES.items():
        value = config.get(name, 1.0)
        if not isinstance(value, int | float) or not low <= value <= high:
            raise Refused(f"{name} must be within {low} and {high}")
    if "emotion" in config and config["emotion"] not in _EMOTIONS:
        raise Refused("emotion must be one of the words")
    if not config:
        raise Refused("an empty generation_config says nothing")
