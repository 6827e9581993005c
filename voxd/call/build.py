"""The objects of one call, built here and nowhere else."""

import asyncio

from voxd.audio.interruption import InterruptionJudge
from voxd.call.inbox import Inbox
from voxd.call.judging import PauseJudging, find_limit_s
from voxd.call.listener import Listener
from voxd.call.live import LiveCall
from voxd.call.replier import Replier
from voxd.call.speaker import Speaker
from voxd.call.stored import StoredSpeech
from voxd.call.tooling import Tooling
from voxd.call.transcriber import Transcriber
from voxd.call.transport import Transport
from voxd.dialog.conversation import Conversation
from voxd.dialog.delivery import choose_manner
from voxd.runtime import Runtime
from voxd.stack import CallStack
from voxd.telemetry.journal import Journal
from voxd.twilio.media import Start


def build_call(
    runtime: Runtime, start: Start, transport: Transport, stack: CallStack | None = None
) -> LiveCall:
    """Make one call; its `run` holds it. Must be called in the event loop that runs it.

    Args:
        stack: what was chosen and begun when the call was announced; None: chosen now.

    Raises:
        AdmissionRefused: (without a stack) there is no engine of some kind.
    """
    if stack is None:
        called = runtime.config.dialled(start.parameters.get("to", ""))
        stack = CallStack(runtime, start.call_sid, called)
    config = stack.config
    tier = config.tier()
    now = asyncio.get_running_loop().time
    inbox = Inbox()
    llm = stack.language_model(inbox.post)
    tts = stack.text_to_speech(inbox.post)
    transcriber = Transcriber(
        stack.speech_to_text,
        tier.deadlines,
        runtime.board,
        start.call_sid,
        config.agent.language,
        inbox.post,
        now,
        stack.turn_hints,
    )
    judging = PauseJudging(
        stack.turn_judge,
        runtime.board,
        start.call_sid,
        inbox.post,
        now,
        find_limit_s(tier.wait_complete_s, config.ear.pause_s),
    )
    speaker = Speaker(config.line, transport, inbox.post, now)
    overlap = InterruptionJudge(speaker.played) if tier.interruptions else None
    listener = Listener(config.ear, config.line, transcriber, judging, inbox.post, now, overlap)
    replier = Replier(
        start.call_sid,
        config.agent,
        llm,
        tts,
        StoredSpeech(
            runtime.speech_cache,
            config.agent.language,
            config.cache.reply_characters,
            config.agent.voices,
        ),
        speaker,
        inbox.post,
        now,
        voices=tier.tts,
        manner=choose_manner(config.agent, tier),
    )
    call = LiveCall(
        brain=Conversation(config, tier),
        transport=transport,
        inbox=inbox,
        listener=listener,
        transcriber=transcriber,
        judging=judging,
        replier=replier,
        speaker=speaker,
        tooling=Tooling(start.call_sid, runtime.tools, inbox.post, now),
        llm=llm,
        journal=Journal(start.call_sid, tenant=config.call.tenant),
    )
    stack.take()
    return call
