"""The calls in turns that run, by CallSid. They outlive requests; nothing else keeps them alive.

Bound: `twiml.max_calls`. Each ends by itself: by a hang-up, or because Twilio asks no more. Of the
last that ended the final answer is kept, for a request that Twilio repeats.
"""

import asyncio
import logging
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from voxd.call.turns.requests import Then, TurnAnswer
from voxd.config import Config
from voxd.errors import AdmissionRefused
from voxd.events import EndReason
from voxd.server.endings import end_call
from voxd.stack import CallStack
from voxd.telemetry.outcome import CallFacts, Direction, LineKind, describe_call

if TYPE_CHECKING:
    from voxd.call.turns.shell import TurnCall

logger = logging.getLogger(__name__)

KEPT_ANSWERS = 200
"""Bound of the final answers; the oldest goes."""


@dataclass(frozen=True, slots=True)
class LastWord:
    """The final answer of a call that is over."""

    answer: TurnAnswer
    config: Config
    """As the call saw it."""


class TurnCalls:
    """All calls in turns."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._calls: dict[str, tuple[TurnCall, Config]] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._ended: OrderedDict[str, LastWord] = OrderedDict()

    def __len__(self) -> int:
        """How many run."""
        return len(self._calls)

    def change(self, most: int) -> None:
        """Another bound for calls that come from now on."""
        self._most = most

    def check_room(self, waiting: int = 0) -> None:
        """Pass if there is room for one more.

        Args:
            waiting: calls that will come, and would be there before it.

        Raises:
            AdmissionRefused: there is none.
        """
        if len(self._calls) + waiting >= self._most:
            raise AdmissionRefused("max_turn_calls")

    def find(self, call_sid: str) -> "tuple[TurnCall, Config] | None":
        """A call that runs, and its config as it sees it."""
        return self._calls.get(call_sid)

    def last_word(self, call_sid: str) -> LastWord | None:
        """How a call ended; None when it runs, was lost, or nobody remembers."""
        return self._ended.get(call_sid)

    def start(
        self,
        stack: CallStack,
        parameters: Mapping[str, str],
        direction: Direction = Direction.INBOUND,
    ) -> "TurnCall":
        """Begin a call; its place at the language model is held from now on."""
        from voxd.call.turns.build import build_turn_call  # late, see `voxd.app.LATE`

        call = build_turn_call(stack, parameters)
        facts = describe_call(
            *(stack.config, call.call_id, parameters, direction, LineKind.TURNS),
            datetime.now(UTC),
        )
        self._calls[call.call_id] = (call, stack.config)
        task = asyncio.get_running_loop().create_task(self._run(call, stack, facts))
        stack.runtime.calls.add(call.call_id, call, facts, task)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return call

    async def aclose(self) -> None:
        """End and await what still runs."""
        tasks = list(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _run(self, call: "TurnCall", stack: CallStack, facts: CallFacts) -> None:
        runtime, reason = stack.runtime, EndReason.BUG
        own, began = stack.config.call, asyncio.get_running_loop().time()
        extra = {"call": call.call_id, "tier": own.tier, "tenant": own.tenant}
        logger.info("call in turns started", extra={**extra, "calls": len(self._calls)})
        try:
            reason = await call.run()
        except asyncio.CancelledError:
            reason = EndReason.SHUTDOWN  # nobody else cancels a call
            raise
        except Exception:  # border: a call. A bug in one must not reach another.
            logger.exception("call ended by a bug", extra=extra)
        finally:
            # Until it is told of, it answers; a request in between must not find it unknown.
            await end_call(
                *(runtime, facts, call.journal, reason, began),
                let_go=lambda: self._let_go(call, stack.config),
            )
            logger.info("call ended", extra={**extra, "reason": str(reason)})

    def _let_go(self, call: "TurnCall", config: Config) -> None:
        """The call is over: of it only its last answer is kept."""
        del self._calls[call.call_id]
        last = call.last_answer
        if last is None or last.then is not Then.END:
            return
        self._ended[call.call_id] = LastWord(last, config)
        while len(self._ended) > KEPT_ANSWERS:
            self._ended.popitem(last=False)
