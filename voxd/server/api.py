"""`/api/calls`: operators place calls, look at them, hang them up. For them alone.

An order waits for what is asked of others only before the room is looked at: from there until it
is taken down nothing is awaited, so that two orders cannot count on the same place.
"""

import asyncio
import logging
from typing import Any

import orjson
from aiohttp import web

from voxd.commands import Transfer
from voxd.config import Config, Number
from voxd.errors import AdmissionRefused, Category, TelephonyError
from voxd.events import CallEnded, EndReason
from voxd.runtime import Runtime, Stage
from voxd.server.admission import Need
from voxd.server.ahead import render_greeting
from voxd.server.forms import is_call_sid
from voxd.server.handover import what_follows
from voxd.server.outbound import ORDER, OutboundCall
from voxd.server.state import STATE, ServerState
from voxd.server.wanted import Redirection, read_model, read_wanted, refused
from voxd.telephony.calls import TwilioCalls
from voxd.twilio.orders import CallOrder, Detection

logger = logging.getLogger(__name__)


async def place_call(request: web.Request) -> web.Response:
    """`POST /api/calls`: 201 with the CallSid; the agent speaks when somebody answers."""
    state = request.app[STATE]
    state.guard.check_private(request)
    runtime, _ = _ready(state)
    wanted = await read_wanted(request, runtime.config)
    settings = runtime.config.telephony
    # As for a call of this person's to that number: whose it is, the look-up may know alone.
    known = await state.directory.find_own(wanted.from_, wanted.to)
    own = known.changed_by(Number(agent=wanted.agent, variables=wanted.variables))
    _, telephony = _ready(state)  # it may have been told to stop meanwhile
    now = asyncio.get_running_loop().time()
    need = _check_room(state, runtime.config.routed(own), now)
    call = state.outbound.order(wanted.to, wanted.from_, own, need, settings.ring_s, now)
    if call is None:
        raise refused(web.HTTPTooManyRequests, "rate", headers={"Retry-After": "60"})
    detection = wanted.machine_detection or Detection(settings.machine_detection)
    order = _order(state.guard.base_url(request), call, settings.ring_s, detection)
    try:
        call_sid = await telephony.place(order)
    except TelephonyError as error:
        if not call.call_sid:
            raise _not_placed(state, call, error) from None
        call_sid = call.call_sid  # the answer is lost, but Twilio has reported the call already
    call.call_sid = call_sid
    logger.info("call placed", extra={"call": call_sid, "agent": own.agent})
    seen = state.directory.see(own, call.to, call.from_, is_outbound=True)
    # Nobody waits for it; one for each order, and of those there are so many a minute.
    runtime.early.start(render_greeting(runtime, seen, call_sid, settings.ring_s))
    return _json({"call_sid": call_sid, "status": call.status}, status=201)


async def tell_call(request: web.Request) -> web.Response:
    """`GET /api/calls/{call_sid}`: how a call goes, of those that are remembered."""
    state = request.app[STATE]
    state.guard.check_private(request)
    call_sid = _read_sid(request)
    ordered = state.outbound.find(call_sid)
    calls = state.runtime.calls if state.runtime is not None else None
    is_active = calls is not None and calls.is_active(call_sid)
    finished = calls.finished(call_sid) if calls is not None else None
    if ordered is None and not is_active and finished is None:
        raise refused(web.HTTPNotFound, "unknown_call")
    return _json(
        {
            "call_sid": call_sid,
            "is_outbound": ordered is not None,
            "status": ordered.status if ordered else None,
            "answered_by": ordered.answered_by if ordered else None,
            "duration_s": ordered.duration_s if ordered else None,
            "is_active": is_active,
            "end_reason": finished.reason if finished else None,
            "recording": finished.recording if finished else "",
            "recording_s": finished.recording_s if finished else None,
        }
    )


async def redirect_call(request: web.Request) -> web.Response:
    """`PATCH /api/calls/{call_sid}`: 204 once somebody else has the call, which is over here."""
    state = request.app[STATE]
    state.guard.check_private(request)
    call_sid = _read_sid(request)
    runtime = state.runtime
    if runtime is None or runtime.telephony is None:
        raise refused(web.HTTPServiceUnavailable, "not_configured")
    wanted = await read_model(request, Redirection)
    if not runtime.calls.is_active(call_sid):
        raise refused(web.HTTPNotFound, "unknown_call")
    action_url = f"{state.guard.base_url(request)}/twilio/after"
    config = state.directory.recall(call_sid)
    try:
        if wanted.number is not None:
            document = what_follows(config, None, action_url, Transfer(wanted.number))
            await runtime.telephony.redirect(call_sid, twiml=document)
        else:
            await runtime.telephony.redirect(call_sid, url=wanted.url or "")
    except TelephonyError as error:
        raise _failed(error) from None
    logger.info("call is redirected by order", extra={"call": call_sid})
    # Only now: a stream that closes before would have Twilio ask `/twilio/after`.
    _end(runtime, call_sid)
    return web.Response(status=204)


