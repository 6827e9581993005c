"""Is there room for one more call? Decides before the caller hears anything.

A call that is accepted and then starves is worse than one that is refused with a sentence, so
everything that a call will need is looked at when the webhook comes. The answer is a
`Reservation` that the media socket consumes; nobody who merely finds the socket gets a call.
"""

import asyncio
import logging
import secrets
from collections.abc import Iterator
from dataclasses import dataclass

from voxd.contracts import EngineState
from voxd.errors import AdmissionRefused
from voxd.runtime import Runtime

logger = logging.getLogger(__name__)

RESERVED_S = 10.0
"""Twilio opens the stream within a second or two of the TwiML; later than this it never will."""
MAX_LAG_S = 0.05
"""Event loop lag (p95 of the last 5 s) above which running calls would begin to stutter: a
quarter of the audio that `[line] lead_s` keeps buffered at the far end."""
LAG_WINDOW_S = 5.0
MAX_LOCAL_WAIT_S = 1.5
"""Wait for local compute above which a reply would miss the slowest tier's target (3 s)."""


@dataclass(frozen=True, slots=True)
class Reservation:
    """Room for one call, held for its media socket."""

    token: str
    """One use; travels through Twilio as a stream parameter."""
    call_sid: str
    expires_at: float
    """Seconds, loop clock."""


class Admission:
    """Hands out reservations and takes them back.

    Bound: one reservation per CallSid and no more than `server.max_calls` with the active calls.
    """

    def __init__(self, runtime: Runtime) -> None:
        self._runtime = runtime
        self._reserved: dict[str, Reservation] = {}

    def reserve(self, call_sid: str) -> Reservation:
        """Hold room for a call.

        Raises:
            AdmissionRefused: there is none; `reason` says what is short.
        """
        now = asyncio.get_running_loop().time()
        self._expire(now)
        # A webhook that Twilio repeats replaces its first reservation instead of taking a second.
        for token in [r.token for r in self._reserved.values() if r.call_sid == call_sid]:
            del self._reserved[token]
        self._check_room()
        reservation = Reservation(secrets.token_urlsafe(24), call_sid, now + RESERVED_S)
        self._reserved[reservation.token] = reservation
        return reservation

    def consume(self, token: str, call_sid: str) -> Reservation | None:
        """Turn a reservation into a call: None unless the token is unused, unexpired and its."""
        self._expire(asyncio.get_running_loop().time())
        reservation = self._reserved.get(token)
        if reservation is None or reservation.call_sid != call_sid:
            return None
        return self._reserved.pop(token)

    @property
    def reserved(self) -> int:
        """Reservations that wait for their media socket."""
        return len(self._reserved)

    def _check_room(self) -> None:
        runtime = self._runtime
        taken = len(runtime.calls) + len(self._reserved)
        if taken >= runtime.config.server.max_calls:
            raise AdmissionRefused("max_calls")
        if taken >= min(self._sequences(), default=taken + 1):
            raise AdmissionRefused("local_sequences")
        if runtime.loop_lag.percentile(0.95, LAG_WINDOW_S) > MAX_LAG_S:
            raise AdmissionRefused("loop_lag")
        if runtime.local_wait_s() > MAX_LOCAL_WAIT_S:
            raise AdmissionRefused("local_wait")
        tier = runtime.config.tier()
        for kind, chain in (("stt", tier.stt), ("llm", tier.llm), ("tts", tier.tts)):
            states = [runtime.engines[name].status().state for name in chain]
            if all(state is EngineState.EJECTED for state in states):
                raise AdmissionRefused(f"no_{kind}")

    def _sequences(self) -> Iterator[int]:
        """How many conversations each local model of the tier can hold at once."""
        for name in self._runtime.config.tier().llm:
            sequences = getattr(self._runtime.config.engines.get(name), "sequences", None)
            if isinstance(sequences, int):
                yield sequences

    def _expire(self, now: float) -> None:
        for token in [r.token for r in self._reserved.values() if r.expires_at <= now]:
            logger.info("reservation expired", extra={"call": self._reserved.pop(token).call_sid})
