"""Every engine, one line each, and the way to open those that a config names. I/O.

Called by `config` loading (`settings_types`) and by `runtime` (`open_engines`). An engine's
module is imported only when it is needed, and it imports its provider's library only when it is
opened, so that optional libraries stay optional. It exposes `Settings` (a frozen pydantic
model), `CAPABILITIES` and `open_engine(name, settings, services)`.
"""

import asyncio
import contextlib
import importlib
from collections.abc import AsyncIterator, Iterable
from dataclasses import dataclass
from typing import Any

from voxd.config import Config, EngineSettings
from voxd.contracts import Engine
from voxd.engines.local.compute import LocalCompute
from voxd.events import Kind


@dataclass(frozen=True, slots=True)
class Entry:
    """One engine that a config may name."""

    name: str
    kind: Kind
    is_local: bool
    module: str


REGISTRY = (
    Entry("faster-whisper", Kind.STT, True, "voxd.engines.stt.faster_whisper"),
    Entry("llamacpp", Kind.LLM, True, "voxd.engines.llm.llamacpp"),
    Entry("piper", Kind.TTS, True, "voxd.engines.tts.piper"),
)

ENTRIES = {entry.name: entry for entry in REGISTRY}


@dataclass(frozen=True, slots=True)
class Services:
    """What an engine may use of the daemon."""

    config: Config
    compute: LocalCompute


def settings_types() -> EngineSettings:
    """Each engine's kind and the model of its table, for `voxd.config.load_config`."""
    return {entry.name: (entry.kind.value, _module(entry.name).Settings) for entry in REGISTRY}


@contextlib.asynccontextmanager
async def open_engines(
    names: Iterable[str], config: Config, compute: LocalCompute
) -> AsyncIterator[dict[str, Engine]]:
    """Open the named engines side by side; leaving closes them all.

    Each engine is opened and closed by a task of its own, because a context manager may hold a
    task group, which only the task that entered it may leave.

    Raises:
        ModelError, EngineError: one cannot be opened; the others are closed again.
    """
    wanted = sorted(set(names))
    services = Services(config, compute)
    closing = asyncio.Event()
    opened: dict[str, asyncio.Future[Engine]] = {
        name: asyncio.get_running_loop().create_future() for name in wanted
    }

    async def hold(name: str) -> None:
        try:
            async with _module(name).open_engine(name, config.engines[name], services) as engine:
                opened[name].set_result(engine)
                await closing.wait()
        except Exception as error:  # handed on to the opener, who waits for it
            if opened[name].done():
                raise
            opened[name].set_exception(error)

    # No TaskGroup: around a `yield` it would wrap the errors of whoever uses the engines.
    holders = [asyncio.get_running_loop().create_task(hold(name)) for name in wanted]
    try:
        try:
            engines = await asyncio.gather(*opened.values())
        except BaseException:
            for holder in holders:
                holder.cancel()
            raise
        yield dict(zip(wanted, engines, strict=True))
    finally:
        closing.set()
        ends = await asyncio.gather(*holders, return_exceptions=True)
        for future in opened.values():
            if not future.cancel():
                future.exception()  # looked at, so that asyncio does not report it
    for end in ends:
        if isinstance(end, Exception):
            raise end


def _module(name: str) -> Any:
    return importlib.import_module(ENTRIES[name].module)
