"""Short things said by synthetic voices, for `barge`: backchannels and interruptions alike.

Uses espeak-ng and the shipped Piper voice. Both kinds are said by the same voices, so that no rule
can tell them by who speaks; the voices of the half that is reported are others than those of the
half that was tuned on (but for Piper's, which is one).
"""

import subprocess
import tomllib
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from benches.daemon import CONFIG
from benches.prompts import RATE_HZ
from voxd.audio.g711 import decode_mulaw
from voxd.audio.resample import resample
from voxd.engines.local.piper_worker import PiperWorker

ESPEAK_VOICES = (
    ("en-us", "en-us+f2", "en-gb+m3", "en-gb-scotland+f5", "en-us+m7"),
    ("en-gb-x-rp+m1", "en-us+f4", "en-gb-scotland+m2", "en-us+f3", "en-gb+m6"),
)
"""Of the half that is tuned on, of the half that is reported."""
PIPER = "piper"
PIPER_SCALES = ((0.9, 1.1), (0.8, 1.0))
"""Speeds of Piper's voice in each half."""

BACKCHANNELS = {
    "Uh-huh.": "[[V'hV]]",
    "Mm-hmm.": "[[m'hm]]",
    "Mhm.": "[[mh'm:]]",
    "Yeah.": "yeah",
    "Okay.": "okay",
    "Right.": "right",
    "I see.": "I see",
    "Sure.": "sure",
}
"""Words -> how espeak is told to say them."""
REQUESTS = (
    "Wait, that is not what I asked for.",
    "No, no, the other one please.",
    "Stop, I have another question.",
    "Can you say that again?",
    "Excuse me, how much does it cost?",
    "Hold on a second.",
    "Sorry, what did you say?",
    "I already told you my name.",
    "Let me speak to a person.",
    "But I need it tomorrow morning.",
)
"""What callers interrupt with."""


@dataclass(frozen=True, slots=True)
class Speaker:
    """Who says something, and how fast."""

    voice: str
    """Of espeak-ng, or `PIPER`."""
    speed: float
    """Words a minute for espeak, `length_scale` for Piper."""


class Voices:
    """The synthetic voices; loads Piper once."""

    def __init__(self) -> None:
        options = dict(tomllib.loads(CONFIG.read_text(encoding="utf-8"))["engines"]["piper"])
        options["voice"] = str(CONFIG.parent / options["voice"])
        self._level_dbfs = options["level_dbfs"]
        self._piper = PiperWorker()
        self._piper.load(options)
        # Without chance in it, the same text sounds the same in every run.
        self._piper._voices[""].config.noise_scale = 0.0
        self._piper._voices[""].config.noise_w_scale = 0.0
        self._said: dict[tuple[Speaker, str], NDArray[np.int16]] = {}

    def say(self, speaker: Speaker, text: str) -> NDArray[np.int16]:
        """int16, 8 kHz, mono, with little silence around it."""
        key = speaker, text
        if key not in self._said:
            make = self.piper if speaker.voice == PIPER else self._espeak
            self._said[key] = make(speaker, text)
        return self._said[key]

    def piper(self, speaker: Speaker, text: str) -> NDArray[np.int16]:
        """As the daemon would have it said."""
        pieces: list[bytes] = []
        params = {"text": text, "length_scale": speaker.speed, "level_dbfs": self._level_dbfs}
        self._piper.run("speak", params, b"", lambda _, mulaw: pieces.append(mulaw), lambda: False)
        return decode_mulaw(b"".join(pieces))

    def _espeak(self, speaker: Speaker, text: str) -> NDArray[np.int16]:
        words = BACKCHANNELS.get(text, text)
        command = ["espeak-ng", "-v", speaker.voice, "-s", str(round(speaker.speed)), "--stdout"]
        wav = subprocess.run([*command, words], check=True, capture_output=True).stdout
        pcm = np.frombuffer(wav[44:], "<i2") / 32768
        resampled = resample(pcm.astype(np.float32), 22050, RATE_HZ)
        return np.rint(resampled * 32000).astype(np.int16)


def choose_speaker(rng: np.random.Generator, half: int) -> Speaker:
    """One of a half's voices, at some speed."""
    if rng.random() < 0.3:
        return Speaker(PIPER, float(rng.choice(PIPER_SCALES[half])))
    return Speaker(str(rng.choice(ESPEAK_VOICES[half])), float(rng.choice((140, 165, 190))))
