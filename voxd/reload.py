"""SIGHUP: config.toml is read again while calls go on. Part of `voxd.app`.

The file is judged whole, as at a start, before anything changes: one with a problem changes
nothing, and the log has every problem. Then its phrases are rendered and its prompts read, behind
the calls that run, and from one moment on new calls are led by it, while those that run, or were
promised a place, keep what they have. What needs a restart is named in the log and left as it was
(`voxd.settings.changes`).

What a new file may not do is name an engine, or a voice of an engine on this machine, that was not
loaded at the start: that is a problem like any other. Rejected: leaving such a name out, because
the number would be answered by another chain than the file says.
"""

import asyncio
import logging
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import replace
from typing import cast

from voxd.chains import declared_board, unserved
from voxd.check import find_problems
from voxd.config import Config
from voxd.contracts import LanguageModel, Priority, TextToSpeech
from voxd.errors import ConfigError, EngineError, Problem
from voxd.events import Kind
from voxd.lookup.client import LookupClient, open_lookup
from voxd.notify import Notifier
from voxd.rendering import load_phrases, render_phrases, wanted_phrases
from voxd.runtime import Runtime, Stage, background
from voxd.server.keys import DoorKeys
from voxd.server.state import ServerState
from voxd.settings.changes import Change, merge
from voxd.telemetry.logs import configure_logging
from voxd.tools.client import ToolClient, open_tools
from voxd.warmup import expected_prompts, read_prompts

logger = logging.getLogger(__name__)

RENDER_S = 60.0
"""New phrases are waited for so long before calls are led by the new file; what is not rendered by
then is made by the calls that say it."""
READ_S = 60.0
"""The same for new prompts."""

ReadConfig = Callable[[], Config]
"""Reads and judges the file; raises ConfigError. May take its time: it is called in a thread."""


class Reloader:
    """Reads the file again whenever it is asked to. Made by `open_reloader`."""

    def __init__(
        self,
        state: ServerState,
        keys: DoorKeys,
        notifier: Notifier,
        read: ReadConfig,
        stack: AsyncExitStack,
    ) -> None:
        assert state.runtime is not None  # calls are taken
        self._state = state
        self._keys = keys
        self._notifier = notifier
        self._read = read
        self._stack = stack
        """Keeps open what a file brought that had none of it before."""
        self._started = state.runtime.config
        """By which engines and voices were loaded."""
        self._lookup = state.runtime.lookup
        self._tools = state.runtime.tools
        self._wanted = asyncio.Event()

    def request(self) -> None:
        """Read the file again soon. Requests that come while it is read are one."""
        self._wanted.set()

    async def run(self) -> None:
        """Do what was requested, one after the other, until cancelled."""
        while True:
            await self._wanted.wait()
            self._wanted.clear()
            if self._state.stage is not Stage.READY:
                continue
            self._notifier.reloading()
            try:
                await self.reload()
            except ConfigError as error:
                problems = [str(problem) for problem in error.problems]
                logger.error("config refused, nothing has changed", extra={"problems": problems})
            except Exception:  # border: a background loop
                logger.exception("config was not read again")
            if self._state.stage is Stage.READY:
                self._notifier.ready()

    async def reload(self) -> Change:
        """Read the file, judge it, render its phrases, lead new calls by it.

        Raises:
            ConfigError: it has problems, and nothing has changed.
        """
        runtime = self._state.runtime
        assert runtime is not None
        change = await asyncio.to_thread(self._judge, runtime)
        if change.waiting:
            logger.warning("config needs a restart", extra={"keys": list(change.waiting)})
        if not change.applied:
            logger.info("config has not changed for calls")
            return change
        config = change.config
        await _render(config, runtime)
        await _read_ahead(config, runtime)
        changed = replace(
            runtime,
            config=config,
            lookup=await self._lookup_for(config),
            tools=await self._tools_for(config),
        )
        if "log" in change.applied:
            configure_logging(config.log)
        self._state.change(changed)
        logger.info("config is applied to new calls", extra={"tables": list(change.applied)})
        return change

    def _judge(self, runtime: Runtime) -> Change:
        """What the file makes of the daemon. Reads files."""
        read = self._read()
        change = merge(runtime.config, read)
        problems = (
            find_problems(read, self._keys)
            or tuple(_find_unloaded(change.config, self._started, runtime))
            # What its own engines could do, those of now perhaps cannot, or were never opened.
            or unserved(change.config, declared_board(change.config, runtime.board.refused))
        )
        if problems:
            raise ConfigError("the configuration", problems)
        return change

    async def _lookup_for(self, config: Config) -> LookupClient | None:
        if not config.lookup.url:
            return None
        if self._lookup is None:
            self._lookup = await self._stack.enter_async_context(open_lookup(config))
        return self._lookup.for_config(config) if self._lookup is not None else None

    async def _tools_for(self, config: Config) -> ToolClient | None:
        if not config.tools:
            return None
        if self._tools is None:
            self._tools = await self._stack.enter_async_context(open_tools(config))
        return self._tools.for_config(config) if self._tools is not None else None


