"""What a caller gets when there is no room for another stream: the tier's `no_room`, in order."""

import logging
from collections.abc import Mapping

from aiohttp import web

from voxd.config import Config
from voxd.errors import AdmissionRefused
from voxd.server.forms import answer_twiml
from voxd.server.handover import choose_step, say_voice
from voxd.server.state import STATE
from voxd.server.turns import begin_turns
from voxd.twilio.handover import say_then

logger = logging.getLogger(__name__)


async def answer_no_room(
    request: web.Request, config: Config, call_sid: str, parameters: Mapping[str, str], reason: str
) -> web.Response:
    """The first resort of the tier that can be had; in the end a sentence, and the line is free.

    Args:
        config: as the call sees it.
        parameters: what is known of the call (`from`, `to`); untrusted text.
        reason: what is short, a constant word; counted if we do not serve the call in turns either.
    """
    refused = request.app[STATE].refused_calls
    for resort in config.tier().no_room:
        if resort == "turns":
            try:
                return await begin_turns(request, config, call_sid, parameters)
            except AdmissionRefused as refusal:
                extra = {"call": call_sid, "reason": refusal.reason}
                logger.info("no room for turns either", extra=extra)
        elif (document := _hand_over(request, config, resort)) is not None:
            refused[reason] += 1
            logger.info("call handed over", extra={"call": call_sid, "resort": resort})
            return answer_twiml(document)
        if resort == "sentence":
            break
    refused[reason] += 1
    return answer_twiml(say_then((config.phrases.busy,), say_voice(config), None))


def _hand_over(request: web.Request, config: Config, resort: str) -> str | None:
    """A document that gives the call to somebody else; None where the agent knows nobody."""
    action_url = f"{request.app[STATE].guard.base_url(request)}/twilio/after"
    step = choose_step(config, resort, action_url)
    if step is None:
        return None
    phrases = config.phrases
    texts = (phrases.no_answer, phrases.leave_message) if resort == "voicemail" else ()
    return say_then(texts, say_voice(config), step)
