"""Every engine, one line each, and the way to open those that a config names. I/O.

Called by `config` loading (`settings_types`) and by `runtime` (`open_engines`). An engine's
module is imported only when it is needed, and it imports its provider's library only when it is
opened, so that optional libraries stay optional. It exposes `Settings` (a frozen pydantic
model), `CAPABILITIES` and `open_engine(name, settings, services)`.
"""

import asyncio
import contextlib
import importlib
import importlib.util
from collections.abc import AsyncIterator, Callable, Iterable
from dataclasses import dataclass, replace
from typing import Any

from voxd.config import Config, EngineSettings, read_secret
from voxd.contracts import Capabilities, Engine
from voxd.engines.local.compute import LocalCompute
from voxd.errors import EngineError
from voxd.events import Kind


@dataclass(frozen=True, slots=True)
class Entry:
    """One engine that a config may name."""

    name: str
    kind: Kind
    is_local: bool
    module: str
    secret: str = ""
    """Name of the secret without which it cannot work; empty: none, or its table names one."""
    library: str = ""
    """What computes for it here; some installations leave it out. Empty: nothing does."""


REGISTRY = (
    Entry(
        "faster-whisper",
        Kind.STT,
        True,
        "voxd.engines.stt.faster_whisper",
        library="faster_whisper",
    ),
    Entry("deepgram", Kind.STT, False, "voxd.engines.stt.deepgram", "DEEPGRAM_API_KEY"),
    Entry("deepgram-flux", Kind.STT, False, "voxd.engines.stt.deepgram_flux", "DEEPGRAM_API_KEY"),
    Entry("llamacpp", Kind.LLM, True, "voxd.engines.llm.llamacpp", library="llama_cpp"),
    Entry("groq", Kind.LLM, False, "voxd.engines.llm.groq", "GROQ_API_KEY"),
    Entry("openai", Kind.LLM, False, "voxd.engines.llm.openai"),
    Entry("piper", Kind.TTS, True, "voxd.engines.tts.piper", library="piper"),
    Entry("cartesia", Kind.TTS, False, "voxd.engines.tts.cartesia", "CARTESIA_API_KEY"),
    Entry("smart-turn", Kind.TURN, True, "voxd.engines.turn.smart_turn", library="onnxruntime"),
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


def missing_secret(name: str, settings: Any) -> str | None:
    """The secret that an engine with these settings needs and that is not set; None: all well."""
    needed = ENTRIES[name].secret or getattr(settings, "credential", "")
    return None if not needed or read_secret(needed) else needed


def missing_library(name: str) -> str | None:
    """The library that a local engine computes with and that is not there; None: all well."""
    library = ENTRIES[name].library
    return library if library and importlib.util.find_spec(library) is None else None


def declared_capabilities(name: str, settings: Any) -> Capabilities:
    """What an engine with these settings will be able to do, without opening it."""
    declared: Capabilities = _module(name).CAPABILITIES
    return replace(declared, languages=settings.languages)


@contextlib.asynccontextmanager
async def open_engines(
    names: Iterable[str],
    config: Config,
    compute: LocalCompute,
    on_refused: Callable[[EngineError], None] | None = None,
) -> AsyncIterator[dict[str, Engine]]:
    """Open the named engines side by side; leaving closes them all.

    Each engine is opened and closed by a task of its own, because a context manager may hold a
    task group, which only the task that entered it may leave.

    Args:
        on_refused: is told of each engine that cannot be opened, which is then left out; None:
            every one is needed.

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
            engines = {}
            for name, future in opened.items():
                try:
                    engines[name] = await future
                except EngineError as error:
                    if on_refused is None:
                        raise
                    on_refused(error)
        except BaseException:
            for holder in holders:
                holder.cancel()
            raise
        yield engines
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
