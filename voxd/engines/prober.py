"""Finds out whether engines are well again, so that no caller has to. I/O; one per daemon.

One loop per engine, so that there is never more than one probe of it at once and a slow one
holds up no other. What is probed, every `[health] probe_s`:

* PROBING (its ejection is over, or it is doubted: then at once) and DEGRADED engines: probes
  bring them back;
* HEALTHY ones that nobody used for `idle_probe_s` (0: none), so that an outage at night is known in
  the morning;
* never an EJECTED one: that is what the ejection is.
"""

import asyncio
import contextlib
import logging
from collections.abc import Mapping

from voxd.config import Health
from voxd.contracts import Engine, EngineState
from voxd.engines.health_board import HealthBoard
from voxd.errors import Category, EngineError, Phase

logger = logging.getLogger(__name__)

_BUSY = frozenset({Category.OVERLOADED, Category.TIMEOUT})


class Prober:
    """Probes engines for the board."""

    def __init__(self, engines: Mapping[str, Engine], board: HealthBoard, settings: Health) -> None:
        self._engines = engines
        self._board = board
        self._settings = settings

    async def run(self) -> None:
        """Watch every engine until cancelled."""
        async with asyncio.TaskGroup() as tasks:
            for engine in self._engines.values():
                tasks.create_task(self._watch(engine))

    async def _watch(self, engine: Engine) -> None:
        doubted = self._board.doubted[engine.name]
        while True:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(self._settings.probe_s):
                    await doubted.wait()
            doubted.clear()
            if self._is_due(engine.name):
                try:
                    await self._probe(engine)
                except Exception:  # border: a background loop
                    logger.exception("bug in a probe", extra={"engine": engine.name})

    def _is_due(self, name: str) -> bool:
        match self._board.verdict(name).state:
            case EngineState.EJECTED:
                return False
            case EngineState.HEALTHY:
                idle_probe_s = self._settings.idle_probe_s
                return idle_probe_s > 0 and self._board.idle_s(name) >= idle_probe_s
            case _:
                return True

    async def _probe(self, engine: Engine) -> None:
        limit_s = self._settings.probe_limit_s
        try:
            async with asyncio.timeout(limit_s):
                latency_s = await engine.probe()
        except TimeoutError:
            message = f"no result of a probe within {limit_s} s"
            failed = EngineError(engine.name, Category.TIMEOUT, Phase.FIRST_RESULT, message)
        except EngineError as error:
            failed = error
        else:
            self._board.record_probe(engine.name, latency_s)
            return
        if engine.capabilities.is_local and failed.category in _BUSY:
            # Callers go first on this machine: a probe that waited in vain says nothing.
            self._board.record_no_probe(engine.name)
            return
        logger.debug("probe failed", extra={"engine": engine.name, "error": str(failed)})
        self._board.record_probe_error(failed)
