"""Which engine of a chain is tried when: the walk of one call along it. Pure; time is an argument.

Engines that were never left come first, in the order of the chain. When all were left, they are
tried again, each after a pause that grows with its failures: an engine that is being restarted (a
worker takes about a second) is met again. `TRIES` failures since the last words
are the end of an engine, and so is a refusal that no waiting helps against.
"""

from dataclasses import dataclass

from voxd.errors import Category, EngineError

TRIES = 4
"""Failures of one engine in a row, without any words between them, before it is given up."""
FIRST_PAUSE_S = 0.1
"""Pause before the same engine is tried again; it triples: 0.1, 0.3, 0.9 s."""
RATE_LIMIT_S = 10.0
"""Pause after a rate limit that names no time."""
PATIENCE_S = 1.0
"""A chain whose engines all must not be asked for longer than this is exhausted."""

_FOR_GOOD = frozenset({Category.AUTH, Category.QUOTA, Category.BAD_REQUEST})
"""Asked again within the call, the engine would say the same."""


@dataclass(slots=True)
class _Tried:
    failures: int = 0
    """Since the last words of any engine."""
    was_left: bool = False
    not_before: float = float("-inf")


@dataclass(frozen=True, slots=True)
class Choice:
    """An engine to try."""

    index: int
    """Its place in the chain."""
    not_before: float
    """When; may have passed."""


class ChainWalk:
    """The state of one call's walk."""

    def __init__(self, length: int) -> None:
        self._tried = [_Tried() for _ in range(length)]
        self._last = -1

    def start(self, index: int) -> None:
        """This engine is tried now."""
        self._last = index

    def note_words(self) -> None:
        """Some engine works: past failures count no more against giving up."""
        for tried in self._tried:
            tried.failures = 0

    def note_left(self, index: int, error: EngineError, now: float) -> None:
        """An engine failed, or was left for missing a deadline."""
        tried = self._tried[index]
        tried.was_left = True
        tried.failures += 1
        pause_s = FIRST_PAUSE_S * 3 ** (tried.failures - 1)
        if error.category in _FOR_GOOD:
            pause_s = float("inf")
        elif error.category is Category.RATE_LIMIT:
            pause_s = RATE_LIMIT_S if error.retry_after_s is None else error.retry_after_s
        tried.not_before = now + pause_s

    def choose_untried(self, running: set[int]) -> int | None:
        """The next engine that the call has not left yet, to be started beside others."""
        for index, tried in enumerate(self._tried):
            if index not in running and not tried.was_left:
                return index
        return None

    def choose(self, running: set[int], now: float) -> Choice | None:
        """The next engine to try, as soon as it may be; None when the chain is exhausted."""
        able = [
            index
            for index, tried in enumerate(self._tried)
            if index not in running
            and tried.failures < TRIES
            and tried.not_before <= now + PATIENCE_S
        ]
        if not able:
            return None

        def rank(index: int) -> tuple[float, bool, int, int]:
            tried = self._tried[index]
            steps = (index - self._last - 1) % len(self._tried)
            return max(now, tried.not_before), tried.was_left, tried.failures, steps

        index = min(able, key=rank)
        return Choice(index, self._tried[index].not_before)
