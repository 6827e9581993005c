"""The objects of one call, built here and nowhere else."""

import asyncio
from typing import cast

from voxd.call.inbox import Inbox
from voxd.call.listener import Listener
from voxd.call.live import LiveCall
from voxd.call.replier import Replier
from voxd.call.speaker import Speaker
from voxd.call.transcriber import Transcriber
from voxd.call.transport import Transport
from voxd.contracts import LanguageModel, SpeechToText, TextToSpeech
from voxd.dialog.conversation import Conversation
from voxd.runtime import Runtime
from voxd.telemetry.journal import Journal
from voxd.twilio.media import Start


def build_call(runtime: Runtime, start: Start, transport: Transport) -> LiveCall:
    """Make one call; its `run` holds it. Must be called in the event loop that runs it."""
    config = runtime.config
    tier = config.tier()
    now = asyncio.get_running_loop().time
    # The config was judged: each chain names engines of its own kind. The first one serves.
    stt = cast(SpeechToText, runtime.engines[tier.stt[0]])
    llm = cast(LanguageModel, runtime.engines[tier.llm[0]])
    tts = cast(TextToSpeech, runtime.engines[tier.tts[0]])
    inbox = Inbox()
    transcriber = Transcriber(stt, start.call_sid, config.agent.language, inbox.post, now)
    listener = Listener(config.ear, config.line, transcriber, inbox.post, now)
    speaker = Speaker(config.line, transport, inbox.post, now)
    replier = Replier(
        start.call_sid, config.agent, llm, tts, runtime.speech_cache, speaker, inbox.post, now
    )
    return LiveCall(
        brain=Conversation(config, tier),
        transport=transport,
        inbox=inbox,
        listener=listener,
        transcriber=transcriber,
        replier=replier,
        speaker=speaker,
        llm=llm,
        journal=Journal(start.call_sid),
    )
