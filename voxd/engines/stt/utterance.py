"""The audio of one call's present utterance, addressed by audio time. Pure; bounded.

Used by speech-to-text engines that transcribe whole utterances. Audio is kept in the chunks in
which it came, each with the audio time of its end: times may jump (a gap on the line) or shift
by milliseconds (the clock's delay filter), samples never overlap.
"""

from collections import deque

import numpy as np

from voxd.audio.g711 import decode_mulaw
from voxd.contracts import LINE_RATE_HZ

PRE_ROLL_S = 0.3
"""Audio kept before the first voiced frame: soft consonants come before it."""
IDLE_S = 1.0 + PRE_ROLL_S
"""Audio kept while nobody speaks: `speech_started` may name a time up to 1 s ago."""
POST_ROLL_S = 0.2
"""Audio taken beyond the last voiced frame, as far as it is there."""
QUIET_S = 0.2
"""A cut is made in the middle of the quietest stretch of this length."""


class UtteranceBuffer:
    """Holds at most `max_s` of an utterance; what is longer is cut off in front as parts."""

    def __init__(self, max_s: float) -> None:
        self._max_s = max_s
        self._chunks: deque[tuple[float, bytes]] = deque()
        self._seconds = 0.0
        self._onset: float | None = None
        self._begin: float | None = None

    @property
    def is_open(self) -> bool:
        """Speech has started since the last `forget`."""
        return self._begin is not None

    @property
    def seconds(self) -> float:
        """How much audio is held."""
        return self._seconds

    def push(self, mulaw: bytes, at: float) -> bytes | None:
        """Add audio that ends at this audio time.

        Returns:
            When the utterance became too long: its first part, mu-law, now no longer held.
        """
        if not mulaw:
            return None
        self._chunks.append((at, mulaw))
        self._seconds += len(mulaw) / LINE_RATE_HZ
        if self._begin is None:
            while self._seconds > IDLE_S and len(self._chunks) > 1:
                self._pop()
            return None
        return self._cut() if self._seconds > self._max_s else None

    def speech_started(self, at: float) -> None:
        """The caller began to speak, for the first time in this utterance or again."""
        self._onset = at
        if self._begin is None:
            self._begin = at - PRE_ROLL_S
            self._drop_before(self._begin)

    def take(self, speech_end: float) -> bytes:
        """The utterance's mu-law up to this audio time and a little beyond; it stays held."""
        if self._begin is None:
            return b""
        end = speech_end + POST_ROLL_S
        return b"".join(mulaw for at, mulaw in self._chunks if _middle(at, mulaw) <= end)

    def forget(self, until: float) -> None:
        """Drop the utterance up to this audio time. Speech that began after it stays."""
        self._drop_before(until)
        self._begin = None
        if self._onset is not None and self._onset > until:
            self._begin = max(until, self._onset - PRE_ROLL_S)
        else:
            self._onset = None

    def _drop_before(self, at: float) -> None:
        while self._chunks and _middle(*self._chunks[0]) < at:
            self._pop()

    def _pop(self) -> bytes:
        _, mulaw = self._chunks.popleft()
        self._seconds -= len(mulaw) / LINE_RATE_HZ
        return mulaw

    def _cut(self) -> bytes:
        """Take away everything before the quietest point of the last third."""
        levels = [
            float(np.abs(decode_mulaw(mulaw).astype(np.int32)).mean()) for _, mulaw in self._chunks
        ]
        width = max(1, round(QUIET_S * len(levels) / self._seconds))
        smooth = np.convolve(levels, np.ones(width) / width, mode="valid")
        first = min(2 * len(levels) // 3, len(smooth) - 1)
        cut = first + int(np.argmin(smooth[first:])) + width // 2
        return b"".join([self._pop() for _ in range(max(1, cut))])


def _middle(at: float, mulaw: bytes) -> float:
    return at - len(mulaw) / LINE_RATE_HZ / 2
