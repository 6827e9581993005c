"""Everything that can be done before the first call is done here. Part of `voxd.runtime`.

Engines are warmed side by side; then the voice renders every stock phrase (or reads it from the
disk) and the language model reads the system prompt, so that the first call finds them ready.
"""

import asyncio
import logging
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

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
    phrases = _phrases(config, engines)
    progress(f"loading {', '.join(engines)}")
    await speech_cache.prune()
    async with asyncio.TaskGroup() as group:
        for engine in engines.values():
            wanted = phrases.get(engine.name, {})
            group.create_task(_warm_engine(config, engine, wanted, speech_cache, failed, progress))
    tier = config.tier()
    for chain in (tier.stt, tier.llm, tier.tts):
        if not any(name in engines and name not in failed for name in chain):
            raise next(failed[name] for name in chain if name in failed)
    return failed


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


@dataclass(frozen=True, slots=True)
class _Phrase:
    text: str
    language: str


def _phrases(config: Config, engines: Mapping[str, Engine]) -> dict[str, dict[_Phrase, bool]]:
    """Per voice, what calls may need rendered; True: it is rendered now, else only looked up.

    Voices on this machine render everything. One that is paid by the character is asked for
    what nobody else could say when it is gone: the apology, once, in a language of its own.
    """
    found: dict[str, dict[_Phrase, bool]] = {}
    for seen in config.served():
        language = seen.agent.language
        voices = [engines[name] for name in seen.tier().tts if name in engines]
        able = [voice for voice in voices if _speaks(voice, language)]
        has_local = any(voice.capabilities.is_local for voice in able)
        for voice in able:
            for text in _texts(seen):
                is_last_word = not has_local and text == seen.phrases.failure
                is_rendered = voice.capabilities.is_local or is_last_word
                found.setdefault(voice.name, {})[_Phrase(text, language)] = is_rendered
    return found


def _speaks(engine: Engine, language: str) -> bool:
    return not engine.capabilities.languages or language in engine.capabilities.languages


def _texts(config: Config) -> tuple[str, ...]:
    """What a call may have to say without its model."""
    phrases = config.phrases
    texts = (
        config.agent.greeting,
        phrases.failure,
        phrases.reprompt,
        phrases.did_not_catch,
        phrases.too_slow,
        phrases.goodbye,
    )
    return tuple(dict.fromkeys(texts))


async def _warm_engine(
    config: Config,
    engine: Engine,
    phrases: Mapping[_Phrase, bool],
    speech_cache: SpeechCache,
    failed: dict[str, VoxdError],
    progress: Progress,
) -> None:
    begin = time.monotonic()
    try:
        await engine.warm()
        kind = engine.capabilities.kind
        if kind is Kind.TTS:
            await _render_phrases(phrases, engine, speech_cache)  # type: ignore[arg-type]
        elif kind is Kind.LLM and engine.capabilities.is_local:
            await _read_prompts(config, engine)  # type: ignore[arg-type]
    except VoxdError as error:
        failed[engine.name] = error
        logger.error("engine failed to start", extra={"engine": engine.name, "error": str(error)})
        progress(f"{engine.name} failed to start ({error})")
        return
    seconds = time.monotonic() - begin
    logger.info("engine is warm", extra={"engine": engine.name, "seconds": round(seconds, 2)})
    progress(f"{engine.name} is ready ({seconds:.1f} s)")


async def _render_phrases(
    phrases: Mapping[_Phrase, bool], tts: TextToSpeech, speech_cache: SpeechCache
) -> None:
    """Put phrases into the cache, from the disk where they lie there."""
    rendered = 0
    for number, (phrase, is_rendered) in enumerate(phrases.items()):
        key = SpeechKey(phrase.text, phrase.language, tts.name, "")
        if await speech_cache.load(key) is None and is_rendered and to_spoken(phrase.text):
            await speech_cache.save(key, await _render(tts, number, phrase))
            rendered += 1
    logger.info("phrases are ready", extra={"engine": tts.name, "rendered": rendered})


async def _render(tts: TextToSpeech, number: int, phrase: _Phrase) -> bytes:
    request = SpeechRequest(
        WARM_UP_CALL_ID, number, phrase.language, voice="", priority=Priority.GREETING
    )
    async with tts.open_speech(request) as speech:
        pieces = speech.speak(to_spoken(phrase.text), is_last=True)
        return b"".join([piece async for piece in pieces])


async def _read_prompts(config: Config, llm: LanguageModel) -> None:
    """Read the system prompts once, for an engine that shares what it read between calls.

    The sequence is given back: one that stayed would be one caller less.
    """
    for prompt in dict.fromkeys(system_prompt(seen) for seen in config.served()):
        try:
            await llm.prepare(WARM_UP_CALL_ID, (Message("system", prompt),), Priority.GREETING)
            await llm.release(WARM_UP_CALL_ID)
        except EngineError as error:
            # Best effort by contract: the first call reads it instead.
            logger.warning("prompt was not read", extra={"engine": llm.name, "error": str(error)})
