"""When to start the next engine and when to leave one. Pure; time is an argument."""

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Limits:
    """Until when an engine at work must make progress; seconds, loop clock."""

    soft_at: float
    """From then on it is late: the next engine is started beside it."""
    hard_at: float
    """From then on it is left."""


@dataclass(frozen=True, slots=True)
class Start:
    """Start the next engine of the chain."""


@dataclass(frozen=True, slots=True)
class Leave:
    """Leave one of those at work."""

    index: int
    """Its place in what was asked about."""


@dataclass(frozen=True, slots=True)
class Wait:
    """Nothing to do before something arrives."""

    until: float | None
    """Ask again then; None: only when something arrives."""


def choose_step(
    at_work: Sequence[Limits], now: float, *, has_next: bool, may_end: bool = False
) -> Start | Leave | Wait:
    """What is to be done now.

    Args:
        at_work: the engines at work, in the order in which they were started.
        now: seconds, loop clock.
        has_next: another engine can be started.
        may_end: the last one may be left even so; there is nothing more to wait for.
    """
    may_leave = has_next or may_end or len(at_work) > 1
    if may_leave:
        for index, limits in enumerate(at_work):
            if now >= limits.hard_at:
                return Leave(index)
    if has_next and all(now >= limits.soft_at for limits in at_work):
        return Start()
    turns = [limits.soft_at for limits in at_work] if has_next else []
    turns += [limits.hard_at for limits in at_work] if may_leave else []
    return Wait(min((turn for turn in turns if turn > now), default=None))
