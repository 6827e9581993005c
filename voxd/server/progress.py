"""What Twilio tells of calls beside their line: how they go, and who answered."""

import asyncio
import logging

from aiohttp import web

from voxd.errors import TelephonyError
from voxd.events import AnsweredBy, AnswererJudged, CallEnded, EndReason
from voxd.server.forms import read_call_sid, read_form, read_seconds
from voxd.server.outbound import ORDER, OutboundCall
from voxd.server.state import STATE, ServerState
from voxd.twilio.orders import read_status

logger = logging.getLogger(__name__)

_PEOPLE = (AnsweredBy.HUMAN, AnsweredBy.UNKNOWN)
_DEAF = (AnsweredBy.MACHINE_START, AnsweredBy.FAX)
"""Who gets no message."""


async def answer_status(request: web.Request) -> web.Response:
    """`POST /twilio/status`: how a call goes. One that is over at Twilio's is over here."""
    state = request.app[STATE]
    fields = await read_form(request)
    state.guard.check_form(request, fields)
    call_sid = read_call_sid(fields)
    status = read_status(fields.get("CallStatus", ""))
    if status is None:
        raise web.HTTPBadRequest(text="CallStatus is missing or unknown\n")
    duration_s = read_seconds(fields.get("CallDuration", ""))
    extra = {"call": call_sid, "status": str(status), "duration_s": duration_s}
    logger.info("call status", extra=extra)
    call = _find_order(state, request, call_sid)
    if call is not None:
        call.note_status(status, duration_s)
    if status.is_over:
        state.gone.note(call_sid)
    if status.is_over and state.runtime is not None:
        # Its `stop` may have got lost. When it did not, the call is over already, or ends by it.
        ended = CallEnded(asyncio.get_running_loop().time(), EndReason.CALLER_HUNG_UP)
        state.runtime.calls.deliver(call_sid, ended)
    return web.Response(status=204)


async def answer_answerer(request: web.Request) -> web.Response:
    """`POST /twilio/answerer`: a person or a machine? The call's brain decides what follows."""
    state = request.app[STATE]
    fields = await read_form(request)
    state.guard.check_form(request, fields)
    call_sid, by = read_call_sid(fields), read_answerer(fields.get("AnsweredBy", ""))
    logger.info("call answered", extra={"call": call_sid, "by": str(by)})
    call = _find_order(state, request, call_sid)
    if call is not None:
        call.answered_by = by
        judged = AnswererJudged(asyncio.get_running_loop().time(), by)
        is_running = state.runtime is not None and state.runtime.calls.deliver(call_sid, judged)
        # A stream ends with its call, at once; in turns Twilio comes back only after a silence.
        is_unheard = not is_running and by not in _PEOPLE
        is_late = by in _DEAF and state.turn_calls.find(call_sid) is not None
        if (is_unheard or is_late) and not call.status.is_over:
            await _hang_up(state, call_sid)
    return web.Response(status=204)


def read_answerer(text: str) -> AnsweredBy:
    """The `AnsweredBy` of a form; a word that Twilio does not have tells nothing."""
    return AnsweredBy(text) if text in AnsweredBy._value2member_map_ else AnsweredBy.UNKNOWN


def _find_order(state: ServerState, request: web.Request, call_sid: str) -> OutboundCall | None:
    """The order of a call of ours; None: it came in, or the order is not this call's."""
    order = request.query.get(ORDER)
    if order is None:
        return state.outbound.find(call_sid)
    call = state.outbound.identify(order, call_sid)
    if call is None:
        logger.warning("no such order", extra={"call": call_sid})
    return call


async def _hang_up(state: ServerState, call_sid: str) -> None:
    """A machine listens to a line that nobody of ours is on."""
    if state.runtime is None or state.runtime.telephony is None:
        return
    try:
        await state.runtime.telephony.hang_up(call_sid)
    except TelephonyError as error:
        extra = {"call": call_sid, "category": str(error.category), "code": error.code}
        logger.warning("call was not hung up", extra=extra)
