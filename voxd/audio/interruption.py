"""Does somebody take the floor while the agent speaks, or was that only a noise? Pure.

Fed by the listener on tiers with interruptions. From an onset on, every message of the line is a
chance to decide, on the last `WINDOW_S` of sound:

* *Voice*: enough frames in a row with a pitch that goes on smoothly. Coughs, rustling and traffic
  have none; whistles and machines have one, but their spectrum does not change; what was hit rings
  and dies away.
* *Echo*: what fits the audio that was just played, and is quieter than it, is the agent (`echo`).
  Loudness and likeness count together, so a caller who speaks over an echo is heard.
* *Loudness*: voice as loud as the caller usually is takes the floor at once. Softer voice may be an
  "uh-huh" and gets time: it is left alone until it has lasted longer than any "uh-huh".

What cannot be told: whether a loud "okay" is the beginning of "okay, but". By timbre, pitch and
rhythm of the first 200 ms, an "okay" and a request by the same voice are alike (area under the
curve 0.55 to 0.70 on voices that were not tuned on); what differs is loudness, since speech that
competes for the floor is raised (French and Local 1983). A loud "okay" therefore silences the
agent; the brain lets it go on when the words say so.

Constants were tuned on one half of the sounds of `scripts/bench barge`.
"""

import math
from collections import deque
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import numpy.typing as npt

from voxd.audio.echo import MAX_DELAY_S, compare
from voxd.audio.level import loud_dbfs
from voxd.audio.voicing import HOP_S, Frames, analyse
from voxd.events import Verdict
from voxd.line import LINE_RATE_HZ

Samples = npt.NDArray[np.int16]


class Played(Protocol):
    """What the far end played (`PlayedAudio`); times of the loop's clock."""

    def between(self, begin: float, end: float) -> Samples:
        """The samples of a stretch, zeros where nothing was."""
        ...

    def has_sound(self, begin: float, end: float) -> bool:
        """Whether there is more than zeros in it."""
        ...


WINDOW_S = 0.25
ECHO_WINDOW_S = 0.2
LEAD_S = 0.03
"""So much before an onset may belong to it."""
VOICE_S = 0.04
"""Smooth voice that it takes: four pairs of neighbouring frames."""
FADING_VOICE_S = 0.05
"""The same while the sound is getting softer, as everything does that was hit."""
THUD_VOICE_S = 0.1
"""The same for what is low and getting softer: a door that falls shut rings on one low note."""
HASTE_S = 0.24
"""Until then it must be decided, or the agent speaks on for too long. What becomes voice, or loud,
later is more often the end of a cough or the second half of an "uh-huh"."""
LATE_VOICE_S = 0.08
"""After it, so much voice is needed."""
LONG_S = 0.7
"""Soft voice takes the floor after this long; with the window behind it, some 0.5 s of speech.
Nearly all "uh-huh" and "okay" are shorter."""
LOUD_DB = ((0.12, -1.0), (HASTE_S, -0.5), (math.inf, 2.0))
"""Until what age of a sound how loud it must be, against the caller's usual loudness: who takes the
floor is loud from the first syllable on, an "uh-huh" has its peak later. A peak is compared with
the mean over loud parts, and is some 6 dB above it at the same loudness."""
ECHO_FIT_DB = 48.0
ECHO_BASE_DB = -27.0
"""An echo is below base + fit * slope, in dB against what was played."""

_PERIODIC = 0.6
_LOUD_RANGE_DB = 20.0
_PITCH_STEP = 0.2
"""Octaves by which the pitch may change in 10 ms, whole octaves apart: two periods are as periodic
as one, so what is found changes between them while the voice goes on."""
_TONE = 0.9
_STEADY_DB = 2.0
"""Spectra that change less within 40 ms are machines, or the end of a cough."""
_STEADY_FRAMES = 4
_FADING_DB = -4.0
_DYING_DB = -9.0
_THUD_FADING_DB = -2.0
_LOW_DB = 15.0
_NEWEST_FRAMES = 3
"""How far below its peak the newest 30 ms of a sound are: fading, and dying away like a bang."""
_NOISE_SHARE = 0.08
"""A sound with less voice than this share of it was no speech. Low, because what is called noise is
never transcribed: a short "yes" has little voice, too."""

_RISE_DB = 10.0
"""What is so much louder than all before begins something new, above an echo for instance."""
_FORGET_DB_S = 15.0
"""How fast the loudness of before is forgotten, dB in a second."""
_KEPT_S = 0.9
_OWN_S = 2.0
"""Of what the caller says in turn so much is kept to learn the usual loudness from (32 kB)."""
_UNLEARNED = 2
"""So many of the caller's last words are kept until the loudness is asked for, which is seldom:
most turns end without an interruption, and their end is no time for work."""
_OWN_LEAST_S = 0.3
_OWN_SHARE = 0.08
"""Speech has at least this share of voice, even a creaky one; less is a cough or noise."""


