"""Calls that we had placed: what was ordered, and how they go. No I/O; one event loop.

An order is known by its token from the first moment, by its CallSid once Twilio has told it: the
answer to the order may be late or get lost while the call rings already.
"""

import secrets
from collections import OrderedDict
from dataclasses import dataclass

from voxd.config import Number
from voxd.events import AnsweredBy
from voxd.lookup.directory import Directory
from voxd.server.admission import Need
from voxd.server.rate import TokenBucket
from voxd.twilio.orders import CallStatus

ORDER = "order"
"""Name of the query field of Twilio's requests that tells which order a call comes from."""
QUEUE_S = 600.0
"""Beside its ringing, a call may wait so long in Twilio's queue, which lets one call a second go;
its token is worth nothing after that."""
KEPT_CALLS = 500
"""Bound of the orders that are remembered; the oldest that is over goes, and none when all live."""


@dataclass(slots=True)
class OutboundCall:
    """One order, and the call that it became."""

    token: str
    """Comes back with each of Twilio's requests; good for one CallSid."""
    to: str
    from_: str
    own: Number
    """Who speaks, and what is known of the call."""
    need: Need
    """The room that it will want once somebody answers."""
    expires_at: float
    """Seconds, loop clock: by then somebody has answered, or the token is worth nothing."""
    call_sid: str = ""
    """Empty until Twilio has told, in its answer to the order or in a request that came before."""
    is_met: bool = False
    """Somebody answered: what it needs is taken, or was not to be had."""
    status: CallStatus = CallStatus.QUEUED
    answered_by: AnsweredBy | None = None
    duration_s: int | None = None
    """Of the call once it is over."""

    def note_status(self, status: CallStatus, duration_s: int | None) -> None:
        """Twilio told how it goes. Its callbacks may overtake each other: an end stays one."""
        if not self.status.is_over:
            self.status, self.duration_s = status, duration_s


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
        self, to: str, from_: str, own: Number, need: Need, ring_s: float, now: float
    ) -> OutboundCall | None:
        """Take an order down; None when there were too many, in a minute or that still live."""
        if not self._has_place(now) or not self._bucket.take(now):
            return None
        token = secrets.token_urlsafe(24)
        call = OutboundCall(token, to, from_, own, need, now + ring_s + QUEUE_S)
        self._calls[token] = call
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
        call = self.identify(token, call_sid)
        if call is None or now >= call.expires_at:
            return False
        call.is_met = True
        if not call.status.is_over:
            call.status = CallStatus.IN_PROGRESS
        directory.assign(call_sid, call.own, call.to, call.from_, is_outbound=True)
        return True

    def identify(self, token: str, call_sid: str) -> OutboundCall | None:
        """The order that a request of Twilio's names; from now on it is that call's alone.

        None when no order has this token, or another call has used it.
        """
        call = self._calls.get(token)
        if call is None or call.call_sid not in ("", call_sid):
            return None
        call.call_sid = call_sid
        return call

    def find(self, call_sid: str) -> OutboundCall | None:
        """The order that a call comes from, as far as Twilio has told."""
        return next((it for it in self._calls.values() if it.call_sid == call_sid), None)

    def waiting(self, now: float) -> tuple[Need, ...]:
        """What calls need that were placed and may be answered any moment.

        One that Twilio calls answered waits until its webhook has come, which asks for its place.
        """
        return tuple(
            it.need for it in self._calls.values() if not it.is_met and self._is_live(it, now)
        )

    def _has_place(self, now: float) -> bool:
        """Whether one more can be remembered; what is over makes room."""
        if len(self._calls) < KEPT_CALLS:
            return True
        over = next((it for it in self._calls.values() if not self._is_live(it, now)), None)
        if over is not None:
            self.forget(over)
        return over is not None

    @staticmethod
    def _is_live(call: OutboundCall, now: float) -> bool:
        return not call.status.is_over and now < call.expires_at
