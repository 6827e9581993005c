"""What a call of ours will say first, rendered while it rings. I/O by text-to-speech.

A greeting that names somebody cannot lie ready from the start of the daemon, but between the order
and the answer are seconds in which nobody waits. It is kept in memory alone, because it is about
one person, and as anything that calls keep: it goes when room is needed.

Best effort: a greeting that is not there is rendered when somebody answers, as it is for calls that
come in. One that names the time may have another by then, and is rendered again.
"""

import asyncio
import logging
from typing import cast

from voxd.call.clauses import closing
from voxd.chains import choose_chains
from voxd.config import Config
from voxd.contracts import Priority, SpeechRequest, TextToSpeech, Urgency
from voxd.dialog.delivery import choose_manner
from voxd.dialog.spoken import to_spoken
from voxd.errors import AdmissionRefused, EngineError
from voxd.events import Kind
from voxd.rendering import Phrase
from voxd.runtime import Runtime

logger = logging.getLogger(__name__)


async def render_greeting(runtime: Runtime, config: Config, call_sid: str, limit_s: float) -> None:
    """Have the greeting of a call lie in the speech cache, in the voice that would say it now.

    Nothing is done for calls in turns, where Twilio speaks, and for what lies there already.

    Args:
        config: as the call will see it.
        limit_s: given up after so long.
    """
    if config.in_turns:
        return
    try:
        name = choose_chains(config, runtime.board, (Kind.TTS,))[Kind.TTS].names[0]
    except AdmissionRefused:
        return
    tts = cast(TextToSpeech, runtime.engines[name])
    language, voice = config.agent.language, config.agent.voices.get(name, "")
    delivery = choose_manner(config.agent, config.tier()).own
    phrase = Phrase(to_spoken(config.phrases.greeting, language), language, delivery, voice)
    cache, key = runtime.speech_cache, phrase.key(name)
    if not phrase.spoken or cache.get(key) is not None:
        return
    # Another id than the call's: it may begin, and speak, while this goes on.
    request = SpeechRequest(f"{call_sid}-ahead", 0, language, voice, Urgency(Priority.SPECULATION))
    try:
        async with asyncio.timeout(limit_s):
            cache.put(key, await _speak(tts, request, phrase))
    except EngineError as error:
        runtime.board.record_error(error)
    except TimeoutError:
        logger.info("greeting was not ready in time", extra={"call": call_sid, "engine": name})


async def _speak(tts: TextToSpeech, request: SpeechRequest, phrase: Phrase) -> bytes:
    async with tts.open_speech(request) as speech:
        spoken = speech.speak(phrase.spoken, is_last=True, delivery=phrase.delivery)
        async with closing(spoken) as pieces:
            return b"".join([piece async for piece in pieces])
