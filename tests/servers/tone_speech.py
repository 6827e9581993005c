"""Sound that stands for speech on the loopback servers: audible, as long as the text, no words."""

import functools
import zlib

import numpy as np

from voxd.audio.g711 import encode_mulaw

RATE_HZ = 8000
CHARACTERS_PER_S = 14.0
SYLLABLES_PER_S = 4.0
LEVEL = 3000
"""Peak, of 32767: quiet."""


@functools.lru_cache(maxsize=256)
def tone_speech(text: str) -> bytes:
    """Mu-law 8 kHz: a hum with a syllable's rise and fall, whose pitch depends on the text."""
    samples = round(max(len(text.strip()) / CHARACTERS_PER_S, 0.1) * RATE_HZ)
    time_s = np.arange(samples) / RATE_HZ
    pitch_hz = 110 + zlib.crc32(text.encode()) % 80
    hum = sum(np.sin(2 * np.pi * pitch_hz * n * time_s) / n for n in (1, 2, 3, 5))
    # Never wholly silent: a hole in the agent's audio must mean that something went wrong.
    envelope = 0.35 + 0.65 * np.abs(np.cos(np.pi * SYLLABLES_PER_S * time_s))
    return encode_mulaw((LEVEL * envelope * hum / 2).astype(np.int16))
