"""How many words of the agent's a caller heard, by the sound itself; for `barge`. Runs Whisper."""

from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np

from benches.daemon import CONFIG
from benches.prompts import RATE_HZ
from benches.voices import PIPER, Speaker, Voices
from benches.words import normalize_words
from voxd.audio.resample import resample


@dataclass(frozen=True, slots=True)
class Cut:
    """What was played, and where it stopped."""

    clauses: list[tuple[str, float]]
    """As spoken, with the time at which the caller heard the beginning."""
    at: float
    """When the caller heard nothing more."""


def count_words(cut: Cut, voices: Voices) -> int | None:
    """Words heard to their end. None where Whisper does not find the words that were said."""
    count = 0
    for text, heard_at in cut.clauses:
        ends = _word_ends(text, voices)
        if ends is None:
            return None
        count += sum(bool(heard_at + end_s <= cut.at) for end_s in ends)
    return count


_known: dict[str, tuple[float, ...] | None] = {}


def _word_ends(text: str, voices: Voices) -> tuple[float, ...] | None:
    if text not in _known:
        pcm = (voices.say(Speaker(PIPER, 1.0), text) / 32768).astype(np.float32)
        segments, _ = _whisper().transcribe(
            resample(pcm, RATE_HZ, 16000), word_timestamps=True, language="en"
        )
        words = [word for segment in segments for word in segment.words]
        is_same = normalize_words(" ".join(word.word for word in words)) == normalize_words(text)
        is_one_to_one = len(words) == len(text.split())
        _known[text] = tuple(word.end for word in words) if is_same and is_one_to_one else None
    return _known[text]


@cache
def _whisper() -> Any:
    from faster_whisper import WhisperModel

    model = str(CONFIG.parent / "models" / "faster-whisper-tiny.en")
    return WhisperModel(model, device="cpu", compute_type="int8", cpu_threads=1)
