"""Mu-law of any length to whole line frames. Pure; the speaker owns one per reply.

Pieces that are not whole 20 ms frames are reported as audible jitter at Twilio
(openai-agents-python #1925), so only the very last frame of a clause is padded.
"""

from voxd.line import FRAME_BYTES, MULAW_SILENCE


class FrameCutter:
    """Cuts mu-law into frames of 160 bytes. Holds less than one frame between calls."""

    def __init__(self) -> None:
        self._rest = b""

    def push(self, mulaw: bytes) -> list[bytes]:
        """Take the next bytes; return the frames that are now whole, oldest first."""
        joined = self._rest + mulaw
        whole = len(joined) - len(joined) % FRAME_BYTES
        self._rest = joined[whole:]
        return [joined[start : start + FRAME_BYTES] for start in range(0, whole, FRAME_BYTES)]

    def take(self) -> bytes:
        """Take out what is not a whole frame yet."""
        rest, self._rest = self._rest, b""
        return rest

    def flush(self) -> list[bytes]:
        """End of a clause: the rest padded with silence to one frame, or nothing."""
        if not self._rest:
            return []
        frame = self._rest.ljust(FRAME_BYTES, bytes([MULAW_SILENCE]))
        self._rest = b""
        return [frame]
