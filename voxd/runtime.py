"""Everything that calls share, built and closed in order, here and nowhere else.

`open_runtime` is used by the daemon (`voxd.app`) and by tests; what one call owns is built by
`voxd.call.build`. All parts are passed by parameter: there are no module-level instances.
"""

import asyncio
import logging
from collections.abc import AsyncIterator, Callable, Coroutine, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from enum import StrEnum

from voxd.config import Config
from voxd.contracts import Engine
from voxd.engines.local.compute import open_compute
from voxd.engines.registry import open_engines
from voxd.errors import ModelError
from voxd.storage.speech_cache import SpeechCache
from voxd.telemetry.calls import CallRegistry, log_turns
from voxd.telemetry.journal import Journal
from voxd.telemetry.loop_lag import LoopLag
from voxd.warmup import Progress, engine_fingerprints, missing_models, warm_up

logger = logging.getLogger(__name__)


class Stage(StrEnum):
    """Where the daemon is in its life; only READY takes calls."""

    STARTING = "starting"
    READY = "ready"
    DRAINING = "draining"


def _no_wait() -> float:
    return 0.0


@dataclass(frozen=True, slots=True)
class Runtime:
    """What calls share. Frozen: parts change inside, none is exchanged."""

    config: Config
    engines: Mapping[str, Engine]
    """Open and warm, by name in config.toml."""
    speech_cache: SpeechCache
    calls: CallRegistry = field(default_factory=CallRegistry)
    loop_lag: LoopLag = field(default_factory=LoopLag)
    local_wait_s: Callable[[], float] = _no_wait
    """How long the request that has waited longest for local compute waits already, seconds."""

    def call_finished(self, journal: Journal) -> None:
        """Feed a finished call to the logs (later: records, metrics, health)."""
        log_turns(journal, self.config.tier().target_s)


def engine_names(config: Config) -> tuple[str, ...]:
    """The engines that the configured tier uses, each once, in chain order."""
    tier = config.tier()
    return tuple(dict.fromkeys((*tier.stt, *tier.llm, *tier.tts)))


@asynccontextmanager
async def open_runtime(
    config: Config, progress: Progress = lambda _: None
) -> AsyncIterator[Runtime]:
    """Open everything, warm it, yield it; close it in reverse order.

    Args:
        config: the judged config.
        progress: called with one short line for people whenever a step begins or ends.

    Raises:
        ModelError: weights are missing or damaged.
        EngineError: no engine of some kind could be warmed.
    """
    async with AsyncExitStack() as stack:
        missing = missing_models(config, engine_names(config))
        if missing:
            raise ModelError("; ".join(str(problem) for problem in missing))
        progress("starting model workers")
        compute = await stack.enter_async_context(open_compute(config.local))
        names = engine_names(config)
        engines = await stack.enter_async_context(open_engines(names, config, compute))
        directory = config.resolve(config.cache.directory) if config.cache.directory else None
        fingerprints = await asyncio.to_thread(engine_fingerprints, config, names)
        speech_cache = SpeechCache(directory, fingerprints)
        await warm_up(config, engines, speech_cache, progress)
        # Measured from here: what starting did to the loop says nothing about calls.
        loop_lag = LoopLag()
        await stack.enter_async_context(background(loop_lag.run()))
        yield Runtime(
            config=config,
            engines=engines,
            speech_cache=speech_cache,
            loop_lag=loop_lag,
            local_wait_s=lambda: compute.load().wait_s,
        )


@asynccontextmanager
async def background(work: Coroutine[None, None, None]) -> AsyncIterator[None]:
    """Have `work` run while the body does; it is cancelled and awaited at the end."""
    # Not a TaskGroup: it would wrap whatever error leaves the body into an ExceptionGroup.
    task = asyncio.get_running_loop().create_task(work)
    try:
        yield
    finally:
        task.cancel()
        await asyncio.wait([task])
