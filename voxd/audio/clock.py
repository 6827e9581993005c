"""Audio time: media timestamps mapped onto the loop's clock. Pure; the listener owns one a call.

A media message says when its sound was spoken (its timestamp, on the stream's own clock) and
arrives some time later; that delay varies, its minimum does not. So the offset between the two
clocks is the smallest (arrival - end of audio) of the last ten seconds, and audio time is
timestamp + offset: never after the present, and free of the network's jitter.

What the clock promises:

* audio time grows with every placement and by every sample of silence it asks for;
* it grows by the samples that are fed, but for two cases: a gap that is too long to fill is
  skipped, and where audio time has come to be ahead of the present (late media that was already
  replaced by silence is still fed, so its time is spent twice) it is slowed by 5 % until both
  agree again;
* one wild message cannot make a call deaf: a timestamp that is refused as repeated, out of order
  or far ahead is believed once 200 ms of audio in a row agree with it.
"""

from collections import deque
from dataclasses import dataclass

from voxd.line import LINE_RATE_HZ

_WINDOW_S = 10.0
"""Length of the minimum filter: long against jitter, short against drifting clocks (100 ppm of
drift are 1 ms in it)."""
_BUCKET_S = 0.5
_TOLERANCE_S = 0.01
"""Timestamps are whole milliseconds and some clients' are sloppy: within half a frame of the
expected place, audio is contiguous."""
_SLEW = 0.05
_AHEAD_S = 2.0
"""A timestamp may run ahead of the time that passed by this much beyond `max_gap_s`."""
_RESYNC_S = 0.2
_EPSILON_S = 1e-6
_MAX_FILL_S = 1.0
"""Most silence in one answer of `stalled_silence`; a loop that stood still catches up in steps."""


@dataclass(frozen=True, slots=True)
class Placement:
    """Where one message's audio belongs."""

    silence_samples: int
    """Samples of silence to feed before it, at 8000 Hz."""
    end_at: float
    """Audio time of the end of the audio (of its start, minus its duration, for the silence)."""


class AudioClock:
    """Places each media message in audio time and fills what is missing."""

    def __init__(self, stall_s: float, max_gap_s: float) -> None:
        """Args are `line.stall_s` and `line.max_gap_s` of the config, seconds."""
        self._stall_s = stall_s
        self._max_gap_s = max_gap_s
        self._now: float | None = None
        self._arrived_at = 0.0
        self._due_s: float | None = None
        """Timestamp at which the next audio is expected."""
        self._suspect_due_s = 0.0
        self._suspect_s = 0.0
        # (start of the half second, smallest delay in it); bounded, the oldest falls out.
        self._delays: deque[tuple[float, float]] = deque(maxlen=round(_WINDOW_S / _BUCKET_S))
        self._least_delay = 0.0
        """The smallest in `_delays`."""

    @property
    def now(self) -> float:
        """Audio time of the end of all that was fed; 0.0 before anything was."""
        return self._now or 0.0

    def place(self, timestamp_s: float, samples: int, at: float) -> Placement | None:
        """Say where a message's audio belongs.

        Args:
            timestamp_s: the message's timestamp, seconds of the stream's clock.
            samples: how many samples it carries at 8000 Hz, at least 1.
            at: when it arrived, loop clock.

        Returns:
            Its place, or None when it must not be fed: repeated, overlapping what was fed,
            out of order, or so far ahead that its timestamp cannot be true.
        """
        duration_s = samples / LINE_RATE_HZ
        tolerance_s = min(_TOLERANCE_S, duration_s / 2)
        gap_s = 0.0
        if self._due_s is not None:
            gap_s = timestamp_s - self._due_s
            longest_s = max(0.0, at - self._arrived_at) + self._max_gap_s + _AHEAD_S
            if not -tolerance_s <= gap_s <= longest_s:
                if not self._is_believed(timestamp_s, duration_s, tolerance_s):
                    return None
                self._delays.clear()
                gap_s = 0.0
        self._suspect_s = 0.0
        self._due_s = timestamp_s + duration_s
        self._arrived_at = at
        end_at = self._due_s + self._offset(at - self._due_s, at)
        if self._now is None:
            self._now = end_at
            return Placement(0, end_at)
        silence = 0
        if tolerance_s < gap_s <= self._max_gap_s:
            # Silence that a stall has already put here is not put a second time.
            missing_s = min(gap_s, end_at - duration_s - self._now)
            silence = max(0, round(missing_s * LINE_RATE_HZ))
        contiguous = self._now + silence / LINE_RATE_HZ + duration_s
        self._now = max(end_at, contiguous - _SLEW * duration_s)
        return Placement(silence, self._now)

    def stalled_silence(self, at: float) -> int:
        """Return how many samples of silence to feed because nothing arrives; usually 0.

        To be asked every 20 ms, but for as long as `unasked_s` says. From `stall_s` after the
        last message on, the answers keep audio time at the present; `now` is the audio time of the
        end of the silence.
        """
        if self._now is None:
            self._now = self._arrived_at = at
            return 0
        if at - self._arrived_at <= self._stall_s:
            return 0
        samples = round(min(at - self._now, _MAX_FILL_S) * LINE_RATE_HZ)
        if samples <= 0:
            return 0
        self._now += samples / LINE_RATE_HZ
        return samples

    def unasked_s(self, at: float) -> float:
        """Seconds from `at` for which `stalled_silence` would answer 0 unless it were asked."""
        if self._now is None:
            return 0.0
        return max(0.0, self._arrived_at + self._stall_s - at)

    def _is_believed(self, timestamp_s: float, duration_s: float, tolerance_s: float) -> bool:
        """Note an implausible timestamp; True once enough audio in a row agrees with it."""
        if self._suspect_s and abs(timestamp_s - self._suspect_due_s) <= tolerance_s:
            self._suspect_s += duration_s
        else:
            self._suspect_s = duration_s
        self._suspect_due_s = timestamp_s + duration_s
        return self._suspect_s > _RESYNC_S - _EPSILON_S

    def _offset(self, delay: float, at: float) -> float:
        """Take in one delay (arrival - timestamp of the end) and return the smallest."""
        if self._delays and at - self._delays[-1][0] < _BUCKET_S:
            start, least = self._delays[-1]
            if delay < least:
                self._delays[-1] = (start, delay)
                self._least_delay = min(self._least_delay, delay)
            return self._least_delay
        # A new half second: twice a second is often enough to let the oldest go.
        self._delays.append((at, delay))
        while at - self._delays[0][0] > _WINDOW_S:
            self._delays.popleft()
        self._least_delay = min(least for _, least in self._delays)
        return self._least_delay
