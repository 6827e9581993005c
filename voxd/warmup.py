"""Everything that can be done before the first call is done here. Part of `voxd.runtime`.

Engines are warmed side by side; then the voice renders every stock phrase (or reads it from the
disk) and the language model reads the system prompt, so that the first call finds them ready.
"""

import asyncio
import logging
import time
from collections.abc import Callable, Mapping, Sequence

from pydantic import BaseModel

from voxd.commands import Message
from voxd.config import Config
from voxd.contracts import Engine, LanguageModel, Priority, SpeechRequest, TextToSpeech
from voxd.dialog.conversation import system_prompt
from voxd.dialog.spoken import to_spoken
from voxd.engines.registry import ENTRIES
from voxd.errors import EngineError, Problem, VoxdError
from voxd.events import Kind
from voxd.storage.speech_cache import SpeechCache, SpeechKey

logger = logging.getLogger(__name__)

Progress = Callable[[str], None]
"""Takes one short line for people."""

WARM_UP_CALL_ID = "warm-up"
"""What the warm-up asks engines under; no CallSid of Twilio's looks like it."""


async def warm_up(
    config: Config,
    engines: Mapping[str, Engine],
    speech_cache: SpeechCache,
    progress: Progress,
) -> None:
    """Return once a call would be served at full speed.

    An engine that fails costs the start only when no other of its kind is well.

    Raises:
        ModelError, EngineError: no engine of some kind could be warmed.
    """
    failed: dict[str, VoxdError] = {}
    progress(f"loading {', '.join(engines)}")
    async with asyncio.TaskGroup() as group:
        for engine in engines.values():
            group.create_task(_warm_engine(config, engine, speech_cache, failed, progress))
    tier = config.tier()
    for chain in (tier.stt, tier.llm, tier.tts):
        if all(name in failed for name in chain):
            raise failed[chain[0]]


def missing_models(config: Config, names: Sequence[str]) -> tuple[Problem, ...]:
    """Weights that the named local engines cannot find: their `model` or `voice` keys."""
    problems = []
    for name in names:
        if not ENTRIES[name].is_local:
            continue
        for key in ("model", "voice"):
            value = getattr(config.engines[name], key, "")
            path = config.resolve(value) if value else None
            if path is not None and not path.exists():
                message = f"{path} does not exist; scripts/fetch-models gets the shipped models"
                problems.append(Problem(f"engines.{name}.{key}", message))
    return tuple(problems)


def engine_fingerprints(config: Config, names: Sequence[str]) -> dict[str, str]:
    """Per engine, text that changes when it would sound different. Looks at files.

    Its settings, and size and time of every file that they name.
    """
    found = {}
    for name in names:
        settings = config.engines[name]
        parts = [settings.model_dump_json() if isinstance(settings, BaseModel) else str(settings)]
        for value in dict(settings).values():
            path = config.resolve(value) if isinstance(value, str) and value else None
            if path is not None and path.is_file():
                status = path.stat()
                parts.append(f"{status.st_size}:{status.st_mtime_ns}")
        found[name] = "\n".join(parts)
    return found


async def _warm_engine(
    config: Config,
    engine: Engine,
    speech_cache: SpeechCache,
    failed: dict[str, VoxdError],
    progress: Progress,
) -> None:
    begin = time.monotonic()
    try:
        await engine.warm()
        kind = engine.capabilities.kind
        if kind is Kind.TTS and engine.name == config.tier().tts[0]:
            await _render_phrases(config, engine, speech_cache)  # type: ignore[arg-type]
        elif kind is Kind.LLM:
            await _read_prompt(config, engine)  # type: ignore[arg-type]
    except VoxdError as error:
        failed[engine.name] = error
        logger.error("engine failed to start", extra={"engine": engine.name, "error": str(error)})
        return
    seconds = time.monotonic() - begin
    logger.info("engine is warm", extra={"engine": engine.name, "seconds": round(seconds, 2)})
    progress(f"{engine.name} is ready ({seconds:.1f} s)")


async def _render_phrases(config: Config, tts: TextToSpeech, speech_cache: SpeechCache) -> None:
    """Put the greeting and every phrase that calls may need into the cache."""
    await speech_cache.prune()
    phrases = config.phrases
    texts = [
        config.agent.greeting,
        phrases.failure,
        phrases.reprompt,
        phrases.did_not_catch,
        phrases.too_slow,
        phrases.goodbye,
    ]
    rendered = 0
    for number, text in enumerate(dict.fromkeys(texts)):
        key = SpeechKey(text, config.agent.language, tts.name, "")
        if await speech_cache.load(key) is None and to_spoken(text):
            await speech_cache.save(key, await _render(config, tts, number, text))
            rendered += 1
    logger.info("phrases are ready", extra={"engine": tts.name, "rendered": rendered})


async def _render(config: Config, tts: TextToSpeech, number: int, text: str) -> bytes:
    request = SpeechRequest(
        WARM_UP_CALL_ID, number, config.agent.language, voice="", priority=Priority.GREETING
    )
    async with tts.open_speech(request) as speech:
        return b"".join([piece async for piece in speech.speak(to_spoken(text), is_last=True)])


async def _read_prompt(config: Config, llm: LanguageModel) -> None:
    """Read the system prompt once, for an engine that shares what it read between calls.

    The sequence is given back: one that stayed would be one caller less.
    """
    messages = (Message("system", system_prompt(config)),)
    try:
        await llm.prepare(WARM_UP_CALL_ID, messages, Priority.GREETING)
        await llm.release(WARM_UP_CALL_ID)
    except EngineError as error:
        # Best effort by contract: the first call reads it instead.
        logger.warning("prompt was not read", extra={"engine": llm.name, "error": str(error)})
