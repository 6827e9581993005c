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
from typing import TYPE_CHECKING

from voxd.chains import declared_board, named_engines, unserved
from voxd.config import Config
from voxd.contracts import Engine
from voxd.engines.early import EarlyWork
from voxd.engines.failover.standby import ShadowSlots
from voxd.engines.health_board import HealthBoard
from voxd.engines.local.compute import LocalCompute, open_compute
from voxd.engines.prober import Prober
from voxd.engines.registry import open_engines
from voxd.errors import Category, ConfigError, EngineError, ModelError, VoxdError
from voxd.lookup.client import LookupClient, open_lookup
from voxd.quickly import import_beside
from voxd.records.opening import open_records
from voxd.records.writer import RecordWriter
from voxd.storage.speech_cache import SpeechCache
from voxd.telemetry.alerts import Alerter, open_alerts
from voxd.telemetry.calls import CallRegistry
from voxd.telemetry.follower import Follower, NewsObserver
from voxd.telemetry.journal import Journal
from voxd.telemetry.loop_lag import LoopLag
from voxd.telemetry.outcome import CallObserver, CallOutcome
from voxd.telemetry.promises import LatencyBook
from voxd.telemetry.telling import tell
from voxd.telemetry.turn_log import TurnLog
from voxd.telephony.calls import CLIENT, TwilioCalls, open_telephony, read_account
from voxd.tools.client import ToolClient, open_tools
from voxd.warmup import Progress, engine_fingerprints, missing_models, warm_up

if TYPE_CHECKING:  # what it imports is the daemon's alone
    from voxd.telemetry.metrics import CallMetrics

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
    follower: Follower = field(default_factory=lambda: Follower(()))
    """Tells of running calls what cannot wait for their end."""
    observers: tuple[CallObserver, ...] = (TurnLog(),)
    """Who is told of finished calls, in a thread."""
    latency: LatencyBook = field(default_factory=LatencyBook)
    """How the tiers' promises are kept."""
    metrics: "CallMetrics | None" = None
    """What Prometheus is told of calls."""
    alerter: Alerter | None = None
    """Tells the operator's service of violations; None without one."""
    compute: LocalCompute | None = None
    """The model workers of this machine."""
    records: RecordWriter | None = None
    """Keeps what is known of finished calls; None where nobody wants that."""

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

    async def call_finished(self, outcome: CallOutcome, journal: Journal | None) -> None:
        """Tell everybody who is interested how a call went; what one of them makes of it is his."""
        if journal is not None:
            tell(self.follower.finish, outcome, journal)
        if self.records is not None:
            tell(self.records.call_finished, outcome)
        # Lines and counts of each turn: of a long call more than the loop may be held for.
        await asyncio.to_thread(self._tell_observers, outcome)

    def _tell_observers(self, outcome: CallOutcome) -> None:
        for observer in self.observers:
            tell(observer.call_finished, outcome)


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
        if read_account() is not None:
            import_beside(CLIENT)  # a third of a second, while the workers load their models
        lookup = await stack.enter_async_context(open_lookup(config))
        tools = await stack.enter_async_context(open_tools(config))
        alerter = await stack.enter_async_context(open_alerts(config))
        progress("starting model workers")
        compute = await stack.enter_async_context(open_compute(config.local))
        engines = await stack.enter_async_context(
            open_engines(named.usable, config, compute, refuse)
        )
        telephony = await stack.enter_async_context(open_telephony(config))
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
        # Not at the top: the library behind it is the daemon's alone.
        from voxd.telemetry.metrics import CallMetrics

        calls, latency, metrics, turn_log = CallRegistry(), LatencyBook(), CallMetrics(), TurnLog()
        news: list[NewsObserver] = [turn_log, latency, metrics]
        if alerter is not None:
            news.append(alerter)
            await stack.enter_async_context(background(alerter.run()))
        follower = Follower(news)
        await stack.enter_async_context(background(follower.run(calls)))
        # Last: no call waits for it, and what its thread imports would make the start longer.
        records = await stack.enter_async_context(open_records(config))
        # Measured from here: what starting did to the loop says nothing about calls.
        loop_lag = LoopLag()
        await stack.enter_async_context(background(loop_lag.run()))
        yield Runtime(
            config=config,
            engines=engines,
            speech_cache=speech_cache,
            board=board,
            calls=calls,
            loop_lag=loop_lag,
            early=early,
            shadows=ShadowSlots(config.local.shadow_calls),
            local_wait_s=lambda: compute.load().wait_s,
            lookup=lookup,
            telephony=telephony,
            tools=tools,
            follower=follower,
            observers=(turn_log, metrics),
            latency=latency,
            metrics=metrics,
            alerter=alerter,
            compute=compute,
            records=records,
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
