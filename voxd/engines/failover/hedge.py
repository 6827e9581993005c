"""When to start the next engine and when to leave one. Pure; time is an argument."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

from voxd.config import Deadline

LAST = 3.0
"""The last engine of several gets so many times its hard deadline. Longer than the others, because
an answer that comes late is better than an apology; not for ever, because an apology that comes
soon is better than silence. An engine that is the only one is not left at all: its deadlines were
made for a chain, and the call's last net is the bound."""


@dataclass(frozen=True, slots=True)
class Limits:
    """Until when an engine at work must make progress; seconds, loop clock."""

    soft_at: float
    """From then on it is late: the next engine is started beside it."""
    hard_at: float
    """From then on it is left for another one."""
    last_at: float
    """From then on it is left even though it is the last of several."""

    @classmethod
    def after(cls, since: float, deadline: Deadline, last_since: float | None = None) -> Self:
        """The limits of a stage that has made no progress since then.

        Args:
            last_since: from when on time counts for the last of several; None: the same.
        """
        hard_s = deadline.hard_s
        last_since = since if last_since is None else last_since
        return cls(since + deadline.soft_s, since + hard_s, last_since + LAST * hard_s)


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
    at_work: Sequence[Limits],
    now: float,
    *,
    has_next: bool,
    may_end: bool = False,
    is_only: bool = False,
) -> Start | Leave | Wait:
    """What is to be done now.

    Args:
        at_work: the engines at work, in the order in which they were started.
        now: seconds, loop clock.
        has_next: another engine can be started.
        is_only: there was never another engine.
        may_end: the last one may be left as if there were another; all has been said.
    """
    may_leave = has_next or may_end or len(at_work) > 1
    leave_at = [limits.hard_at if may_leave else limits.last_at for limits in at_work]
    if is_only:
        leave_at = []
    for index, at in enumerate(leave_at):
        if now >= at:
            return Leave(index)
    if has_next and all(now >= limits.soft_at for limits in at_work):
        return Start()
    turns = [limits.soft_at for limits in at_work] if has_next else []
    turns += leave_at
    return Wait(min((turn for turn in turns if turn > now), default=None))
