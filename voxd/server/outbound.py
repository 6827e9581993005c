"""Calls that we had placed: what was ordered, and how they go. No I/O; one event loop."""

import secrets
from collections import OrderedDict
from dataclasses import dataclass

from voxd.config import Number
from voxd.events import AnsweredBy
from voxd.lookup.directory import Directory
from voxd.server.rate import TokenBucket
from voxd.twilio.orders import CallStatus

ORDER = "order"
"""Name of the voice webhook's query field that tells which order a call comes from."""
QUEUE_S = 600.0
"""Beside its ringing, a call may wait so long in Twilio's queue, which lets one call a second go;
its token is worth nothing after that."""
KEPT_CALLS = 500
"""Bound of the orders that are remembered; the oldest goes."""


@dataclass(slots=True)
class OutboundCall:
    """One order, and the call that it became."""

    token: str
    """Comes back with the voice webhook; good for one CallSid."""
    to: str
    from_: str
    own: Number
    """Who speaks, and what is known of the call."""
    expires_at: float
    """Seconds, loop clock: by then somebody has answered, or the token is worth nothing."""
    call_sid: str = ""
    """Empty until Twilio has told."""
    status: CallStatus = CallStatus.QUEUED
    answered_by: AnsweredBy | None = None
    duration_s: int | None = None
    """Of the call once it is over."""


class OutboundCalls:
    """The orders of this daemon.

    Args:
        calls_per_minute: most orders; 0: none.
    """

    def __init__(self, calls_per_minute: int) -> None:
        self._calls: OrderedDict[str, OutboundCall] = OrderedDict()
        # A full minute's calls may be ordered at once; the long run is what costs money.
        self._bucket = TokenBucket(calls_per_minute / 60, float(calls_per_minute), 0.0)

    def order(
        self, to: str, from_: str, own: Number, ring_s: float, now: float
    ) -> OutboundCall | None:
        """Take an order down; None when there were too many."""
        if not self._bucket.take(now):
            return None
        token = secrets.token_urlsafe(24)
        call = OutboundCall(token, to, from_, own, now + ring_s + QUEUE_S)
        self._calls[token] = call
        while len(self._calls) > KEPT_CALLS:
            self._calls.popitem(last=False)
        return call

    def forget(self, call: OutboundCall) -> None:
        """The call was not placed."""
        self._calls.pop(call.token, None)

    def meet(self, token: str, call_sid: str, directory: Directory, now: float) -> bool:
        """Somebody answered: have that call be led as its order says.

        Returns:
            False when no order has this token, or another call has used it, or it is too late. A
            webhook that Twilio repeats is met again.
        """
        call = self._calls.get(token)
        if call is None or now >= call.expires_at or call.call_sid not in ("", call_sid):
            return False
        call.call_sid = call_sid
        if not call.status.is_over:
            call.status = CallStatus.IN_PROGRESS
        directory.assign(call_sid, call.own, call.to, call.from_)
        return True

    def find(self, call_sid: str) -> OutboundCall | None:
        """The order that a call comes from."""
        return next((it for it in self._calls.values() if it.call_sid == call_sid), None)

    def note_status(self, call_sid: str, status: CallStatus, duration_s: int | None) -> None:
        """Twilio told how a call goes. Its callbacks may overtake each other: an end stays one."""
        call = self.find(call_sid)
        if call is None or call.status.is_over:
            return
        call.status, call.duration_s = status, duration_s

    def waiting(self, now: float) -> int:
        """Calls that were placed and may be answered any moment."""
        return sum(
            not it.status.is_over
            and it.status is not CallStatus.IN_PROGRESS
            and now < it.expires_at
            for it in self._calls.values()
        )
