"""Which calls run and how the last ones went. In memory only; written by the media socket.

`/twilio/after` asks it why a call ended, `/calls/{CallSid}` for its timings, the drain whether
any call is left, admission how many there are.
"""

import asyncio
import logging
from collections import OrderedDict
from dataclasses import dataclass, replace
from typing import Protocol

from voxd.commands import NextStep, PhraseKind, Say
from voxd.events import EndReason, Event, PlaybackFinished
from voxd.telemetry.journal import Journal
from voxd.telemetry.latency import TurnTimings, compute_turns

logger = logging.getLogger(__name__)

KEPT_CALLS = 200
"""Bound of the finished calls; the oldest goes."""
KEPT_TURNS = 200
"""Bound of the turns kept of one finished call; the latest stay."""
VIOLATION_FACTOR = 1.5
"""Above target times this, a slow turn is a LATENCY VIOLATION (design, section 2)."""

_LOGGED = (
    "turn",
    "end_rule",
    "endpoint_ms",
    "wait_ms",
    "stt_latency_ms",
    "judge_latency_ms",
    "turn_probability",
    "llm_ttft_ms",
    "llm_clause_ms",
    "tts_ttfa_ms",
    "total_latency_ms",
    "voice_to_voice_ms",
    "is_premature",
    "underrun_s",
    "clauses",
    "attempts",
    "wasted_tokens",
    "wasted_characters",
)
"""What a log line says of a turn: its figures, never its words."""


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
    turns: tuple[TurnTimings, ...]
    next_step: NextStep | None = None
    has_apologised: bool = False
    """The caller has heard, to its end, that nothing answers any more."""
    recording: str = ""
    """Sid of the message that was recorded after it."""
    recording_s: int | None = None
    """How long that is."""
    tenant: str = ""
    """Whose call it was."""


class CallRegistry:
    """Active calls, and the last `KEPT_CALLS` finished ones, by CallSid."""

    def __init__(self) -> None:
        self._active: dict[str, RunningCall] = {}
        self._finished: OrderedDict[str, FinishedCall] = OrderedDict()
        self._changed = asyncio.Condition()

    def __len__(self) -> int:
        """How many calls run now."""
        return len(self._active)

    def is_active(self, call_id: str) -> bool:
        return call_id in self._active

    def add(self, call_id: str, call: RunningCall) -> None:
        """A call begins; its id must not be active."""
        self._active[call_id] = call

    async def finish(self, call_id: str, reason: EndReason) -> None:
        """The call is over and has given back everything it held."""
        call = self._active.pop(call_id, None)
        self._finished.pop(call_id, None)
        if call is None:
            finished = FinishedCall(reason, ())
        else:
            turns = tuple(compute_turns(call.journal.entries)[-KEPT_TURNS:])
            has_apologised = _has_apologised(call.journal)
            finished = FinishedCall(
                reason, turns, call.next_step, has_apologised, tenant=call.journal.tenant
            )
        self._finished[call_id] = finished
        while len(self._finished) > KEPT_CALLS:
            self._finished.popitem(last=False)
        async with self._changed:
            self._changed.notify_all()

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
        """The turns of a running or finished call; None when it is unknown."""
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

    def request_shutdown(self) -> None:
        """Ask every running call to end now."""
        for call in list(self._active.values()):
            call.request_shutdown()


def _has_apologised(journal: Journal) -> bool:
    items = [item for _, item in journal.entries]
    apologies = {
        item.reply_id
        for item in items
        if isinstance(item, Say) and item.phrase is PhraseKind.FAILURE
    }
    return any(isinstance(it, PlaybackFinished) and it.reply_id in apologies for it in items)


def log_turns(journal: Journal, target_s: float) -> None:
    """One line per turn of a finished call; slow turns say so. No words, no numbers."""
    for turn in compute_turns(journal.entries):
        described = turn.to_json()
        call = {"call": journal.call_id, "tenant": journal.tenant}
        fields = {**call, **{name: described[name] for name in _LOGGED}}
        heard_s = (turn.voice_to_voice_ms or 0.0) / 1000
        if heard_s > target_s * VIOLATION_FACTOR:
            logger.warning("LATENCY VIOLATION", extra={**fields, "target_s": target_s})
        elif heard_s > target_s:
            logger.info("turn slower than its target", extra={**fields, "target_s": target_s})
        else:
            logger.info("turn", extra=fields)
