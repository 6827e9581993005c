"""Which calls run and how the last ones went. In memory only; written by the media socket.

`/twilio/after` asks it why a call ended, `/calls/{CallSid}` for its timings, the drain whether
any call is left, admission how many there are.
"""

import asyncio
from collections import OrderedDict, deque
from dataclasses import dataclass, replace
from typing import Any, Protocol

from voxd.commands import NextStep, PhraseKind, Say
from voxd.events import CallClosing, EndReason, Event, PlaybackFinished
from voxd.telemetry.journal import Journal
from voxd.telemetry.latency import TurnTimings, compute_turns
from voxd.telemetry.outcome import CallFacts

KEPT_CALLS = 200
"""Bound of the finished calls; the oldest goes."""
KEPT_WITH_TURNS = 64
"""Bound of those whose turns are kept as well, words and all: whoever wants them asks at the end of
the call."""
KEPT_TURNS = 200
"""Bound of the turns kept of one finished call; the latest stay."""


class RunningCall(Protocol):
    """What the registry needs of a call (`voxd.call.live.LiveCall`)."""

    @property
    def journal(self) -> Journal: ...

    @property
    def next_step(self) -> NextStep | None:
        """What the telephone company is to do once the transport is closed."""
        ...

    def request_shutdown(self) -> None:
        """End soon, with `EndReason.SHUTDOWN`."""
        ...

    def deliver(self, event: Event) -> None:
        """Take in what was learned elsewhere, such as by a webhook."""
        ...


@dataclass(frozen=True, slots=True)
class FinishedCall:
    """What is remembered of a call."""

    reason: EndReason
    turns: tuple[TurnTimings, ...] | None
    """None: not kept any more."""
    next_step: NextStep | None = None
    has_apologised: bool = False
    """The caller has heard, to its end, why nothing answers any more."""
    recording: str = ""
    """Sid of the message that was recorded after it."""
    recording_s: int | None = None
    """How long that is."""
    tenant: str = ""
    """Whose call it was."""


