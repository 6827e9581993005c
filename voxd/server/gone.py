"""Calls that are over at Twilio's, so that none of them is begun here. Pure.

A caller may hang up while the voice webhook asks the look-up who answers him. The status callback
then finds no call to end, and the webhook would begin one that nobody ever asks about: a ghost that
holds a place at the model, or a reservation.
"""

from collections import OrderedDict

KEPT = 1000
"""Bound; the oldest goes. A look-up takes seconds, in which a few calls end."""


class GoneCalls:
    """Which calls Twilio said are over, lately. CallSids are never used twice."""

    def __init__(self) -> None:
        self._gone: OrderedDict[str, None] = OrderedDict()

    def __contains__(self, call_sid: str) -> bool:
        return call_sid in self._gone

    def note(self, call_sid: str) -> None:
        """A call is over."""
        self._gone[call_sid] = None
        self._gone.move_to_end(call_sid)
        while len(self._gone) > KEPT:
            self._gone.popitem(last=False)
