"""A scripted `TurnJudge`: what each pause sounds like, in order. It fails, is late or hangs."""

import asyncio

from voxd.contracts import Capabilities, EngineState, EngineStatus, Priority
from voxd.errors import Category, EngineError, Phase
from voxd.events import Kind


class FakeTurnJudge:
    """Judges the n-th pause by the n-th probability, further ones by the last."""

    capabilities = Capabilities(Kind.TURN, True, (), 0.06)

    def __init__(self, *probabilities: float, name: str = "fake-turn") -> None:
        self.name = name
        self.probabilities = probabilities or (0.97,)
        self.heard: list[bytes] = []
        """The mu-law of each pause that was asked about."""
        self.late_s = 0.05
        """Seconds that a judgement takes."""
        self.is_hung = False
        """While true none comes."""
        self.failure: EngineError | None = None
        """Instead of a judgement."""
        self.active = 0

    def status(self) -> EngineStatus:
        return EngineStatus(self.name, Kind.TURN, EngineState.HEALTHY)

    async def warm(self) -> None:
        return

    async def probe(self) -> float:
        return self.capabilities.expected_latency_s

    def error(self, category: Category = Category.CONNECTIVITY) -> EngineError:
        return EngineError(self.name, category, Phase.FIRST_RESULT, "scripted")

    async def judge(self, call_id: str, mulaw: bytes, priority: Priority) -> float:
        assert priority is Priority.COMMITTED
        probability = self.probabilities[min(len(self.heard), len(self.probabilities) - 1)]
        self.heard.append(mulaw)
        self.active += 1
        try:
            if self.failure is not None:
                raise self.failure
            await asyncio.sleep(1e9 if self.is_hung else self.late_s)
            return probability
        finally:
            self.active -= 1
