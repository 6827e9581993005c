"""The end of a call, whatever it travelled by: everybody who is interested is told, once."""

import asyncio
import logging
from collections.abc import Callable

from voxd.events import EndReason
from voxd.runtime import Runtime
from voxd.telemetry.journal import Journal
from voxd.telemetry.outcome import CallFacts, conclude

logger = logging.getLogger(__name__)


async def end_call(
    runtime: Runtime,
    facts: CallFacts,
    journal: Journal | None,
    reason: EndReason,
    began: float,
    let_go: Callable[[], None] = lambda: None,
) -> None:
    """Tell the observers how a call went, and the registry that it is over.

    In this order: who waits for the last call to end finds it told of.

    Args:
        journal: None: the call was never built.
        began: seconds, loop clock.
        let_go: whoever holds the call besides lets go of it, in the moment in which it is over.
    """
    turns = None
    ended = asyncio.get_running_loop().time()
    runtime.calls.note_ending(facts.call_id)
    try:
        try:
            # In a thread: what a long call has recorded takes longer than the loop may be held.
            outcome = await asyncio.to_thread(conclude, facts, journal, reason, began, ended)
        except Exception:  # border: a call. Its end must be known, whatever its figures are.
            logger.exception("call was not concluded")
            outcome = conclude(facts, None, reason, began, ended)
        turns = outcome.turns
        await runtime.call_finished(outcome, journal)
    finally:
        runtime.follower.forget(facts.call_id)
        let_go()
        await runtime.calls.finish(facts.call_id, reason, turns)
