"""Is the caller speaking? Pure; in audio time; the listener feeds it every sample of a call.

Each 10 ms frame is *voiced* when webrtcvad takes it for speech and its level passes three
thresholds: the configured minimum, the noise floor and the level of the speech just heard.
Speech starts (`SpeechOnset`) when enough frames within 120 ms are voiced, so that clicks and pops
do not; it ends (`SpeechOffset`) when no frame was voiced for `pause_s`.

The level thresholds are there for the *end*: webrtcvad alone goes on for 50 to 100 ms (medians)
after speech, and the noise under its hangover is what they refuse. Numbers without another source
were tuned on human telephone prompts (Debian's asterisk-core-sounds-en: one speaker, so other
voices are not proven) at -15 and -27 dBFS, with white and pink line noise at -75 to -50 dBFS.
`python -m benches.activity` measures on the same recordings, against separately made labels.

Known limit: a final stop that is released after more than `pause_s` of closure ("first", "lasts")
ends at the closure; the burst is too short to be speech again.
"""

import math
from collections import deque
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import webrtcvad

from voxd.config import Ear
from voxd.line import LINE_RATE_HZ

_FRAME_S = 0.01
_FRAME = round(_FRAME_S * LINE_RATE_HZ)
_FRAME_BYTES = 2 * _FRAME
_NOTHING = np.zeros(0, dtype=np.int16)
_ONSET_WINDOW_S = 0.12
_EPSILON_S = 1e-6
"""Audio times are floats of a few days in seconds: exact to well below a sample, not exactly."""

_SILENCE_DBFS = -100.0
_FULL_SCALE_DB = 10 * math.log10(_FRAME * 32768**2)
"""Energy of a frame of a full-scale square wave."""
_SILENT_ENERGY = 10 ** ((_SILENCE_DBFS + _FULL_SCALE_DB) / 10)
_TAIL_FRAMES = 15
_TAIL_DROP_DB = 10.0
"""Within 150 ms of a voiced frame the minimum level is this much lower: a soft final consonant
(20 to 30 dB below the vowels) goes on with speech that it could not begin."""
_ABOVE_FLOOR_DB = 7.0
"""10 ms of noise vary around their mean by 3 dB (pink) or 0.7 dB (white), standard deviation; in
tuning, 5 left more noise voiced after speech."""
_BELOW_SPEECH_DB = 30.0
"""Tuned: 28 cut more final fricatives, 34 left more breath and room after speech."""
_SPEECH_ATTACK = 0.5
_SPEECH_DECAY_DB = 0.1
"""A frame: 10 dB in a second, for callers who move away from the telephone."""
_FLOOR_UP = 0.05
_FLOOR_DOWN = 0.05
_FLOOR_CREEP_DB = 0.02
"""The floor follows frames without speech with a time constant of 200 ms; what webrtcvad takes
for speech and is too soft raises it by 2 dB in a second, or music would never become floor."""


@dataclass(frozen=True, slots=True)
class SpeechOnset:
    """The caller began to speak."""

    speech_start: float
    """Audio time of the start of the first voiced frame."""


@dataclass(frozen=True, slots=True)
class SpeechOffset:
    """The caller has paused for `pause_s`."""

    speech_end: float
    """Audio time of the end of the last voiced frame."""


