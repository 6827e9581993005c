"""The engines of one kind for one call: which comes first, and who is told of changes."""

from collections.abc import Callable, Sequence
from typing import Generic, TypeVar

from voxd.contracts import Engine, HealthRecorder
from voxd.errors import Category, EngineError
from voxd.events import EngineSwitched, Event, HedgeEnded, HedgeStarted, Kind

RETURN_S = 10.0
"""A call comes back to an engine that it left after this long at the earliest: one failure does
not make an engine unhealthy, and several probes have been there by then."""

E = TypeVar("E", bound=Engine)


class Roster(Generic[E]):
    """A chain and what this call has seen of it."""

    def __init__(
        self,
        kind: Kind,
        chain: Sequence[E],
        board: HealthRecorder,
        post: Callable[[Event], None],
        now: Callable[[], float],
        *,
        may_return: bool,
    ) -> None:
        """
        Args:
            chain: first to last, at least one.
            may_return: `order` follows health, back to engines that were left; else what was
                left is left for the call.
        """
        self.chain = tuple(chain)
        self._kind = kind
        self._board = board
        self._post = post
        self._now = now
        self._may_return = may_return
        self._left: dict[str, float] = {}
        """Engines that this call left, and when."""

    @property
    def current(self) -> E:
        """The engine that the next request goes to."""
        return self.order()[0]

    @property
    def is_only(self) -> bool:
        """There is one engine, so nobody to leave it for."""
        return len(self.chain) == 1

    def order(self) -> list[E]:
        """All engines, the one to be asked first in front. Those that were left are last."""
        if not self._may_return:
            return sorted(self.chain, key=lambda engine: self._left.get(engine.name, 0.0))
        for name, left_at in tuple(self._left.items()):
            if self._now() - left_at >= RETURN_S and self._board.is_healthy(name):
                del self._left[name]
        return sorted(
            self.chain,
            key=lambda engine: (
                engine.name in self._left,
                not self._board.is_healthy(engine.name),
            ),
        )

    def note_result(self, engine: E, latency_s: float) -> None:
        """An engine's first result came after this long."""
        self._board.record_result(engine.name, latency_s)

    def note_late(self, engine: E, waited_s: float) -> None:
        """An engine lost the race to one that was started beside it, after this long."""
        self._board.record_late(engine.name, waited_s)

    def note_hedge_started(self, engine: E) -> None:
        """An engine is started beside a slow one."""
        self._post(HedgeStarted(self._now(), self._kind, engine.name))

    def note_hedge(self, engine: E, *, won: bool) -> None:
        """An engine was started beside a slow one; did it deliver first?"""
        self._board.record_hedge(engine.name, won=won)
        self._post(HedgeEnded(self._now(), self._kind, engine.name, won))

    def note_failure(self, engine: E, error: EngineError) -> None:
        """An engine failed or missed a hard deadline: it is left."""
        self._board.record_error(error)
        self.leave(engine)

    def leave(self, engine: E) -> None:
        """Ask the others first from now on."""
        self._left[engine.name] = self._now()

    def note_switch(self, left: E, taken: E, category: Category) -> None:
        """One engine took over from another."""
        self._board.record_switch(left.name, taken.name)
        self._post(EngineSwitched(self._now(), self._kind, left.name, taken.name, category))
