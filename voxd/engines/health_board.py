"""The health of every engine, shared by all calls. Reads the clock it is given; no other I/O.

Calls report what they see (`record_result`, `record_error`), the prober what it tries; calls that
begin ask for a chain. What one call found out, the next one knows. Every change of an engine's
state is logged once, with its reason, and `/health` shows both.
"""

import asyncio
import logging
from collections import Counter
from collections.abc import Callable, Mapping, Sequence

from voxd.contracts import Capabilities, EngineState
from voxd.errors import Category, EngineError
from voxd.selection.health import EngineHealth, Verdict
from voxd.selection.policy import Candidate, Chain, Judgement, choose_chain

logger = logging.getLogger(__name__)


class HealthBoard:
    """One `EngineHealth` per open engine; and why the others are not open."""

    def __init__(
        self,
        capabilities: Mapping[str, Capabilities],
        now: Callable[[], float],
        refused: Mapping[str, str] | None = None,
    ) -> None:
        """
        Args:
            capabilities: of each open engine, by its name in config.toml.
            now: seconds, the loop's clock.
            refused: engines that tiers name and that could not be opened, with the reason.
        """
        self._capabilities = dict(capabilities)
        self._now = now
        self._refused = dict(refused or {})
        self._health = {
            name: EngineHealth(declared.expected_latency_s)
            for name, declared in self._capabilities.items()
        }
        self._last_used = dict.fromkeys(self._health, now())
        self._shown = {name: health.verdict(now()) for name, health in self._health.items()}
        self._ill: set[str] = set()
        """Engines whose illness was warned of and that were not healthy since."""
        self.doubted = {name: asyncio.Event() for name in self._health}
        """Set when an error makes an engine one that must be probed; the prober clears it."""
        self.switches: Counter[tuple[str, str]] = Counter()
        """How often a call left one engine for another: (left, taken)."""
        self.hedges_won: Counter[str] = Counter()
        """Per engine: how often it was started beside a slow one and delivered first."""
        self.hedges_wasted: Counter[str] = Counter()
        """Per engine: how often it was started beside a slow one in vain."""
        self.ejections: Counter[str] = Counter()
        """Per engine: how often calls were kept from it."""

    @property
    def names(self) -> tuple[str, ...]:
        """Every engine that is open."""
        return tuple(self._health)

    # --- what calls report --------------------------------------------------------------------

    def record_result(self, engine: str, latency_s: float) -> None:
        """A caller's request got its first result after this long."""
        self._last_used[engine] = self._now()
        self._health[engine].record_result(self._now(), latency_s)
        self._note(engine)

    def record_error(self, error: EngineError) -> None:
        """A caller's request failed, or its engine was left for missing a hard deadline."""
        self._last_used[error.engine] = self._now()
        self._health[error.engine].record_error(self._now(), error.category, error.retry_after_s)
        self._note(error.engine)

    def record_late(self, engine: str, waited_s: float) -> None:
        """It delivered nothing for this long, and what another one delivered was used instead."""
        self._last_used[engine] = self._now()
        self._health[engine].record_late(self._now(), waited_s)
        self._note(engine)

    def record_switch(self, left: str, taken: str) -> None:
        """A call left one engine for another."""
        self.switches[left, taken] += 1

    def record_hedge(self, engine: str, *, won: bool) -> None:
        """This engine was started beside a slow one; did it deliver first?"""
        (self.hedges_won if won else self.hedges_wasted)[engine] += 1

    # --- what the prober reports --------------------------------------------------------------

    def record_probe(self, engine: str, latency_s: float) -> None:
        """A probe succeeded."""
        self._last_used[engine] = self._now()
        self._health[engine].record_probe(self._now(), latency_s, None)
        self._note(engine)

    def record_probe_error(self, error: EngineError) -> None:
        """A probe failed."""
        self._last_used[error.engine] = self._now()
        self._health[error.engine].record_probe(self._now(), None, error.category)
        self._note(error.engine)

    def record_no_probe(self, engine: str) -> None:
        """A probe was put off: it says nothing, and is not to be repeated at once."""
        self._last_used[engine] = self._now()

    def record_failed_start(self, engine: str, category: Category) -> None:
        """An engine could not be made ready when the daemon started."""
        self._health[engine].record_failed_start(self._now(), category)
        self._note(engine)

    def account_changed(self) -> None:
        """Somebody has seen to keys or bills: engines refused for these are worth a probe."""
        for name, health in self._health.items():
            if health.is_ejected_for_good:
                health.credential_changed()
                self._note(name)

    # --- what is asked ------------------------------------------------------------------------

    def health(self, engine: str) -> EngineHealth:
        """The health of an open engine."""
        return self._health[engine]

    def verdict(self, engine: str) -> Verdict:
        """How an open engine is at this moment, and why."""
        return self._note(engine)

    def is_healthy(self, engine: str) -> bool:
        """May a call that left this engine come back to it?"""
        return self.verdict(engine).state is EngineState.HEALTHY

    def idle_s(self, engine: str) -> float:
        """Seconds since the engine was last asked for anything, a probe included."""
        return self._now() - self._last_used[engine]

    def chain(self, names: Sequence[str], language: str) -> Chain:
        """The engines for a call, first to last, of those that its tier names for one kind."""
        candidates = [
            Candidate(name, self._capabilities[name], self._health[name])
            for name in names
            if name in self._health
        ]
        chosen = choose_chain(candidates, language, self._now())
        judged = {judgement.name: judgement for judgement in chosen.judgements}
        return Chain(
            chosen.names,
            tuple(
                judged.get(name) or Judgement(name, None, self._refused.get(name, "not open"))
                for name in names
            ),
        )

    @property
    def refused(self) -> Mapping[str, str]:
        """Engines that tiers name and that are not open, with the reason."""
        return self._refused

    def _note(self, engine: str) -> Verdict:
        """Look at an engine; a change of state is logged."""
        verdict = self._health[engine].verdict(self._now())
        before, self._shown[engine] = self._shown[engine], verdict
        if verdict.state is not before.state:
            if verdict.state is EngineState.PROBING:
                self.doubted[engine].set()
            self.ejections[engine] += verdict.state is EngineState.EJECTED
            is_ill = verdict.state in (EngineState.DEGRADED, EngineState.EJECTED)
            is_news = is_ill and engine not in self._ill
            if is_ill:
                self._ill.add(engine)
            elif verdict.state is EngineState.HEALTHY:
                self._ill.discard(engine)
            logger.log(
                logging.WARNING if is_news else logging.INFO,
                "engine health changed",
                extra={
                    "engine": engine,
                    "was": str(before.state),
                    "state": str(verdict.state),
                    "reason": verdict.reason or before.reason,
                },
            )
        return verdict
