"""What the caller hears of the agent: stretches of sound above a level. Pure.

A *sound* is what a person would call one utterance: stretches that belong together although
the voice pauses between words and sentences. The answer to a turn is a sound that begins after
the turn ended, so the line between two sounds decides what counts as an answer.
"""

from dataclasses import dataclass, replace

import numpy as np

from voxd.caller.mulaw import RATE_HZ, power
from voxd.caller.speech import BLOCK_SAMPLES

AUDIBLE_DBFS = -50.0
"""A 10 ms block above this is heard."""
PAUSE_S = 0.6
"""A silence this long separates two sounds even when silent media kept coming: longer than the
pause between two sentences of one reply."""
DRY_S = 0.25
"""An empty buffer separates two sounds sooner: nobody is sending. Shorter stops are holes."""

_AUDIBLE_POWER = 10.0 ** (AUDIBLE_DBFS / 10.0)
_BLOCK_S = BLOCK_SAMPLES / RATE_HZ


@dataclass(slots=True)
class Stretch:
    """Audible without a break, stream time."""

    start: float
    end: float
    is_onset: bool
    """It begins a sound; otherwise it goes on with the one before."""
    is_after_clear: bool
    """What sounded before was cut by a `clear`."""


@dataclass(frozen=True, slots=True)
class Sound:
    """One utterance of the agent as heard, stream time."""

    start: float
    end: float
    is_after_clear: bool = False
    """What sounded before was cut by a `clear`: this is certainly another reply."""


class Ear:
    """Hears the agent. Give it everything in the order in which it will play."""

    def __init__(self) -> None:
        self.stretches: list[Stretch] = []
        self._media_end = 0.0
        self._dry_s = 0.0  # longest time without media since the last audible block
        self._is_after_clear = False

    def hear(self, mulaw: bytes, start: float) -> None:
        """Take audio that plays from `start` on; times may lie in the future."""
        self._dry_s = max(self._dry_s, start - self._media_end)
        self._media_end = start + len(mulaw) / RATE_HZ
        squares = power(mulaw)
        if len(squares) % BLOCK_SAMPLES:
            edges = np.arange(0, len(squares), BLOCK_SAMPLES)
            sizes = np.diff(np.append(edges, len(squares)))
            means = np.add.reduceat(squares, edges) / sizes
        else:
            means = squares.reshape(-1, BLOCK_SAMPLES).mean(axis=1)
        for block in np.flatnonzero(means > _AUDIBLE_POWER).tolist():
            block_start = start + block * _BLOCK_S
            self._add(block_start, min(block_start + _BLOCK_S, self._media_end))

    def _add(self, start: float, end: float) -> None:
        last = self.stretches[-1] if self.stretches else None
        is_onset = (
            last is None
            or self._is_after_clear
            or self._dry_s >= DRY_S
            or start - last.end >= PAUSE_S
        )
        if last is not None and not is_onset and start - last.end < _BLOCK_S / 2:
            last.end = end
        else:
            self.stretches.append(Stretch(start, end, is_onset, self._is_after_clear))
        self._dry_s = 0.0
        self._is_after_clear = False

    def clear(self, at: float) -> None:
        """What would have sounded after `at` was dropped."""
        while self.stretches and self.stretches[-1].start >= at:
            self.stretches.pop()
        if self.stretches:
            self.stretches[-1].end = min(self.stretches[-1].end, at)
        self._media_end = min(self._media_end, at)
        self._is_after_clear = True

    def onset_after(self, at: float) -> float | None:
        """Return when the first sound that begins at or after `at` begins, or None."""
        onset = None
        for stretch in reversed(self.stretches):
            if stretch.start < at:
                break
            if stretch.is_onset:
                onset = stretch.start
        return onset

    def quiet_s(self, now: float) -> float:
        """Return for how long nothing has been heard; 0 while sounding or while sound is due."""
        return max(0.0, now - self.stretches[-1].end) if self.stretches else now

    def sounds(self, until: float) -> list[Sound]:
        """Return every sound that was heard before `until` (the end of the call)."""
        sounds: list[Sound] = []
        for stretch in self.stretches:
            if stretch.start >= until:
                break
            end = min(stretch.end, until)
            if stretch.is_onset:
                sounds.append(Sound(stretch.start, end, stretch.is_after_clear))
            else:
                sounds[-1] = replace(sounds[-1], end=end)
        return sounds
