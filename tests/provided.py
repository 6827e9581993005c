"""A daemon whose calls are served by the loopback providers: keys of config.toml for it, and words.

Many such calls are no work for this machine, and one is like the other: what is found to be amiss
in them was not brought about by a slow model.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from benches.providers import Delays
from voxd.audio.g711 import decode_mulaw
from voxd.caller.plan import Turn, build_turn
from voxd.caller.report import CallReport

SPEECH = Path(__file__).parent / "samples" / "speech"
TIERS = ("free", "starter", "pro", "enterprise")
QUICK = Delays(stt_s=0.1, llm_s=0.1, tts_s=0.05)
"""What the providers take; nothing is measured."""
CHAINS: Mapping[str, tuple[str, ...]] = {
    "stt": ("deepgram",),
    "llm": ("groq",),
    "tts": ("cartesia",),
    "turn": (),
}
"""Nothing stands in for a provider, and nothing is heard by a model of this machine."""


def provided(urls: Mapping[str, str], *tiers: str) -> dict[str, Any]:
    """Keys of config.toml with which calls of these tiers are served by providers alone.

    Args:
        urls: of each provider, by engine name.
        tiers: with all of `TIERS` the daemon needs no model, and starts at once.
    """
    keys: dict[str, Any] = {f"engines.{name}.base_url": url for name, url in urls.items()}
    for tier in tiers:
        keys |= {f"tiers.{tier}.{kind}": list(chain) for kind, chain in CHAINS.items()}
        keys[f"tiers.{tier}.filler_after_s"] = 0.0
    return keys


def say(name: str) -> Turn:
    """Recorded speech as a turn of a caller."""
    return build_turn(name, decode_mulaw((SPEECH / f"{name}.ulaw").read_bytes()).astype(np.int16))


def manner(report: CallReport) -> tuple[str, str, tuple[str, ...]]:
    """How a call was held and how it ended: the same in all calls in which nothing was amiss."""
    return str(report.outcome), report.ended_by, tuple(report.after)
