"""When a worker counts as lost, and what that means. Pure; used by `supervisor` and `compute`.

`Watch` keeps its own clock, *watched time*: it advances by ticks, and a tick that came late
counts for two at most. A daemon that was itself stopped or starved (a suspended VM) therefore
does not kill its workers for having been quiet meanwhile.
"""

from dataclasses import dataclass, field
from enum import StrEnum

from voxd.errors import Category, Phase

FIRST_PAUSE_S = 0.1
"""Pause before the first restart; each further one in a row is twice as long."""
STABLE_S = 30.0
"""A worker that lived this long after it was ready counts as sound: the pauses begin anew."""
HOPELESS_STARTS = 3
"""Starts in a row that failed before its requests are refused at once instead of waiting."""
MAX_DEATHS = 2
"""A request during which this many workers died is not run again."""


class Verdict(StrEnum):
    """Why a worker is to be killed."""

    START = "start"
    """Not ready in time."""
    SILENT = "silent"
    """No sign of life."""
    LIMIT = "limit"
    """A request took longer than its limit."""


@dataclass(slots=True)
class _Held:
    limit_s: float
    since: float
    is_started: bool = False


@dataclass(slots=True)
class Watch:
    """One life of a worker process, as heard at its socket."""

    start_s: float
    silent_s: float
    tick_s: float
    """Seconds between two calls of `tick`."""
    _now: float = 0.0
    _ticked_at: float | None = None
    _heard: float = 0.0
    _is_ready: bool = False
    _held: dict[int, _Held] = field(default_factory=dict)

    def tick(self, at: float) -> Verdict | None:
        """Time passes; says whether the worker is lost now.

        Args:
            at: seconds, loop clock.
        """
        if self._ticked_at is not None:
            self._now += min(at - self._ticked_at, 2 * self.tick_s)
        self._ticked_at = at
        if not self._is_ready:
            return Verdict.START if self._now >= self.start_s else None
        if self._now - self._heard >= self.silent_s:
            return Verdict.SILENT
        if any(self._now - held.since >= held.limit_s for held in self._held.values()):
            return Verdict.LIMIT
        return None

    def heard(self) -> None:
        """Any frame arrived."""
        self._heard = self._now

    def ready(self) -> None:
        """The model is loaded; from here on silence counts."""
        self._is_ready = True
        self._heard = self._now

    def sent(self, request_id: int, limit_s: float) -> None:
        """A request was handed to the worker."""
        self._held[request_id] = _Held(limit_s, self._now)

    def started(self, request_id: int) -> None:
        """The worker computes it now; its limit counts from here."""
        if request_id in self._held:
            self._held[request_id].is_started = True
            self._held[request_id].since = self._now

    def answered(self, request_id: int) -> None:
        """It is over. Those that wait inside the worker have waited for this one: their limits
        count from here."""
        self._held.pop(request_id, None)
        for held in self._held.values():
            if not held.is_started:
                held.since = self._now

    def computing(self) -> set[int]:
        """The requests that were being computed (all, when the worker said of none)."""
        found = {key for key, held in self._held.items() if held.is_started}
        return found or set(self._held)


@dataclass(slots=True)
class Backoff:
    """How long to wait before a restart."""

    max_s: float
    _next_s: float = FIRST_PAUSE_S

    def pause_s(self, lived_s: float) -> float:
        """The pause after a worker that was ready for `lived_s` seconds (0: never ready)."""
        if lived_s >= STABLE_S:
            self._next_s = FIRST_PAUSE_S
        pause = min(self._next_s, self.max_s)
        self._next_s = min(2 * self._next_s, self.max_s)
        return pause


def judge_request(
    deaths: int, has_delivered: bool, retry: bool
) -> tuple[Category, Phase, str] | None:
    """What becomes of a request whose worker died: None runs it again, else how it fails.

    Args:
        deaths: how many workers died while they computed it, this one included; 0 when it only
            waited inside the worker.
        has_delivered: a part of its answer was handed over already.
        retry: its sender allows a second run.
    """
    if deaths >= MAX_DEATHS:
        return Category.BAD_REQUEST, Phase.FIRST_RESULT, f"{deaths} workers died of this request"
    if has_delivered:
        return Category.CONNECTIVITY, Phase.STREAM, "the worker died in mid-answer"
    if deaths and not retry:
        return Category.CONNECTIVITY, Phase.FIRST_RESULT, "the worker died"
    return None
