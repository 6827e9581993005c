"""Is there room for one more call? Decides before the caller hears anything.

A call that is accepted and then starves is worse than one that is refused with a sentence, so
everything that a call will need is looked at when the webhook comes. The answer is a
`Reservation` that the media socket consumes; nobody who merely finds the socket gets a call.
"""

import asyncio
import logging
import secrets
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace

from voxd.chains import EVERY_KIND, TURNS_NEED
from voxd.config import Config
from voxd.contracts import EngineState
from voxd.errors import AdmissionRefused
from voxd.events import Kind
from voxd.runtime import Runtime
from voxd.stack import CallStack

logger = logging.getLogger(__name__)

RESERVED_S = 10.0
"""Twilio opens the stream within a second or two of the TwiML; later than this it never will."""
MAX_LAG_S = 0.05
"""Event loop lag (p95 of the last 5 s) above which running calls would begin to stutter: a
quarter of the audio that `[line] lead_s` keeps buffered at the far end."""
LAG_WINDOW_S = 5.0
MAX_LOCAL_WAIT_S = 1.5
"""Wait for local compute above which a reply would miss the slowest tier's target (3 s)."""
IS_ACTIVE = "is_active"
"""Why a call that runs is refused a second place."""


@dataclass(frozen=True, slots=True)
class Reservation:
    """Room for one call, held for its media socket."""

    token: str
    """One use; travels through Twilio as a stream parameter."""
    call_sid: str
    expires_at: float
    """Seconds, loop clock."""
    stack: CallStack = field(compare=False)
    """The call's engines; what takes time to open is being opened."""


@dataclass(frozen=True, slots=True)
class Need:
    """What one call takes of what can be counted."""

    is_stream: bool
    """A media stream; else it goes by TwiML turns."""
    is_local: bool
    """A conversation of a language model on this machine."""


