"""Everything that can be done before the first call is done here. Part of `voxd.runtime`.

Engines are warmed side by side; then voices render the stock phrases that do not lie on the disk
(`voxd.rendering`) and the language model reads the system prompts, so that the first call finds
them ready.
"""

import asyncio
import logging
import time
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import cast

from pydantic import BaseModel

from voxd.commands import Message
from voxd.config import Config
from voxd.contracts import Engine, LanguageModel, Priority, TextToSpeech
from voxd.dialog.conversation import system_message
from voxd.engines.registry import ENTRIES
from voxd.errors import EngineError, Problem, VoxdError
from voxd.events import Kind
from voxd.frozen import how_to_get_models
from voxd.rendering import (
    WARM_UP_CALL_ID,
    Phrase,
    load_phrases,
    render_phrases,
    speaks,
    wanted_phrases,
)
from voxd.storage.speech_cache import SpeechCache

logger = logging.getLogger(__name__)

Progress = Callable[[str], None]
"""Takes one short line for people."""


async def warm_up(
    config: Config,
    engines: Mapping[str, Engine],
    speech_cache: SpeechCache,
    progress: Progress,
    refused: Mapping[str, VoxdError] | None = None,
) -> dict[str, VoxdError]:
    """Return once a call would be served at full speed.

    Args:
        refused: engines that could not be opened, and why.

    Returns:
        The engines that could not be opened or warmed; they cost the start only when nothing
        else is left for calls to numbers that are not listed.

    Raises:
        ModelError, EngineError: no engine of some kind could be warmed.
    """
    failed = dict(refused or {})
    phrases = wanted_phrases(config, engines)
    progress(f"loading {', '.join(engines)}")
    async with asyncio.TaskGroup() as group:
        for engine in engines.values():
            wanted = phrases.get(engine.name, ())
            group.create_task(_warm_engine(config, engine, wanted, speech_cache, failed, progress))
    await speech_cache.prune()
    tier = config.tier()
    # In turns Twilio hears and speaks: what is there of ours is for other tiers.
    for chain in (tier.llm,) if config.in_turns else (tier.stt, tier.llm, tier.tts):
        if not any(name in engines and name not in failed for name in chain):
            raise next(failed[name] for name in chain if name in failed)
    return failed


def missing_models(config: Config, names: Sequence[str]) -> tuple[Problem, ...]:
    """Weights that the named local engines cannot find: `model` or `voice`, and agents' voices."""
    problems = []
    for name in names:
        if not ENTRIES[name].is_local:
            continue
        for key in ("model", "voice"):
            value = getattr(config.engines[name], key, "")
            path = config.resolve(value) if value else None
            if path is not None and not path.exists():
                message = f"{path} does not exist; {how_to_get_models()}"
                problems.append(Problem(f"engines.{name}.{key}", message))
        if ENTRIES[name].kind is Kind.TTS:
            for voice, key in config.agent_voices(name).items():
                if not config.resolve(voice).exists():
                    problems.append(Problem(key, f"{config.resolve(voice)} does not exist"))
    return tuple(problems)


def engine_fingerprints(config: Config, names: Sequence[str]) -> dict[str, str]:
    """Per engine, text that changes when it would sound different. Looks at files.

    Its settings but for limits of time, and size and time of every file that they name.
    """
    found = {}
    for name in names:
        settings = config.engines[name]
        parts = [_describe_sound(settings)]
        for value in dict(settings).values():
            path = config.resolve(value) if isinstance(value, str) and value else None
            if path is not None and path.is_file():
                status = path.stat()
                parts.append(f"{status.st_size}:{status.st_mtime_ns}")
        found[name] = "\n".join(parts)
    return found


def _describe_sound(settings: object) -> str:
    if not isinstance(settings, BaseModel):
        return str(settings)
    limits = {name for name in type(settings).model_fields if name.endswith("_s")}
    return settings.model_dump_json(exclude=limits)


async def _warm_engine(
    config: Config,
    engine: Engine,
    phrases: Sequence[Phrase],
    speech_cache: SpeechCache,
    failed: dict[str, VoxdError],
    progress: Progress,
) -> None:
    begin = time.monotonic()
    # Before the engine is asked: one that cannot be reached now still has its stored apology.
    missing = await load_phrases(engine.name, phrases, speech_cache)
    try:
        await engine.warm()
        kind = engine.capabilities.kind
        if kind is Kind.TTS:
            await render_phrases(cast(TextToSpeech, engine), missing, speech_cache, progress)
        elif kind is Kind.LLM and engine.capabilities.is_local:
            await read_prompts(config, cast(LanguageModel, engine))
    except VoxdError as error:
        failed[engine.name] = error
        logger.error("engine failed to start", extra={"engine": engine.name, "error": str(error)})
        progress(f"{engine.name} failed to start ({error})")
        return
    seconds = time.monotonic() - begin
    logger.info("engine is warm", extra={"engine": engine.name, "seconds": round(seconds, 2)})
    progress(f"{engine.name} is ready ({seconds:.1f} s)")


async def read_prompts(
    config: Config,
    llm: LanguageModel,
    priority: Priority = Priority.GREETING,
    known: Collection[Message] = (),
) -> None:
    """Read the system prompts once, for an engine that shares what it read between calls.

    The sequence is given back: one that stayed would be one caller less.

    Args:
        known: what it has read before.
    """
    for message in expected_prompts(config, llm):
        if message in known:
            continue
        try:
            await llm.prepare(WARM_UP_CALL_ID, (message,), priority)
        except EngineError as error:
            # Best effort by contract: the first call reads it instead.
            logger.warning("prompt was not read", extra={"engine": llm.name, "error": str(error)})
        finally:
            await llm.release(WARM_UP_CALL_ID)


def expected_prompts(config: Config, llm: LanguageModel) -> tuple[Message, ...]:
    """The system prompts that a model may be asked to go on from, each once."""
    served = [seen for seen in config.expected() if speaks(llm, seen.agent.language)]
    return tuple(dict.fromkeys(system_message(seen) for seen in served))
