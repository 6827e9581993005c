"""Seconds of a provider's stream, mapped to audio time. Pure.

A streaming provider counts the audio that it was sent; the call counts audio time, which may jump
(a gap on the line) and drifts by milliseconds (the clock's delay filter). Only what was pushed
knows how the two belong together.
"""

from bisect import bisect_left
from dataclasses import dataclass

from voxd.contracts import LINE_RATE_HZ

SAME_S = 0.001
"""Offsets this close are one: no decision about speech looks closer than 20 ms."""
MAX_STRETCHES = 2048
"""Stretches remembered; each is a jump or a millisecond of drift. Half go when there are more."""


@dataclass(slots=True)
class _Stretch:
    """Audio with one offset between the two times."""

    start: float
    """Seconds of the stream."""
    end: float
    """Seconds of the stream."""
    offset: float
    """Audio time minus stream seconds."""


class StreamTime:
    """Told of everything that goes into one stream, in order."""

    def __init__(self) -> None:
        self._samples = 0
        self._stretches: list[_Stretch] = []

    @property
    def seconds(self) -> float:
        """Length of the stream so far."""
        return self._samples / LINE_RATE_HZ

    def push(self, samples: int, at: float | None) -> None:
        """More audio, which ends at this audio time; None for filler outside of the call."""
        start = self.seconds
        self._samples += samples
        if at is None:
            return
        end = self.seconds
        last = self._stretches[-1] if self._stretches else None
        if last is not None and last.end == start and abs(at - end - last.offset) < SAME_S:
            last.end = end
            return
        self._stretches.append(_Stretch(start, end, at - end))
        if len(self._stretches) > MAX_STRETCHES:
            del self._stretches[: MAX_STRETCHES // 2]

    def to_audio(self, second: float) -> float:
        """The audio time of a second of the stream; filler maps to the edge of the next audio."""
        if not self._stretches:
            return float("-inf")
        index = bisect_left(self._stretches, second, key=lambda stretch: stretch.end)
        if index == len(self._stretches):
            last = self._stretches[-1]
            return last.end + last.offset
        stretch = self._stretches[index]
        return max(second, stretch.start) + stretch.offset
