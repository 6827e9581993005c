"""Calls in turns: `POST /twilio/gather`, `/twilio/more` and `/twilio/partial`, and how they begin.

Each request names its step in the query, which Twilio signs with the rest of the URL. A request
that is repeated gets the answer that it got before.
"""

import asyncio
import logging
import re
from collections.abc import Mapping

from aiohttp import web
from multidict import MultiDict

from voxd.call.turns.ear import Heard
from voxd.call.turns.requests import Then, TurnAnswer
from voxd.chains import TURNS_NEED
from voxd.config import Config
from voxd.errors import AdmissionRefused
from voxd.events import CallEnded, EndReason
from voxd.runtime import Stage
from voxd.server.forms import answer_twiml, read_call_sid, read_form
from voxd.server.handover import say_voice, what_follows
from voxd.server.state import STATE, ServerState
from voxd.stack import CallStack
from voxd.twilio import turns, twiml
from voxd.twilio.orders import read_status

logger = logging.getLogger(__name__)

MAX_SPEECH_CHARS = 4000
"""Of a result; Twilio listens for a minute, in which nobody says half of it."""
MAX_DIGITS = 32

_NUMBER = re.compile(r"[0-9]{1,6}", re.ASCII)
_NO_DIGIT = re.compile(r"[^0-9*#A-D]", re.ASCII)


async def begin_turns(
    request: web.Request, config: Config, call_sid: str, parameters: Mapping[str, str]
) -> web.Response:
    """Answer a voice webhook by the first turn of a call in turns: the greeting.

    Also for a webhook that is repeated: it gets the same answer.

    Args:
        config: as this call sees it.
        parameters: what is known of the call (`from`, `to`); untrusted text.

    Raises:
        AdmissionRefused: there is no room for one more, or no place at its language model.
    """
    state = request.app[STATE]
    found = state.turn_calls.find(call_sid)
    if found is None:
        if state.stage is not Stage.READY or state.admission is None or state.runtime is None:
            raise AdmissionRefused(str(state.stage))
        state.turn_calls.check_room()
        stack = CallStack(state.runtime, call_sid, config, TURNS_NEED)
        state.admission.admit_turns(stack)
        call = state.turn_calls.start(stack, parameters, state.direction(call_sid))
    else:
        call, config = found
    return _answer(state, request, config, await call.answer(0))


async def answer_gather(request: web.Request) -> web.Response:
    """`POST /twilio/gather`: what the caller said or pressed, be it nothing."""
    fields, call_sid, step = await _read(request)
    speech = fields.get("SpeechResult", "").strip()[:MAX_SPEECH_CHARS]
    digits = _NO_DIGIT.sub("", fields.get("Digits", ""))[:MAX_DIGITS]
    return await _ask(request, fields, call_sid, step, Heard(speech, digits))


async def answer_more(request: web.Request) -> web.Response:
    """`POST /twilio/more`: Twilio has said what it was given, and comes back for the rest."""
    fields, call_sid, step = await _read(request)
    return await _ask(request, fields, call_sid, step, None)


async def hear_partial(request: web.Request) -> web.Response:
    """`POST /twilio/partial`: the words so far. Nothing can be answered to it."""
    fields, call_sid, step = await _read(request)
    found = request.app[STATE].turn_calls.find(call_sid)
    if found is not None:
        stable, unstable = (
            fields.get(name, "").strip() for name in ("StableSpeechResult", "UnstableSpeechResult")
        )
        words = unstable if unstable.startswith(stable) else f"{stable} {unstable}".strip()
        number = fields.get("SequenceNumber", "")
        place = int(number) if _NUMBER.fullmatch(number) else None
        found[0].hear_partial(step, words[:MAX_SPEECH_CHARS], place)
    return web.Response(status=204)


async def _read(request: web.Request) -> tuple[MultiDict[str], str, int]:
    """The fields of a request of Twilio's, its call and its step."""
    fields = await read_form(request)
    request.app[STATE].guard.check_form(request, fields)
    step = request.query.get("step", "")
    if not _NUMBER.fullmatch(step):
        raise web.HTTPBadRequest(text="the step is missing or malformed\n")
    return fields, read_call_sid(fields), int(step)


async def _ask(
    request: web.Request, fields: MultiDict[str], call_sid: str, step: int, heard: Heard | None
) -> web.Response:
    state = request.app[STATE]
    found = state.turn_calls.find(call_sid)
    if found is None:
        return _answer_late(state, request, call_sid, fields.get("To", ""))
    call, config = found
    status = read_status(fields.get("CallStatus", ""))
    if status is not None and status.is_over:
        state.gone.note(call_sid)
        now = asyncio.get_running_loop().time()
        call.deliver(CallEnded(now, EndReason.CALLER_HUNG_UP))
        return answer_twiml(twiml.hang_up())
    return _answer(state, request, config, await call.answer(step, heard))


def _answer_late(
    state: ServerState, request: web.Request, call_sid: str, called: str
) -> web.Response:
    """A call that was ended asks again for its last answer; any other conversation is lost."""
    last = state.turn_calls.last_word(call_sid)
    if last is not None:
        return _answer(state, request, last.config, last.answer)
    config = state.directory.recall(call_sid, called)
    action_url = f"{state.guard.base_url(request)}/twilio/after"
    finished = state.runtime.calls.finished(call_sid) if state.runtime is not None else None
    if finished is not None:  # it ended while Twilio listened
        return answer_twiml(what_follows(config, finished.reason, action_url, finished.next_step))
    logger.warning("unknown call in turns", extra={"call": call_sid})
    return answer_twiml(what_follows(config, EndReason.LINE_LOST, action_url))


def _answer(
    state: ServerState, request: web.Request, config: Config, answer: TurnAnswer
) -> web.Response:
    """The answer as a document."""
    voice = say_voice(config)
    base_url = f"{state.guard.base_url(request)}/twilio"
    match answer.then:
        case Then.LISTEN:
            listening = turns.Listening(
                language=twiml.say_language(config.agent.language),
                action_url=f"{base_url}/gather?step={answer.step}",
                partial_url=f"{base_url}/partial?step={answer.step}",
                silence_s=config.twiml.silence_s,
                speech_model=config.twiml.speech_model,
                speech_timeout_s=config.twiml.speech_timeout_s,
                hints=config.twiml.hints,
                can_interrupt=config.tier().interruptions,
            )
            document = turns.listen(answer.spoken, voice, listening)
        case Then.COME_BACK:
            url = f"{base_url}/more?step={answer.step}"
            document = turns.come_back(answer.spoken, voice, url, answer.pause_s)
        case Then.END if answer.next_step is None and answer.reason is EndReason.AGENT_HUNG_UP:
            document = turns.end(answer.spoken, voice)
        case Then.END if state.stage is Stage.DRAINING:
            # By the time this was said there may be nobody left here to ask.
            after_url, given = f"{base_url}/after", (answer.next_step, answer.spoken)
            document = what_follows(config, answer.reason, after_url, *given)
        case Then.END:
            document = turns.come_back(answer.spoken, voice, f"{base_url}/after")
    return answer_twiml(document)
