"""Stock phrases to sound, before the first call and only once. Part of `voxd.runtime`.

Every voice of a tier that speaks the language of a number renders what its calls may have to say
without a model, so that each is there in the voice that the caller knows, and in the next one
should that be gone. What was rendered lies on the disk under a name that follows from all it
depends on, so a later start only reads it.

A voice on this machine costs some seconds of the first start. One that is paid by the character is
asked for each phrase once: it renders only what will be found by the next start, and stops at the
first phrase that the disk refuses. A start that asked it again each time would be a running cost
that nobody ordered.
"""

import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from voxd.config import Config
from voxd.contracts import (
    PLAIN,
    Delivery,
    Engine,
    Priority,
    SpeechRequest,
    TextToSpeech,
    Urgency,
)
from voxd.dialog.delivery import choose_manner
from voxd.dialog.spoken import to_spoken
from voxd.placeholders import names_in
from voxd.settings.tools import TRANSFER_CALL
from voxd.storage.speech_cache import SpeechCache, SpeechKey

logger = logging.getLogger(__name__)

WARM_UP_CALL_ID = "warm-up"
"""What the warm-up asks engines under; no CallSid of Twilio's looks like it."""
PROGRESS_PHRASES = 5
"""So many phrases are rendered between two lines for people."""


@dataclass(frozen=True, slots=True)
class Phrase:
    """Something to be said ahead."""

    spoken: str
    """For the ear."""
    language: str
    delivery: Delivery = PLAIN
    voice: str = ""
    """The engine's own name of a voice; empty for its default."""

    def key(self, engine: str) -> SpeechKey:
        """Where calls look for it."""
        return SpeechKey(self.spoken, self.language, engine, self.voice, self.delivery.key)


def wanted_phrases(
    config: Config, engines: Mapping[str, Engine]
) -> Mapping[str, tuple[Phrase, ...]]:
    """Per voice, by its name, what calls may need of it; the apologies first."""
    found: dict[str, dict[Phrase, None]] = {}
    for seen in config.expected():
        language = seen.agent.language
        delivery = choose_manner(seen.agent, seen.tier()).own
        for name in seen.tier().tts:
            if name in engines and speaks(engines[name], language):
                voice = seen.agent.voices.get(name, "")
                for spoken in (to_spoken(text, language) for text in _texts(seen)):
                    if spoken:
                        phrase = Phrase(spoken, language, delivery, voice)
                        found.setdefault(name, {})[phrase] = None
    return {name: tuple(phrases) for name, phrases in found.items()}


def speaks(engine: Engine, language: str) -> bool:
    """Whether an engine can do with a language."""
    return not engine.capabilities.languages or language in engine.capabilities.languages


async def load_phrases(
    voice: str, phrases: Sequence[Phrase], cache: SpeechCache
) -> tuple[Phrase, ...]:
    """Read what was rendered before; return what was not."""
    return tuple([phrase for phrase in phrases if await cache.load(phrase.key(voice)) is None])


async def render_phrases(
    tts: TextToSpeech,
    missing: Sequence[Phrase],
    cache: SpeechCache,
    progress: Callable[[str], None] = lambda _: None,
    priority: Priority = Priority.GREETING,
) -> None:
    """Render what no earlier start has rendered; see the module.

    Args:
        priority: of each phrase among all that is asked of the voice.

    Raises:
        EngineError: the voice failed at one of them.
    """
    is_paid = not tts.capabilities.is_local
    if is_paid and not cache.has_disk:
        return
    for done, phrase in enumerate(missing):
        if done % PROGRESS_PHRASES == 0:
            progress(f"{tts.name} renders its phrases ({done} of {len(missing)} done)")
        mulaw = await _render(tts, done, phrase, priority)
        is_kept = await cache.save(phrase.key(tts.name), mulaw)
        if is_paid and not is_kept:
            logger.warning("phrases are not rendered", extra={"engine": tts.name})
            return
    logger.info("phrases are ready", extra={"engine": tts.name, "rendered": len(missing)})


def _texts(config: Config) -> tuple[str, ...]:
    """What a call may have to say without its model, or is likely to say with it."""
    phrases = config.phrases
    return (
        config.last_words,
        config.closing_words,
        phrases.too_slow,
        phrases.did_not_catch,
        # What each call fills in cannot be said ahead.
        *(() if names_in(phrases.greeting) else (phrases.greeting,)),
        phrases.reprompt,
        phrases.goodbye,
        *((phrases.time_warning,) if config.call.warn_s else ()),
        *((phrases.transferring,) if TRANSFER_CALL in config.agent.tools else ()),
        *(phrases.fillers if config.tier().filler_after_s else ()),
        *(phrases.common if config.cache.reply_characters else ()),
    )


async def _render(tts: TextToSpeech, number: int, phrase: Phrase, priority: Priority) -> bytes:
    request = SpeechRequest(
        WARM_UP_CALL_ID, number, phrase.language, phrase.voice, Urgency(priority)
    )
    async with tts.open_speech(request) as speech:
        pieces = speech.speak(phrase.spoken, is_last=True, delivery=phrase.delivery)
        return b"".join([piece async for piece in pieces])