class CallRegistry:
    """Active calls, and the last `KEPT_CALLS` finished ones, by CallSid; the latest with turns."""

    def __init__(self) -> None:
        self._active: dict[str, RunningCall] = {}
        self._facts: dict[str, CallFacts] = {}
        """What is known of active calls; not of those that tests put here."""
        self._tasks: dict[str, asyncio.Task[Any]] = {}
        """What holds active calls, until their end is being told."""
        self._finished: OrderedDict[str, FinishedCall] = OrderedDict()
        self._with_turns: deque[str] = deque()
        """Finished calls whose turns are kept, oldest first; a bound's worth."""
        self._changed = asyncio.Condition()

    def __len__(self) -> int:
        """How many calls run now."""
        return len(self._active)

    def is_active(self, call_id: str) -> bool:
        return call_id in self._active

    def add(
        self,
        call_id: str,
        call: RunningCall,
        facts: CallFacts | None = None,
        task: asyncio.Task[Any] | None = None,
    ) -> None:
        """A call begins; its id must not be active.

        Args:
            task: what holds it, and tells of its end also when it is cancelled.
        """
        self._active[call_id] = call
        if facts is not None:
            self._facts[call_id] = facts
        if task is not None:
            self._tasks[call_id] = task

    def note_ending(self, call_id: str) -> None:
        """A call has ended and is about to be told of: nothing may break that off."""
        self._tasks.pop(call_id, None)

    def followed(self) -> list[tuple[CallFacts, Journal]]:
        """Each active call with what is known of it."""
        return [(facts, self._active[call_id].journal) for call_id, facts in self._facts.items()]

    async def finish(
        self, call_id: str, reason: EndReason, turns: tuple[TurnTimings, ...] | None = None
    ) -> None:
        """The call is over and has given back everything it held.

        Args:
            turns: where somebody has computed them already.
        """
        call = self._active.pop(call_id, None)
        self._facts.pop(call_id, None)
        self._tasks.pop(call_id, None)
        self._finished.pop(call_id, None)
        if call is None:
            finished = FinishedCall(reason, ())
        else:
            if turns is None:
                turns = tuple(compute_turns(call.journal.entries))
            has_apologised = _has_apologised(call.journal)
            finished = FinishedCall(
                *(reason, turns[-KEPT_TURNS:], call.next_step, has_apologised),
                tenant=call.journal.tenant,
            )
        self._finished[call_id] = finished
        while len(self._finished) > KEPT_CALLS:
            self._finished.popitem(last=False)
        self._with_turns.append(call_id)
        while len(self._with_turns) > KEPT_WITH_TURNS:
            self._forget_turns(self._with_turns.popleft())
        async with self._changed:
            self._changed.notify_all()

    def _forget_turns(self, call_id: str) -> None:
        """Its end stays. Of one that ended twice, only once the second end is old as well."""
        finished = self._finished.get(call_id)
        if finished is not None and call_id not in self._with_turns:
            self._finished[call_id] = replace(finished, turns=None)

    def deliver(self, call_id: str, event: Event) -> bool:
        """Give an event to a running call; False when it does not run."""
        call = self._active.get(call_id)
        if call is not None:
            call.deliver(event)
        return call is not None

    def note_recording(self, call_id: str, recording: str, recording_s: int | None) -> None:
        """A message was recorded after the end of a call; nothing if that is forgotten already."""
        finished = self._finished.get(call_id)
        if finished is not None:
            self._finished[call_id] = replace(
                finished, recording=recording, recording_s=recording_s
            )

    def finished(self, call_id: str) -> FinishedCall | None:
        """What is remembered of a call that is over; None while it runs or when it is unknown."""
        return None if call_id in self._active else self._finished.get(call_id)

    def turns(self, call_id: str) -> tuple[TurnTimings, ...] | None:
        """The turns of a running or finished call; None when it is unknown or long over."""
        if call_id in self._active:
            return tuple(compute_turns(self._active[call_id].journal.entries))
        finished = self._finished.get(call_id)
        return finished.turns if finished else None

    def end_reason(self, call_id: str) -> EndReason | None:
        """Why a call ended; None while it runs or when it is unknown."""
        if call_id in self._active:
            return None
        finished = self._finished.get(call_id)
        return finished.reason if finished else None

    def tenant(self, call_id: str) -> str:
        """Whose call it is or was; empty: nobody's in particular, or unknown."""
        if call_id in self._active:
            return self._active[call_id].journal.tenant
        finished = self._finished.get(call_id)
        return finished.tenant if finished else ""

    async def wait_finished(self, call_id: str, limit_s: float) -> EndReason | None:
        """Why a call ended, after waiting up to `limit_s` for its end."""
        try:
            async with asyncio.timeout(limit_s), self._changed:
                await self._changed.wait_for(lambda: call_id not in self._active)
        except TimeoutError:
            return None
        return self.end_reason(call_id)

    async def wait_empty(self) -> None:
        """Return once no call runs."""
        async with self._changed:
            await self._changed.wait_for(lambda: not self._active)

    def request_goodbye(self) -> None:
        """Ask every running call to say that the daemon stops, and to end then."""
        now = asyncio.get_running_loop().time()
        for call in list(self._active.values()):
            call.deliver(CallClosing(now))

    def request_shutdown(self) -> None:
        """Ask every running call to end now."""
        for call in list(self._active.values()):
            call.request_shutdown()

    def cancel(self) -> None:
        """Break off every call that has not ended; it is told of all the same."""
        for task in list(self._tasks.values()):
            task.cancel()


def _has_apologised(journal: Journal) -> bool:
    items = [item for _, item in journal.entries]
    apologies = {
        item.reply_id
        for item in items
        if isinstance(item, Say) and item.phrase in (PhraseKind.FAILURE, PhraseKind.CLOSING)
    }
    return any(isinstance(it, PlaybackFinished) and it.reply_id in apologies for it in items)