@dataclass(frozen=True, slots=True)
class Judgement:
    """What a sound is."""

    speech_start: float
    """Audio time of its onset."""
    verdict: Verdict


class InterruptionJudge:
    """Listens to one call while its agent speaks; some 2 ms of work a message while it does."""

    def __init__(self, played: Played) -> None:
        self._played = played
        self._recent: deque[Samples] = deque()
        self._recent_samples = 0
        self._now = 0.0
        """Audio time of the end of what was pushed."""
        self._pushed_s = 0.0
        """Seconds of sound since the last check."""
        self._start: float | None = None
        """Onset of the present sound; None in silence."""
        self._is_told = False
        self._is_over_agent = False
        """Some of the present sound came while the agent was audible."""
        self._voice_s = 0.0
        """For how long there has been voice, half of its gaps taken off."""
        self._rise_at = 0.0
        """When the sound became as loud as it is."""
        self._peak_dbfs = 0.0
        """Its loudest moment since, slowly forgotten."""
        self._has_voice = False
        self._own: list[Samples] = []
        self._own_samples = 0
        self._unlearned: deque[Samples] = deque(maxlen=_UNLEARNED)
        self._usual_dbfs: float | None = None

    def push(self, pcm: Samples, end_at: float) -> None:
        """Take the next samples of the line, int16 at 8000 Hz; `end_at` is their end."""
        self._now = end_at
        self._pushed_s += len(pcm) / LINE_RATE_HZ
        self._recent.append(pcm)
        self._recent_samples += len(pcm)
        while self._recent_samples - len(self._recent[0]) >= _KEPT_S * LINE_RATE_HZ:
            self._recent_samples -= len(self._recent.popleft())
        if self._start is not None and self._own_samples < _OWN_S * LINE_RATE_HZ:
            if not self._played.has_sound(end_at - MAX_DELAY_S, end_at):  # nothing is an echo
                self._own.append(pcm)
                self._own_samples += len(pcm)

    def begin(self, speech_start: float) -> None:
        """A sound began at this audio time that may be speech."""
        self._start = speech_start
        self._is_told = self._is_over_agent = self._has_voice = False
        self._voice_s = 0.0
        self._rise_at = speech_start
        self._peak_dbfs = math.inf
        self._own.clear()
        self._own_samples = 0

    def check(self) -> Judgement | None:
        """`SPEECH`, once a sound, as soon as that is known; to be asked after every `push`."""
        passed_s, self._pushed_s = self._pushed_s, 0.0
        if self._start is None or self._is_told:
            return None
        if not self._played.has_sound(self._now - ECHO_WINDOW_S - MAX_DELAY_S, self._now):
            return None
        self._is_over_agent = True
        begin = max(self._start - LEAD_S, self._now - WINDOW_S)
        pcm = self._since(begin)
        frames = analyse(pcm)
        age_s = self._age_s(frames, passed_s)
        heard_s = voiced_s(frames)
        is_voice_like = heard_s > VOICE_S - 1e-9 and not is_machine(frames)
        # The echo is looked for last: it costs most.
        is_other = is_voice_like and not self._is_echo(pcm)
        self._has_voice |= is_other
        is_voice = is_other and is_voiced(frames)
        # It has gaps; they count half against it.
        self._voice_s = max(0.0, self._voice_s + (passed_s if is_voice else -passed_s / 2))
        if not is_voice or not (self._voice_s >= LONG_S or self._is_urgent(frames, age_s, heard_s)):
            return None
        self._is_told = True
        return Judgement(self._start, Verdict.SPEECH)

    def end(self, speech_end: float) -> Judgement | None:
        """The sound is over: what it was, if it came while the agent spoke."""
        start, self._start = self._start, None
        if start is None:
            return None
        if self._own_samples >= _OWN_LEAST_S * LINE_RATE_HZ:
            self._unlearned.append(np.concatenate(self._own))
        if not self._is_over_agent:
            return None
        if self._is_told and speech_end - start >= LONG_S:
            return Judgement(start, Verdict.SPEECH)
        if not self._has_voice:
            return Judgement(start, Verdict.NOISE)
        frames = analyse(self._since(max(start - LEAD_S, self._now - _KEPT_S)))
        share = voiced_s(frames) / max(speech_end - start, WINDOW_S)
        return Judgement(start, Verdict.NOISE if share < _NOISE_SHARE else Verdict.UNSURE)

    def _age_s(self, frames: Frames, passed_s: float) -> float:
        """For how long the sound has been about as loud as it is."""
        levels = frames.level_dbfs
        if not len(levels):
            return 0.0
        newest_dbfs = float(levels[-2:].max())
        if self._peak_dbfs == math.inf:
            self._peak_dbfs = float(levels.max())
        elif newest_dbfs > self._peak_dbfs + _RISE_DB:
            self._rise_at, self._peak_dbfs = self._now - LEAD_S, newest_dbfs
        else:
            self._peak_dbfs = max(self._peak_dbfs - _FORGET_DB_S * passed_s, newest_dbfs)
        return self._now - self._rise_at

    def _is_urgent(self, frames: Frames, age_s: float, heard_s: float) -> bool:
        """Whether voice is loud enough to take the floor at once."""
        if age_s > HASTE_S and heard_s < LATE_VOICE_S - 1e-9:
            return False
        self._learn_usual()
        if self._usual_dbfs is None:
            return True
        by_db = next(db for until_s, db in LOUD_DB if age_s <= until_s + 1e-9)
        return float(frames.level_dbfs.max()) >= self._usual_dbfs + by_db

    def _is_echo(self, pcm: Samples) -> bool:
        played = self._played.between(self._now - ECHO_WINDOW_S - MAX_DELAY_S, self._now)
        newest = pcm[-round(ECHO_WINDOW_S * LINE_RATE_HZ) :]
        reference = played[-(len(newest) + round(MAX_DELAY_S * LINE_RATE_HZ)) :]
        likeness = compare(newest, reference)
        return likeness.level_db < ECHO_BASE_DB + ECHO_FIT_DB * likeness.fit

    def _since(self, begin: float) -> Samples:
        """The newest samples, from this audio time on as far as they are kept."""
        count = round((self._now - begin) * LINE_RATE_HZ)
        recent = np.concatenate(self._recent)
        return recent[max(0, len(recent) - count) :]

    def _learn_usual(self) -> None:
        """What the caller has said while the agent was silent: this is how loud that is."""
        while self._unlearned:
            own = self._unlearned.popleft()
            if voiced_s(analyse(own)) < _OWN_SHARE * len(own) / LINE_RATE_HZ:
                continue
            heard_dbfs = loud_dbfs(own)
            if self._usual_dbfs is None:
                self._usual_dbfs = heard_dbfs
            else:
                self._usual_dbfs = (self._usual_dbfs + heard_dbfs) / 2


