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

from voxd.chains import declared_board, named_engines, unserved
from voxd.config import Config
from voxd.contracts import Engine
from voxd.engines.early import EarlyWork
from voxd.engines.failover.standby import ShadowSlots
from voxd.engines.health_board import HealthBoard
from voxd.engines.local.compute import open_compute
from voxd.engines.prober import Prober
from voxd.engines.registry import open_engines
from voxd.errors import Category, ConfigError, EngineError, ModelError, VoxdError
from voxd.lookup.client import LookupClient, open_lookup
from voxd.storage.speech_cache import SpeechCache
from voxd.telemetry.calls import CallRegistry, log_turns
from voxd.telemetry.journal import Journal
from voxd.telemetry.loop_lag import LoopLag
from voxd.telephony.calls import TwilioCalls, open_telephony
from voxd.tools.client import ToolClient, open_tools
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
    """Open, by name in config.toml; how well each is, the board knows."""
    speech_cache: SpeechCache
    board: HealthBoard
    calls: CallRegistry = field(default_factory=CallRegistry)
    loop_lag: LoopLag = field(default_factory=LoopLag)
    early: EarlyWork = field(default_factory=EarlyWork)
    """What was begun for calls that are announced."""
    shadows: ShadowSlots = field(default_factory=lambda: ShadowSlots(0))
    """Cloud calls whose conversation a local model reads along."""
    local_wait_s: Callable[[], float] = _no_wait
    """How long the request that has waited longest for local compute waits already, seconds."""
    lookup: LookupClient | None = None
    """The operator's own service that says whose call it is."""
    telephony: TwilioCalls | None = None
    """Takes orders about calls; None without the account's secrets."""
    tools: ToolClient | None = None
    """The operator's services that agents may ask."""

    def kept_sequences(self, llm: str) -> int:
        """Conversations of a local model that no call may begin with.

        They are for calls that begin at a provider and lose it; without such calls there is
        nothing to keep.
        """
        is_fallback = any(
            llm in tier.llm and not self.engines[first].capabilities.is_local
            for tier in self.config.tiers_in_use()
            for first in tier.llm[:1]
            if first in self.engines
        )
        return self.config.local.shadow_calls if is_fallback else 0

    def call_finished(self, journal: Journal, config: Config) -> None:
        """Feed a finished call to the logs (later: records, metrics).

        Args:
            config: as calls to its number see it.
        """
        log_turns(journal, config.tier().target_s)


@asynccontextmanager
async def open_runtime(
    config: Config, progress: Progress = lambda _: None
) -> AsyncIterator[Runtime]:
    """Open everything, warm it, yield it; close it in reverse order.

    Every engine that any tier names is opened. One that cannot be (no key, no SDK) is refused
    with its reason, and calls go to the next of their chain.

    Args:
        config: the judged config.
        progress: called with one short line for people whenever a step begins or ends.

    Raises:
        ConfigError: calls of some number would have no engine of some kind, or a secret is not set.
        ModelError: weights are missing or damaged.
        EngineError: no engine of some kind could be warmed.
    """
    named = named_engines(config)
    problems = unserved(config, declared_board(config))
    if problems:
        raise ConfigError("the configuration", problems)
    missing = missing_models(config, named.usable)
    if missing:
        raise ModelError("; ".join(str(problem) for problem in missing))
    refused = dict(named.refused)
    errors: dict[str, VoxdError] = {}

    def refuse(error: EngineError) -> None:
        errors[error.engine] = error
        refused[error.engine] = str(error)

    async with AsyncExitStack() as stack:
        lookup = await stack.enter_async_context(open_lookup(config))
        telephony = await stack.enter_async_context(open_telephony(config))
        tools = await stack.enter_async_context(open_tools(config))
        progress("starting model workers")
        compute = await stack.enter_async_context(open_compute(config.local))
        engines = await stack.enter_async_context(
            open_engines(named.usable, config, compute, refuse)
        )
        _tell_refused(config, refused, progress)
        board = HealthBoard(
            {name: engine.capabilities for name, engine in engines.items()},
            asyncio.get_running_loop().time,
            refused,
        )
        directory = config.resolve(config.cache.directory) if config.cache.directory else None
        fingerprints = await asyncio.to_thread(engine_fingerprints, config, tuple(engines))
        speech_cache = SpeechCache(directory, fingerprints)
        failed = await warm_up(config, engines, speech_cache, progress, errors)
        for name in failed.keys() & engines.keys():
            error = failed[name]
            category = error.category if isinstance(error, EngineError) else Category.SERVER
            board.record_failed_start(name, category)
        await stack.enter_async_context(background(Prober(engines, board, config.health).run()))
        early = EarlyWork()
        stack.push_async_callback(early.aclose)
        # Measured from here: what starting did to the loop says nothing about calls.
        loop_lag = LoopLag()
        await stack.enter_async_context(background(loop_lag.run()))
        yield Runtime(
            config=config,
            engines=engines,
            speech_cache=speech_cache,
            board=board,
            loop_lag=loop_lag,
            early=early,
            shadows=ShadowSlots(config.local.shadow_calls),
            local_wait_s=lambda: compute.load().wait_s,
            lookup=lookup,
            telephony=telephony,
            tools=tools,
        )


def _tell_refused(config: Config, refused: Mapping[str, str], progress: Progress) -> None:
    """Say once which engines calls must do without; those that no call wants are for the log."""
    tiers = config.tiers_in_use()
    wanted = {name for tier in tiers for name in (*tier.stt, *tier.llm, *tier.tts, *tier.turn)}
    for name, reason in refused.items():
        level = logging.WARNING if name in wanted else logging.INFO
        logger.log(level, "engine is not used", extra={"engine": name, "reason": reason})
        if name in wanted:
            progress(f"{name} is not used ({reason})")


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