async def hang_up_call(request: web.Request) -> web.Response:
    """`DELETE /api/calls/{call_sid}`: 204 once the order to hang up is given."""
    state = request.app[STATE]
    state.guard.check_private(request)
    call_sid = _read_sid(request)
    runtime = state.runtime
    ordered = state.outbound.find(call_sid)
    is_placed = ordered is not None and not ordered.status.is_over
    if runtime is None or not (is_placed or runtime.calls.is_active(call_sid)):
        raise refused(web.HTTPNotFound, "unknown_call")
    logger.info("call is hung up by order", extra={"call": call_sid})
    # Our own end of it, at once: that alone ends the call, too, by way of `/twilio/after`.
    is_ours = _end(runtime, call_sid)
    if runtime.telephony is not None:
        try:
            await runtime.telephony.hang_up(call_sid)
        except TelephonyError as error:
            if not is_ours:
                raise _failed(error) from None
    elif not is_ours:
        raise refused(web.HTTPServiceUnavailable, "not_configured")
    return web.Response(status=204)


def _end(runtime: Runtime, call_sid: str) -> bool:
    """End our side of a call; False when it does not run."""
    ended = CallEnded(asyncio.get_running_loop().time(), EndReason.OPERATOR)
    return runtime.calls.deliver(call_sid, ended)


def _ready(state: ServerState) -> tuple[Runtime, TwilioCalls]:
    runtime = state.runtime
    if runtime is None or state.stage is not Stage.READY:
        raise refused(web.HTTPServiceUnavailable, str(state.stage))
    if runtime.telephony is None:
        raise refused(web.HTTPServiceUnavailable, "not_configured")
    return runtime, runtime.telephony


def _check_room(state: ServerState, config: Config, now: float) -> Need:
    """Somebody who is called must not hear that all lines are busy: there is room now, and will be
    when all that ring have answered, too."""
    admission = state.admission
    assert admission is not None  # the daemon is ready
    waiting = state.outbound.waiting(now)
    try:
        if config.in_turns:
            state.turn_calls.check_room(sum(not need.is_stream for need in waiting))
        return admission.check_room(config, waiting)
    except AdmissionRefused as refusal:
        raise refused(
            web.HTTPServiceUnavailable,
            "no_room",
            headers={"Retry-After": "60"},
            reason=refusal.reason,
        ) from None


def _order(base_url: str, call: OutboundCall, ring_s: int, detection: Detection) -> CallOrder:
    # Every one of Twilio's requests names the order: they may come before the answer to it.
    which = f"{ORDER}={call.token}"
    return CallOrder(
        to=call.to,
        from_=call.from_,
        voice_url=f"{base_url}/twilio/voice?{which}",
        status_url=f"{base_url}/twilio/status?{which}",
        ring_s=ring_s,
        detection=detection,
        detection_url=f"{base_url}/twilio/answerer?{which}",
    )


def _not_placed(state: ServerState, call: OutboundCall, error: TelephonyError) -> web.HTTPException:
    extra = {"category": str(error.category), "code": error.code}
    logger.warning("call was not placed", extra=extra)
    if error.category not in (Category.TIMEOUT, Category.CONNECTIVITY, Category.SERVER):
        state.outbound.forget(call)  # else it may have been placed all the same, and be answered
    return _failed(error)


def _failed(error: TelephonyError) -> web.HTTPException:
    is_late = error.category is Category.TIMEOUT
    kind = web.HTTPGatewayTimeout if is_late else web.HTTPBadGateway
    return refused(kind, "telephony", category=str(error.category), code=error.code)


def _read_sid(request: web.Request) -> str:
    call_sid = request.match_info["call_sid"]
    if not is_call_sid(call_sid):
        raise refused(web.HTTPNotFound, "unknown_call")
    return call_sid


def _json(content: dict[str, Any], status: int = 200) -> web.Response:
    body = orjson.dumps(content, option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE)
    return web.Response(body=body, status=status, content_type="application/json")
