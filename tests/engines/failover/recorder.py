"""A health board that only remembers, and the clock and events of one call."""

import asyncio
from dataclasses import dataclass, field

from voxd.errors import Category, EngineError
from voxd.events import EngineSwitched, Event


@dataclass
class Recorder:
    """`contracts.HealthRecorder`, `post` and `now` in one."""

    results: list[tuple[str, float]] = field(default_factory=list)
    late: list[tuple[str, float]] = field(default_factory=list)
    errors: list[tuple[str, Category]] = field(default_factory=list)
    switches: list[tuple[str, str]] = field(default_factory=list)
    hedges: list[tuple[str, bool]] = field(default_factory=list)
    ill: set[str] = field(default_factory=set)
    """Engines that are not healthy."""
    posted: list[Event] = field(default_factory=list)

    def record_result(self, engine: str, latency_s: float) -> None:
        self.results.append((engine, round(latency_s, 3)))

    def record_error(self, error: EngineError) -> None:
        self.errors.append((error.engine, error.category))

    def record_late(self, engine: str, waited_s: float) -> None:
        self.late.append((engine, round(waited_s, 3)))

    def record_switch(self, left: str, taken: str) -> None:
        self.switches.append((left, taken))

    def record_hedge(self, engine: str, *, won: bool) -> None:
        self.hedges.append((engine, won))

    def is_healthy(self, engine: str) -> bool:
        return engine not in self.ill

    def post(self, event: Event) -> None:
        self.posted.append(event)

    @property
    def switched(self) -> list[tuple[str, str, Category]]:
        """The journal's switches."""
        return [
            (event.left, event.taken, event.category)
            for event in self.posted
            if isinstance(event, EngineSwitched)
        ]


def now() -> float:
    return asyncio.get_running_loop().time()