class Admission:
    """Hands out reservations and takes them back.

    Bound: one reservation per CallSid and no more than `server.max_calls` with the active calls.
    """

    def __init__(self, runtime: Runtime) -> None:
        self._runtime = runtime
        self._reserved: dict[str, Reservation] = {}
        self._local_calls: set[str] = set()
        """Calls, reserved or active, that began on a language model of this machine."""
        self._in_turns: set[str] = set()
        """Active calls by TwiML turns."""

    def change(self, runtime: Runtime) -> None:
        """Let calls that come from now on in by another config; places that are held stay."""
        self._runtime = runtime

    def reserve(self, call_sid: str, config: Config | None = None) -> Reservation:
        """Hold room for a call and begin to open what it needs.

        A webhook that Twilio repeats gets what the first one got, for as long as a new one: either
        answer may be the one that Twilio acts on, and the call has one place.

        Args:
            config: as this call sees it; None: as calls to numbers that are not listed do.

        Raises:
            AdmissionRefused: there is none; `reason` says what is short, or that the call runs:
                what a second stack of it gave back would be the running call's.
        """
        now = asyncio.get_running_loop().time()
        self._expire(now)
        if self._runtime.calls.is_active(call_sid):
            raise AdmissionRefused(IS_ACTIVE)
        held = self._held_by(call_sid)
        if held is not None:
            held.stack.hold(RESERVED_S)
            again = replace(held, expires_at=now + RESERVED_S)
            self._reserved[held.token] = again
            return again
        stack = CallStack(self._runtime, call_sid, config or self._runtime.config.dialled(""))
        self._check_room(stack)
        token = secrets.token_urlsafe(24)
        reservation = Reservation(token, call_sid, now + RESERVED_S, stack)
        self._reserved[token] = reservation
        if self._sequences(stack) is not None:
            self._local_calls.add(call_sid)
        stack.open_early(RESERVED_S)
        return reservation

    def admit_turns(self, stack: CallStack) -> None:
        """Let a call go by TwiML turns, for which a place at its language model is enough.

        The call must be in `runtime.calls` before anything is awaited: that holds its place.

        Raises:
            AdmissionRefused: there is none, or the call runs.
        """
        self._expire(asyncio.get_running_loop().time())
        if self._runtime.calls.is_active(stack.call_id):
            raise AdmissionRefused(IS_ACTIVE)
        self._check_turns(stack)
        self._in_turns.add(stack.call_id)
        if self._sequences(stack) is not None:
            self._local_calls.add(stack.call_id)

    def check_room(self, config: Config, waiting: Sequence[Need] = ()) -> Need:
        """Whether a call that came now would be let in; nothing is held or opened for it.

        How many calls may go by turns at once is not for this class to know.

        Args:
            config: as the call would see it.
            waiting: what others need that will come, and would be there before it.

        Returns:
            What the call would need.

        Raises:
            AdmissionRefused: it would not be let in.
        """
        self._expire(asyncio.get_running_loop().time())
        if config.in_turns:
            stack = CallStack(self._runtime, "", config, TURNS_NEED)
            self._check_turns(stack, waiting)
        else:
            stack = CallStack(self._runtime, "", config, EVERY_KIND)
            self._check_room(stack, waiting)
        return Need(not config.in_turns, self._sequences(stack) is not None)

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

    def is_reserved(self, call_sid: str) -> bool:
        """Whether a call was promised a stream that has not come yet."""
        self._expire(asyncio.get_running_loop().time())
        return self._held_by(call_sid) is not None

    @property
    def promised_s(self) -> float:
        """So long a media socket may still come that was promised a call; 0: none will."""
        now = asyncio.get_running_loop().time()
        self._expire(now)
        return max((each.expires_at - now for each in self._reserved.values()), default=0.0)

    def withdraw(self) -> None:
        """Break every promise: whoever comes now is refused."""
        while self._reserved:
            self._reserved.popitem()[1].stack.close()

    def _check_room(self, stack: CallStack, waiting: Sequence[Need] = ()) -> None:
        runtime = self._runtime
        streams = self.streams + sum(need.is_stream for need in waiting)
        if streams >= runtime.config.server.max_calls:
            raise AdmissionRefused("max_calls")
        self._check_sequence(stack, waiting)
        if runtime.loop_lag.percentile(0.95, LAG_WINDOW_S) > MAX_LAG_S:
            raise AdmissionRefused("loop_lag")
        if self._is_local(stack) and runtime.local_wait_s() > MAX_LOCAL_WAIT_S:
            raise AdmissionRefused("local_wait")
        self._check_engines(stack, stack.chains)

    def _check_turns(self, stack: CallStack, waiting: Sequence[Need] = ()) -> None:
        self._check_sequence(stack, waiting)
        self._check_engines(stack, TURNS_NEED)

    def _check_sequence(self, stack: CallStack, waiting: Sequence[Need]) -> None:
        sequences = self._sequences(stack)
        taken = self._local() + sum(need.is_local for need in waiting)
        if sequences is not None and taken >= sequences:
            raise AdmissionRefused("local_sequences")

    def _check_engines(self, stack: CallStack, kinds: Iterable[Kind]) -> None:
        for kind in kinds:
            names = stack.chains[kind].names
            states = [self._runtime.engines[name].status().state for name in names]
            if all(state is EngineState.EJECTED for state in states):
                raise AdmissionRefused(f"no_{kind}")

    def _held_by(self, call_sid: str) -> Reservation | None:
        return next((r for r in self._reserved.values() if r.call_sid == call_sid), None)

    def _is_local(self, stack: CallStack) -> bool:
        """Does the call begin on this machine's own engines, with any kind?"""
        firsts = (self._runtime.engines[chain.names[0]] for chain in stack.chains.values())
        return any(engine.capabilities.is_local for engine in firsts)

    @property
    def streams(self) -> int:
        """Media streams that are there or awaited; calls by TwiML turns have none."""
        calls = self._runtime.calls
        self._in_turns = {call for call in self._in_turns if calls.is_active(call)}
        return len(calls) - len(self._in_turns) + len(self._reserved)

    def _local(self) -> int:
        """Calls that began on a language model of this machine and are not over."""
        waiting = {reservation.call_sid for reservation in self._reserved.values()}
        calls = self._runtime.calls
        self._local_calls = {
            call for call in self._local_calls if call in waiting or calls.is_active(call)
        }
        return len(self._local_calls)

    def _sequences(self, stack: CallStack) -> int | None:
        """Conversations that the call's local model may hold; None when it begins elsewhere.

        Some are kept for calls that a provider drops, so that an outage does not find them taken.
        """
        runtime = self._runtime
        name = stack.chains[Kind.LLM].names[0]
        sequences = getattr(runtime.config.engines.get(name), "sequences", None)
        if not isinstance(sequences, int):
            return None
        return max(1, sequences - runtime.kept_sequences(name))

    def _expire(self, now: float) -> None:
        for token in [r.token for r in self._reserved.values() if r.expires_at <= now]:
            reservation = self._reserved.pop(token)
            reservation.stack.close()
            logger.info("reservation expired", extra={"call": reservation.call_sid})
