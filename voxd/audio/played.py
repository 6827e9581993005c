"""What the far end has been playing: the reference that an echo is compared with. Pure.

The speaker notes every piece with the time at which the caller hears it, by the playback model;
the ear asks for stretches of the recent past.
"""

from collections import deque

import numpy as np
import numpy.typing as npt

from voxd.audio.g711 import decode_mulaw
from voxd.line import LINE_RATE_HZ

KEPT_S = 1.5
"""Longer than the longest echo delay and the longest stretch that is judged, together."""
_SILENT = b"\xff\x7f"
"""Mu-law's zeros: plus and minus."""


class PlayedAudio:
    """The last `KEPT_S` seconds of the agent's side, as the caller hears it. One per call."""

    def __init__(self) -> None:
        # (start, mu-law) in order, without overlap; what is older than `KEPT_S` is dropped.
        self._pieces: deque[tuple[float, bytes]] = deque()

    def write(self, mulaw: bytes, heard_at: float) -> None:
        """Note a piece; its first sample is heard at `heard_at` (loop clock)."""
        self._pieces.append((heard_at, mulaw))
        while _end(self._pieces[0]) < heard_at - KEPT_S:
            self._pieces.popleft()

    def cut(self, at: float) -> None:
        """What would have been heard after this moment never was."""
        while self._pieces and self._pieces[-1][0] >= at:
            self._pieces.pop()
        if self._pieces and _end(self._pieces[-1]) > at:
            start, mulaw = self._pieces.pop()
            self._pieces.append((start, mulaw[: round((at - start) * LINE_RATE_HZ)]))

    def between(self, begin: float, end: float) -> npt.NDArray[np.int16]:
        """What was heard from `begin` to `end`, zeros where nothing was.

        Returns:
            int16, 8000 Hz, mono, round((end - begin) * 8000) samples.
        """
        heard = np.zeros(round((end - begin) * LINE_RATE_HZ), dtype=np.int16)
        for start, mulaw in self._pieces:
            offset = round((start - begin) * LINE_RATE_HZ)
            first, last = max(0, -offset), min(len(mulaw), len(heard) - offset)
            if first < last:
                heard[offset + first : offset + last] = decode_mulaw(mulaw[first:last])
        return heard

    def has_sound(self, begin: float, end: float) -> bool:
        """Whether anything but silence was heard from `begin` to `end`."""
        for start, mulaw in reversed(self._pieces):
            offset = round((start - begin) * LINE_RATE_HZ)
            if offset + len(mulaw) <= 0:
                return False
            part = mulaw[max(0, -offset) : max(0, round((end - begin) * LINE_RATE_HZ) - offset)]
            if part.strip(_SILENT):
                return True
        return False


def _end(piece: tuple[float, bytes]) -> float:
    return piece[0] + len(piece[1]) / LINE_RATE_HZ
