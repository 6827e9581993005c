"""Sequence numbers of a stream: which message is repeated or out of order. Pure.

A WebSocket keeps order, so a wrong number is a peer's mistake. It must not be believed (a key
would count twice) and it must not deafen the call: one wild high number would make every later
message look old. So a message is refused when its number is not a little higher than the last,
but when numbers that were refused have followed each other for a while, they are the stream.
"""

_MAX_STEP = 5000
"""A higher number by more than this is no lost messages (100 s of them) but nonsense."""
_RESYNC = 25
"""So many consecutive refused numbers in a row (half a second) are believed."""


class SequenceOrder:
    """Judges the sequence numbers of one stream."""

    def __init__(self) -> None:
        self._last: int | None = None
        self._refused: int | None = None
        self._run = 0

    def judge(self, number: int) -> str | None:
        """Return why a message is refused (`repeated` or `out_of_order`), None if it is next.

        Nothing is noted but the run of refused numbers; `accept` notes the message.
        """
        if self._last is None or 0 < number - self._last <= _MAX_STEP:
            return None
        self._run = self._run + 1 if number - 1 == self._refused else 1
        self._refused = number
        if self._run > _RESYNC:
            return None
        return "repeated" if number == self._last else "out_of_order"

    def accept(self, number: int) -> None:
        """Note that the message of this number was taken."""
        self._last = number
        self._refused = None
        self._run = 0
