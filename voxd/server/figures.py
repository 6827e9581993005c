"""How the daemon is at the moment of a scrape, as metrics. Reads its parts and changes nothing.

What is counted as it happens stands in `voxd.telemetry.metrics`; what a part of the daemon knows
anyway is read here, so that it is not kept twice.
"""

import asyncio
import platform
from collections import Counter
from collections.abc import Iterator, Mapping
from typing import TypeVar

from prometheus_client import Metric, ProcessCollector
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily

from voxd import __version__
from voxd.contracts import EngineState, Priority
from voxd.runtime import Runtime, Stage
from voxd.server.state import ServerState
from voxd.telemetry.outcome import LineKind

Labels = TypeVar("Labels", bound=tuple[str, ...])


def read_figures(state: ServerState) -> Iterator[Metric]:
    """Every family, one after the other; each takes well below a millisecond."""
    yield from ProcessCollector(registry=None).collect()
    version = (__version__, platform.python_version())
    yield _gauges("build_info", "The version that runs.", ("version", "python"), {version: 1})
    yield _gauge("ready", "1 while calls are taken.", state.stage is Stage.READY)
    yield _gauge("tasks", "Tasks of the event loop.", len(asyncio.all_tasks()))
    refused = {("request", reason): count for reason, count in state.guard.refused.items()}
    refused |= {("media_socket", why): count for why, count in state.refused_sockets.items()}
    text = "Requests and media sockets that were not let in."
    yield _counters("intruders_refused", text, ("door", "reason"), refused)
    short = {(reason,): count for reason, count in state.refused_calls.items()}
    text = "Calls that found no room, not in turns either."
    yield _counters("calls_refused", text, ("reason",), short)
    if state.admission is not None:
        reserved = state.admission.reserved
        yield _gauge("reserved_calls", "Calls that Twilio still connects.", reserved)
    if state.runtime is not None:
        yield from _read_calls(state.runtime)
        yield from _read_loop(state.runtime)
        yield from _read_engines(state.runtime)
        yield from _read_compute(state.runtime)
        yield from _read_stores(state.runtime)


def _read_calls(runtime: Runtime) -> Iterator[Metric]:
    active = Counter({(tier, str(kind)): 0 for tier in runtime.config.tiers for kind in LineKind})
    active.update((facts.tier, str(facts.transport)) for facts, _ in runtime.calls.followed())
    yield _gauges("active_calls", "Calls that run.", ("tier", "transport"), active)
    most = runtime.config.server.max_calls
    yield _gauge("max_calls", "Most calls on media streams.", most)
    targets = {(name,): tier.target_s for name, tier in runtime.config.tiers.items()}
    yield _gauges("target_seconds", "What a tier promises.", ("tier",), targets)


def _read_loop(runtime: Runtime) -> Iterator[Metric]:
    lag = runtime.loop_lag
    text = "Lag of the event loop that {} of the ticks of the last minute stayed below."
    yield _gauge("loop_lag_p50_seconds", text.format("half"), lag.percentile(0.5))
    yield _gauge("loop_lag_p99_seconds", text.format("99 in 100"), lag.percentile(0.99))
    text = "Largest lag of the event loop since the start."
    yield _gauge("loop_lag_worst_seconds", text, lag.worst_s)


def _read_engines(runtime: Runtime) -> Iterator[Metric]:
    board, engines = runtime.board, runtime.engines
    statuses = {name: engine.status() for name, engine in engines.items()}
    verdicts = {name: board.verdict(name).state for name in engines}
    states = {
        (name, str(statuses[name].kind), str(state)): verdicts[name] is state
        for name in engines
        for state in EngineState
    }
    text = "1 for the state that an engine is in."
    yield _gauges("engine_state", text, ("engine", "kind", "state"), states)
    queued = {(name,): status.queued for name, status in statuses.items()}
    text = "Requests that wait for a local engine."
    yield _gauges("engine_queued_requests", text, ("engine",), queued)
    active = {(name,): status.active for name, status in statuses.items()}
    text = "Requests that a local engine works on."
    yield _gauges("engine_active_requests", text, ("engine",), active)
    restarts = {(name,): status.restarts for name, status in statuses.items()}
    yield _counters("worker_restarts", "Model workers started again.", ("engine",), restarts)
    ejections = {(name,): board.ejections[name] for name in engines}
    text = "Times that calls were kept from an engine."
    yield _counters("engine_ejections", text, ("engine",), ejections)
    hedges = {(name, "won"): board.hedges_won[name] for name in engines}
    hedges |= {(name, "wasted"): board.hedges_wasted[name] for name in engines}
    text = "Engines started beside a late one: delivered first, or in vain."
    yield _counters("hedges", text, ("engine", "result"), hedges)


def _read_compute(runtime: Runtime) -> Iterator[Metric]:
    text = "Longest wait for local compute that somebody feels."
    yield _gauge("local_wait_seconds", text, runtime.local_wait_s())
    text = "Cloud calls that a local model reads along."
    yield _gauge("shadow_calls", text, runtime.shadows.in_use)
    if runtime.compute is not None:
        waiting = runtime.compute.waiting()
        depths = {(_word(priority),): waiting[priority] for priority in Priority}
        text = "Requests that wait for local compute."
        yield _gauges("local_queue_requests", text, ("priority",), depths)
        yield from runtime.compute.waits.collect()


def _read_stores(runtime: Runtime) -> Iterator[Metric]:
    cache = runtime.speech_cache
    asked = {("hit",): cache.hits, ("miss",): cache.misses}
    text = "Rendered speech that calls asked for."
    yield _counters("speech_cache_requests", text, ("result",), asked)
    writer = runtime.records
    if writer is not None:
        yield _gauge("records_waiting", "Calls that wait to be written down.", writer.depth)
        kept = {("written",): writer.written, ("spilled",): writer.spilled}
        kept |= {("dropped",): writer.dropped}
        text = "Calls that were written down, put on disk first, or lost."
        yield _counters("records", text, ("result",), kept)
    if runtime.alerter is not None:
        counts = runtime.alerter.counts
        results = {(result,): counts[result] for result in ("sent", "failed", "dropped")}
        yield _counters("alerts", "Alerts about latency.", ("result",), results)
        text = "Violations that were told of, and no recovery yet."
        yield _gauge("open_incidents", text, runtime.alerter.open_incidents)


def _word(priority: Priority) -> str:
    return priority.name.lower()


def _gauge(name: str, text: str, value: float) -> Metric:
    return GaugeMetricFamily(f"voxd_{name}", text, value=value)


def _gauges(
    name: str, text: str, labels: tuple[str, ...], values: Mapping[Labels, float]
) -> Metric:
    family = GaugeMetricFamily(f"voxd_{name}", text, labels=labels)
    for given, value in values.items():
        family.add_metric(given, value)
    return family


def _counters(
    name: str, text: str, labels: tuple[str, ...], values: Mapping[Labels, float]
) -> Metric:
    family = CounterMetricFamily(f"voxd_{name}", text, labels=labels)
    for given, value in values.items():
        family.add_metric(given, value)
    return family
