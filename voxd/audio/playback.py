"""What the far end still has to play. Pure; the speaker keeps one per call.

Twilio buffers what it is sent and plays it at 8000 Hz. Nobody reports the buffer's state, but
its arithmetic is known: audio starts when it arrives or when what came before has ended,
whichever is later. Marks confirm it where they come back.
"""


class PlaybackModel:
    """The far end's playback buffer, in seconds on the loop's clock."""

    def __init__(self) -> None:
        self._ends_at = 0.0
        self._is_fresh = True
        self._last_gap_s = 0.0

    @property
    def ends_at(self) -> float:
        """When the last sample that was written is heard to its end.

        The moment of the `clear` after one; 0.0 before anything was written.
        """
        return self._ends_at

    @property
    def last_gap_s(self) -> float:
        """Seconds for which the buffer had run dry when the last `write` came.

        0.0 for the first write and for the first after a `clear`. Whether a gap is a hole in a
        sentence or the silence between two replies is for the caller to know.
        """
        return self._last_gap_s

    def write(self, duration_s: float, at: float) -> float:
        """Note that audio was sent.

        Args:
            duration_s: its length, seconds.
            at: when it was sent.

        Returns:
            When its first sample is heard; not before `at`.
        """
        heard_at = max(at, self._ends_at)
        self._last_gap_s = 0.0 if self._is_fresh else heard_at - self._ends_at
        self._is_fresh = False
        self._ends_at = heard_at + duration_s
        return heard_at

    def buffered_s(self, at: float) -> float:
        """Seconds of audio that are still to be heard at this moment."""
        return max(0.0, self._ends_at - at)

    def clear(self, at: float) -> float:
        """Note that a `clear` was sent.

        Returns:
            How many seconds of audio were dropped unheard.
        """
        dropped_s = self.buffered_s(at)
        self._ends_at = min(self._ends_at, at)
        self._is_fresh = True
        self._last_gap_s = 0.0
        return dropped_s
