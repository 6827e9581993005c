"""Which of Twilio's voices says a turn, and with what SSML. Pure; used by `turns`.

Amazon Polly has its voices in families: standard, neural and generative. A family that a language
lacks gives way to the one before it. Names: Twilio, "Text-to-speech" (November 2026).

Of SSML voxd needs only `<prosody>`, for an agent's speed and volume. Standard voices know all of
it, neural ones rate and volume; for generative ones Amazon's own pages disagree, and a tag that a
voice lacks makes the verb fail, so they get none. Nor do voices of other makers.
Source: Amazon Polly, "Supported SSML tags".
"""

import math
import re
from dataclasses import dataclass

from voxd.twilio.twiml import say_language

_FAMILIES = ("standard", "neural", "generative")
_SUFFIXES = {"standard": "", "neural": "-Neural", "generative": "-Generative"}
_VOICES = {
    "de": {"standard": "Vicki", "neural": "Vicki", "generative": "Vicki"},
    "en": {"standard": "Joanna", "neural": "Joanna", "generative": "Joanna"},
    "es": {"standard": "Mia", "neural": "Mia"},
    "fr": {"standard": "Lea", "neural": "Lea", "generative": "Lea"},
    "it": {"standard": "Bianca", "neural": "Bianca"},
    "nl": {"standard": "Lotte", "neural": "Laura"},
    "pt": {"standard": "Camila", "neural": "Camila"},
}
_HAS_PROSODY = re.compile(r"Polly\.[A-Za-z]+(-Neural)?", re.ASCII)
MAX_VOLUME_DB = 4.0
"""Polly takes up to about +4.08 dB."""


@dataclass(frozen=True, slots=True)
class SayVoice:
    """How `<Say>` speaks."""

    name: str = ""
    """Its `voice`; empty: Twilio's own for the language."""
    language: str = ""
    """Its `language`, with a region; empty: the voice's own."""
    rate: str = ""
    """Of `<prosody>`; empty: the voice's own."""
    volume: str = ""


def choose_voice(
    language: str, family: str, own: str = "", speed: float = 1.0, volume: float = 1.0
) -> SayVoice:
    """The voice of a call.

    Args:
        language: BCP-47 primary subtag.
        family: `standard`, `neural` or `generative`.
        own: the agent's own voice as Twilio names it (`Polly.Lupe-Neural`), which goes before the
            tier's; it brings its language along.
        speed: factor on the voice's speed; `volume` on its loudness (amplitude). Without effect
            where the voice has no SSML for it.
    """
    name = own or _name_of(language, family)
    region = "" if own else say_language(language)
    if not _HAS_PROSODY.fullmatch(name):
        return SayVoice(name, region)
    decibels = min(20 * math.log10(volume), MAX_VOLUME_DB)
    return SayVoice(
        name,
        region,
        rate="" if speed == 1.0 else f"{speed:.0%}",
        volume="" if volume == 1.0 else f"{decibels:+.1f}dB",
    )


def _name_of(language: str, family: str) -> str:
    known = _VOICES.get(language, {})
    for candidate in reversed(_FAMILIES[: _FAMILIES.index(family) + 1]):
        if candidate in known:
            return f"Polly.{known[candidate]}{_SUFFIXES[candidate]}"
    return ""