def voiced_s(frames: Frames) -> float:
    """Seconds of smooth voice: neighbouring frames that are both periodic at almost one pitch, or
    at almost twice that."""
    if len(frames.level_dbfs) < 2:
        return 0.0
    is_loud = frames.level_dbfs > frames.level_dbfs.max() - _LOUD_RANGE_DB
    is_periodic = (frames.strength > _PERIODIC) & is_loud
    steps = np.abs(np.diff(np.log2(frames.pitch_hz)))
    is_smooth = (steps < _PITCH_STEP) | (np.abs(steps - 1) < _PITCH_STEP)
    return float(np.sum(is_periodic[1:] & is_periodic[:-1] & is_smooth)) * HOP_S


def is_voiced(frames: Frames) -> bool:
    """Whether there is enough voice, and no whistle, machine or bang makes it."""
    if not len(frames.level_dbfs):
        return False
    newest_db = float(np.mean(frames.level_dbfs[-_NEWEST_FRAMES:]) - frames.level_dbfs.max())
    needed_s = VOICE_S if newest_db > _FADING_DB else FADING_VOICE_S
    if newest_db < _THUD_FADING_DB and _is_low(frames):
        needed_s = THUD_VOICE_S
    if newest_db <= _DYING_DB or voiced_s(frames) < needed_s - 1e-9:
        return False
    return not is_machine(frames)


def _is_low(frames: Frames) -> bool:
    """Whether nearly all of it is below 500 Hz, like the fall of something heavy."""
    is_loud = frames.level_dbfs > frames.level_dbfs.max() - _LOUD_RANGE_DB
    bands_db = frames.bands_db[is_loud].mean(axis=0)
    return float(bands_db[0] - bands_db[1:].max()) > _LOW_DB


def is_machine(frames: Frames) -> bool:
    """Whether it is one tone, or has a spectrum that does not change (or is too short to tell)."""
    shapes = frames.bands_db - frames.bands_db.mean(axis=1, keepdims=True)
    if len(shapes) <= _STEADY_FRAMES:
        return True
    is_loud = frames.level_dbfs > frames.level_dbfs.max() - _LOUD_RANGE_DB
    if float(np.mean(frames.tone[is_loud])) > _TONE:
        return True
    change_db = np.mean(np.abs(shapes[_STEADY_FRAMES:] - shapes[:-_STEADY_FRAMES]))
    return float(change_db) < _STEADY_DB