class SpeechActivity:
    """Finds speech in one call's audio. Some 6 microseconds of work for 20 ms of sound."""

    def __init__(self, ear: Ear) -> None:
        self._vad = webrtcvad.Vad(ear.aggressiveness)
        self._pause_s = ear.pause_s
        self._min_dbfs = ear.min_level_dbfs
        self._onset_frames = math.ceil(ear.speech_onset_s / _FRAME_S - _EPSILON_S)
        self._rest = _NOTHING
        # Starts of the voiced frames that may become an onset; bounded by the window.
        self._candidates: deque[float] = deque(maxlen=round(_ONSET_WINDOW_S / _FRAME_S))
        self._is_speaking = False
        self._now: float | None = None
        self._last_voiced_at = 0.0
        self._voiced_at = float("-inf")
        self._frames_since_voiced = _TAIL_FRAMES
        self._floor_dbfs = ear.min_level_dbfs - _TAIL_DROP_DB
        self._speech_dbfs = ear.min_level_dbfs

    @property
    def is_speaking(self) -> bool:
        """True from an onset to the following offset."""
        return self._is_speaking

    @property
    def last_voiced_at(self) -> float:
        """Audio time of the end of the last voiced frame of speech.

        After an offset it equals its `speech_end` until the next onset: a click in a pause is no
        speech and does not shorten it. Before any speech, the time at which the audio began.
        """
        return self._last_voiced_at

    @property
    def voiced_at(self) -> float:
        """Audio time of the end of the last voiced frame, be it of speech, of a click, or of
        speech that is not certain yet; -inf before any."""
        return self._voiced_at

    @property
    def silence_s(self) -> float:
        """Seconds of audio since `last_voiced_at`; 0.0 before any audio."""
        return 0.0 if self._now is None else self._now - self._last_voiced_at

    def feed(self, pcm: npt.NDArray[np.int16], end_at: float) -> list[SpeechOnset | SpeechOffset]:
        """Take the next samples of the line.

        Args:
            pcm: int16, 8000 Hz, mono, any length; what does not fill a frame waits for more.
            end_at: audio time of the end of `pcm`; must not run backwards.

        Returns:
            What became known by them, in order; usually nothing.
        """
        if self._now is None:
            self._last_voiced_at = end_at - len(pcm) / LINE_RATE_HZ
        self._now = end_at
        if len(self._rest):
            pcm = np.concatenate((self._rest, pcm))
        left = len(pcm) % _FRAME
        # The line's messages are whole frames; anything else is somebody's experiment.
        self._rest = pcm[len(pcm) - left :].copy() if left else _NOTHING
        if left:
            pcm = pcm[: len(pcm) - left]
        found: list[SpeechOnset | SpeechOffset] = []
        raw, begin, later = pcm.tobytes(), 0, len(pcm) + left
        for level in _frame_levels(pcm):
            frame = raw[begin : begin + _FRAME_BYTES]
            begin += _FRAME_BYTES
            later -= _FRAME
            is_voiced = self._judge(self._vad.is_speech(frame, LINE_RATE_HZ, _FRAME), level)
            if is_voiced or self._is_speaking:
                self._advance(is_voiced, end_at - later / LINE_RATE_HZ, found)
        return found

    def _judge(self, is_speech: bool, level: float) -> bool:
        """Decide on one frame and let the floor and the speech level follow it."""
        self._frames_since_voiced += 1
        is_voiced = is_speech and level >= self._threshold_dbfs()
        if not is_speech:
            self._floor_dbfs += _FLOOR_UP * (level - self._floor_dbfs)
        elif level < self._floor_dbfs:
            self._floor_dbfs += _FLOOR_DOWN * (level - self._floor_dbfs)
        elif not is_voiced:
            self._floor_dbfs += _FLOOR_CREEP_DB
        if is_voiced:
            self._frames_since_voiced = 0
        if is_voiced and level > self._speech_dbfs:
            self._speech_dbfs += _SPEECH_ATTACK * (level - self._speech_dbfs)
        elif self._speech_dbfs > self._min_dbfs:
            self._speech_dbfs = max(self._min_dbfs, self._speech_dbfs - _SPEECH_DECAY_DB)
        return is_voiced

    def _threshold_dbfs(self) -> float:
        """The level that this frame must have to be voiced."""
        minimum = self._min_dbfs
        if self._frames_since_voiced <= _TAIL_FRAMES:
            minimum -= _TAIL_DROP_DB
        return max(
            minimum, self._floor_dbfs + _ABOVE_FLOOR_DB, self._speech_dbfs - _BELOW_SPEECH_DB
        )

    def _advance(
        self, is_voiced: bool, end: float, found: list[SpeechOnset | SpeechOffset]
    ) -> None:
        """Move between silence and speech by one frame that ends at audio time `end`."""
        start = end - _FRAME_S
        # The pause is looked at before the frame, because audio time may have been skipped.
        pause_end = start if is_voiced else end
        if self._is_speaking and pause_end - self._last_voiced_at >= self._pause_s - _EPSILON_S:
            self._is_speaking = False
            self._candidates.clear()
            found.append(SpeechOffset(self._last_voiced_at))
        if not is_voiced:
            return
        self._voiced_at = end
        if self._is_speaking:
            self._last_voiced_at = end
            return
        self._candidates.append(start)
        while self._candidates[0] < end - _ONSET_WINDOW_S - _EPSILON_S:
            self._candidates.popleft()
        if len(self._candidates) >= self._onset_frames:
            self._is_speaking = True
            self._last_voiced_at = end
            found.append(SpeechOnset(self._candidates[0]))
            self._candidates.clear()


def _frame_levels(whole: npt.NDArray[np.int16]) -> list[float]:
    """Return the level of each 10 ms frame, dBFS, 0 for a full-scale square wave."""
    # Squares of int16 and sums of 80 of them are whole numbers that float64 holds exactly.
    frames = whole.astype(np.float64).reshape(-1, _FRAME)
    return [
        10 * math.log10(energy) - _FULL_SCALE_DB if energy > _SILENT_ENERGY else _SILENCE_DBFS
        for energy in np.vecdot(frames, frames).tolist()
    ]
