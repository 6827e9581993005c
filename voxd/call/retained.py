"""Audio that was sent and that the caller may not have heard: what a hold takes back. No I/O.

The far end plays what it was sent; a `clear` makes it forget the rest. To go on later, the rest
must be known here. A little of what was heard is kept as well, so that playback can go on at the
beginning of the word that was cut instead of inside it: where speech is quietest.
"""

from collections import deque
from dataclasses import dataclass

import numpy as np

from voxd.audio.g711 import decode_mulaw
from voxd.call.voice import Clause
from voxd.contracts import FRAME_BYTES, FRAME_S

BACK_S = 0.3
"""So much before the cut the beginning of the word is looked for: most words of fluent speech are
shorter (150 words a minute are 0.4 s each, pauses included, and the cut is in the middle)."""


@dataclass(frozen=True, slots=True)
class Taken:
    """What is to be sent again of one clause."""

    clause: Clause
    frames: list[bytes]


class RetainedAudio:
    """The frames of the last moments, each with the time at which it is heard."""

    def __init__(self) -> None:
        # (clause, 20 ms of mu-law, heard at); bounded by `line.lead_s` + `BACK_S`.
        self._frames: deque[tuple[Clause, bytes, float]] = deque()

    def note(self, clause: Clause, mulaw: bytes, heard_at: float, now: float) -> None:
        """These whole frames were sent; the first is heard at `heard_at`."""
        for index, begin in enumerate(range(0, len(mulaw), FRAME_BYTES)):
            frame = mulaw[begin : begin + FRAME_BYTES]
            self._frames.append((clause, frame, heard_at + index * FRAME_S))
        while self._frames and self._frames[0][2] + FRAME_S < now - BACK_S:
            self._frames.popleft()

    def forget(self) -> None:
        """Nothing of it will ever be sent again."""
        self._frames.clear()

    def take_back(self, at: float) -> list[Taken]:
        """What has not been heard at this moment, and the beginning of the word that is cut.

        Returns:
            The clauses in the order in which they were sent, each with at least one frame.
        """
        frames = list(self._frames)
        self._frames.clear()
        cut = next((i for i, (_, _, start) in enumerate(frames) if start + FRAME_S > at), None)
        if cut is None:
            return []
        first = _step_back(frames, cut)
        taken: list[Taken] = []
        for clause, frame, _ in frames[first:]:
            if not taken or taken[-1].clause is not clause:
                taken.append(Taken(clause, []))
            taken[-1].frames.append(frame)
        return taken


def _step_back(frames: list[tuple[Clause, bytes, float]], cut: int) -> int:
    """The quietest frame of the clause shortly before the cut, the last of equals."""
    clause = frames[cut][0]
    quietest, least = cut, float("inf")
    for index in range(cut, -1, -1):
        if frames[index][0] is not clause or frames[index][2] < frames[cut][2] - BACK_S:
            break
        power = float(np.mean(np.square(decode_mulaw(frames[index][1]), dtype=np.float64)))
        if power < least:
            quietest, least = index, power
    return quietest
