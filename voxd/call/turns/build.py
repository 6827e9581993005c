"""The objects of one call in turns, built here and nowhere else."""

import asyncio
from collections.abc import Mapping

from voxd.call.inbox import Inbox
from voxd.call.tooling import Tooling
from voxd.call.turns.answering import TurnAnswering
from voxd.call.turns.patience import Patience
from voxd.call.turns.shell import TurnCall
from voxd.config import Config
from voxd.dialog.conversation import Conversation
from voxd.stack import CallStack
from voxd.telemetry.journal import Journal

FILLER_AHEAD_S = 0.1
"""The filler comes so much before Twilio must be answered."""


def build_turn_call(stack: CallStack, parameters: Mapping[str, str]) -> TurnCall:
    """Make one call; its `run` holds it. Must be called in the event loop that runs it.

    Args:
        stack: of which the language model is used and nothing else.
        parameters: what is known of the call; untrusted text.
    """
    config = as_in_turns(stack.config)
    inbox, now = Inbox(), asyncio.get_running_loop().time
    brain = Conversation(config, config.tier())
    answering = TurnAnswering(
        inbox,
        brain,
        Patience(config.twiml.silence_s, config.twiml.speech_timeout_s),
        answer_s=config.twiml.answer_s,
        can_interrupt=stack.config.tier().interruptions,
    )
    call = TurnCall(
        stack.call_id,
        parameters,
        journal=Journal(stack.call_id, tenant=config.call.tenant),
        brain=brain,
        inbox=inbox,
        answering=answering,
        llm=stack.language_model(inbox.post),
        tooling=Tooling(stack.call_id, stack.runtime.tools, inbox.post, now),
        agent=config.agent,
    )
    stack.take()
    return call


def as_in_turns(config: Config) -> Config:
    """The config of a call with what Twilio does taken from its tier.

    Twilio waits for the end of a turn and stops speaking when it is interrupted; its voices have
    no emotions; and a reply that is late needs its filler before the answer is due.
    """
    tier = config.tier()
    answer_s = config.twiml.answer_s
    changed = tier.model_copy(
        update={
            "turn": (),
            "interruptions": False,
            "emotions": "none",
            "wait_complete_s": 0.0,
            "wait_unknown_s": 0.0,
            "wait_incomplete_s": 0.0,
            "filler_after_s": min(tier.filler_after_s, max(0.1, answer_s - FILLER_AHEAD_S)),
        }
    )
    return config.model_copy(update={"tiers": {**config.tiers, config.call.tier: changed}})