@asynccontextmanager
async def open_reloader(
    state: ServerState, keys: DoorKeys, notifier: Notifier, read: ReadConfig
) -> AsyncIterator[Reloader]:
    """A reloader that runs while the body does; the daemon must be ready."""
    async with AsyncExitStack() as stack:
        reloader = Reloader(state, keys, notifier, read, stack)
        await stack.enter_async_context(background(reloader.run()))
        yield reloader


def _find_unloaded(config: Config, started: Config, runtime: Runtime) -> Iterator[Problem]:
    """What a file names that only a start could load."""
    known = {*runtime.engines, *runtime.board.refused}
    for name, tier in config.tiers.items():
        chains = {"stt": tier.stt, "llm": tier.llm, "tts": tier.tts, "turn": tier.turn}
        for kind, chain in chains.items():
            for engine in sorted(set(chain) - known):
                message = f"engine {engine!r} was not loaded at the start: restart voxd for it"
                yield Problem(f"tiers.{name}.{kind}", message)
    for name, opened in runtime.engines.items():
        if opened.capabilities.kind is Kind.TTS and opened.capabilities.is_local:
            loaded = started.agent_voices(name)
            for voice, key in config.agent_voices(name).items():
                if voice not in loaded:
                    yield Problem(key, "was not loaded at the start: restart voxd for this voice")


async def _render(config: Config, runtime: Runtime) -> None:
    """Have every voice say what new calls may need of it, as far as it goes."""
    wanted = await asyncio.to_thread(wanted_phrases, config, runtime.engines)
    cache = runtime.speech_cache
    try:
        async with asyncio.timeout(RENDER_S):
            for name, phrases in wanted.items():
                voice = cast(TextToSpeech, runtime.engines[name])
                try:
                    missing = await load_phrases(name, phrases, cache)
                    # Whatever a caller waits for goes before each of them.
                    await render_phrases(voice, missing, cache, priority=Priority.SHADOW)
                except EngineError as error:
                    extra = {"engine": name, "error": str(error)}
                    logger.warning("phrases are not rendered", extra=extra)
    except TimeoutError:
        logger.warning("phrases are not all rendered", extra={"limit_s": RENDER_S})


async def _read_ahead(config: Config, runtime: Runtime) -> None:
    """Have the models on this machine read the prompts that are new, as far as it goes."""
    try:
        async with asyncio.timeout(READ_S):
            for opened in runtime.engines.values():
                told = opened.capabilities
                if told.kind is Kind.LLM and told.is_local:
                    llm = cast(LanguageModel, opened)
                    known = expected_prompts(runtime.config, llm)
                    await read_prompts(config, llm, Priority.SHADOW, known)
    except TimeoutError:
        logger.warning("prompts are not all read", extra={"limit_s": READ_S})
