"""`POST /twilio/voice`: a call comes in. Who answers it, is there room, and what if not."""

import asyncio
import logging

from aiohttp import web

from voxd.config import Config
from voxd.errors import AdmissionRefused
from voxd.runtime import Stage
from voxd.server.admission import IS_ACTIVE
from voxd.server.forms import answer_twiml, read_call_sid, read_form
from voxd.server.media import TOKEN
from voxd.server.no_room import answer_no_room
from voxd.server.outbound import ORDER
from voxd.server.state import STATE, ServerState
from voxd.server.turns import begin_turns
from voxd.twilio import twiml

logger = logging.getLogger(__name__)

MAX_PARAMETER_CHARS = 100
"""Of a stream parameter's value; Twilio takes name and value up to 500 characters together."""


async def answer_voice(request: web.Request) -> web.Response:
    """Connects the call to our socket, or says why not. Takes as long as a look-up may."""
    state = request.app[STATE]
    fields = await read_form(request)
    state.guard.check_form(request, fields)
    call_sid = read_call_sid(fields)
    called = fields.get("To", "")[:MAX_PARAMETER_CHARS]
    caller = fields.get("From", "")[:MAX_PARAMETER_CHARS]
    order = request.query.get(ORDER)
    if order is not None and not _is_ours(state, order, call_sid):
        logger.warning("no such order", extra={"call": call_sid})
        return answer_twiml(twiml.hang_up())
    config = await state.directory.route(call_sid, called, caller)
    if call_sid in state.gone:  # the caller hung up while we looked for who answers
        logger.info("caller was gone", extra={"call": call_sid})
        return answer_twiml(twiml.hang_up())
    parameters = {"from": caller, "to": called}
    try:
        if config.in_turns or state.turn_calls.find(call_sid) is not None:
            return await begin_turns(request, config, call_sid, parameters)
        token = _reserve(state, call_sid, config)
    except AdmissionRefused as refusal:
        tenant = config.call.tenant
        extra = {"call": call_sid, "tenant": tenant, "reason": refusal.reason}
        logger.warning("call refused", extra=extra)
        if refusal.reason == IS_ACTIVE:
            # Twilio acts on one answer, and by that one the call runs: there is nothing to say.
            raise web.HTTPConflict(text="this call runs already\n") from None
        return await answer_no_room(request, config, call_sid, parameters, refusal.reason)
    stream_url = state.guard.stream_url(request)
    action_url = f"{state.guard.base_url(request)}/twilio/after"
    parameters = {TOKEN: token, **parameters}
    return answer_twiml(twiml.connect_stream(stream_url, action_url, parameters))


def _is_ours(state: ServerState, order: str, call_sid: str) -> bool:
    """Whether it is a call that we had placed; then it is led as it was ordered."""
    now = asyncio.get_running_loop().time()
    return state.outbound.meet(order, call_sid, state.directory, now)


def _reserve(state: ServerState, call_sid: str, config: Config) -> str:
    if state.admission is None:
        raise AdmissionRefused(str(state.stage))
    # A webhook that is repeated gets what it got, also if the daemon was told to stop meanwhile.
    if state.stage is not Stage.READY and not state.admission.is_reserved(call_sid):
        raise AdmissionRefused(str(state.stage))
    return state.admission.reserve(call_sid, config).token
