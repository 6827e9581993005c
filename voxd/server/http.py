"""The HTTP application: its routes, and the answers to Twilio's webhooks."""

import asyncio
import logging
import re
from urllib.parse import parse_qsl

from aiohttp import web
from multidict import MultiDict

from voxd.config import Config
from voxd.errors import AdmissionRefused
from voxd.events import EndReason
from voxd.runtime import Stage
from voxd.server import health
from voxd.server.media import TOKEN, serve_media
from voxd.server.state import STATE, ServerState
from voxd.twilio import twiml

logger = logging.getLogger(__name__)

MAX_BODY_BYTES = 64 * 1024
"""A webhook has some forty fields and 2 KiB."""
MAX_FIELDS = 256
BODY_S = 5.0
"""How long a peer may take to send its body."""
AFTER_WAIT_S = 3.0
"""Twilio asks `/twilio/after` the moment the socket closes, while the call may still be freeing
what it held; so long its end is awaited."""
MAX_PARAMETER_CHARS = 100
"""Of a stream parameter's value; Twilio takes name and value up to 500 characters together."""

_CALL_SID = re.compile(r"[A-Za-z0-9_-]{1,64}", re.ASCII)
_APOLOGISE = (EndReason.ENGINES_FAILED, EndReason.BUG)


def build_app(state: ServerState) -> web.Application:
    """All routes over one state."""
    app = web.Application(client_max_size=MAX_BODY_BYTES)
    app[STATE] = state
    app.router.add_post("/twilio/voice", answer_voice)
    app.router.add_post("/twilio/after", answer_after)
    app.router.add_get("/twilio/media", serve_media)
    app.router.add_get("/health/live", health.answer_live)
    app.router.add_get("/health/ready", health.answer_ready)
    app.router.add_get("/health", health.answer_health)
    app.router.add_get("/calls/{call_sid}", health.answer_call)
    return app


async def answer_voice(request: web.Request) -> web.Response:
    """`POST /twilio/voice`: a call comes in. Connects it to our socket, or says why not."""
    state = request.app[STATE]
    fields = await _read_form(request)
    state.guard.check_form(request, fields)
    call_sid, number = _read_call_sid(fields), fields.get("To", "")[:MAX_PARAMETER_CHARS]
    try:
        token = _reserve(state, call_sid, number)
    except AdmissionRefused as refusal:
        logger.warning("call refused", extra={"call": call_sid, "reason": refusal.reason})
        config = state.config.dialled(number)
        return _twiml(_say_and_hang_up(config, config.phrases.busy))
    parameters = {
        TOKEN: token,
        "from": fields.get("From", "")[:MAX_PARAMETER_CHARS],
        "to": number,
    }
    stream_url = state.guard.stream_url(request)
    action_url = f"{state.guard.base_url(request)}/twilio/after"
    return _twiml(twiml.connect_stream(stream_url, action_url, parameters))


async def answer_after(request: web.Request) -> web.Response:
    """`POST /twilio/after`: the stream is over; what follows depends on why."""
    state = request.app[STATE]
    fields = await _read_form(request)
    state.guard.check_form(request, fields)
    call_sid = _read_call_sid(fields)
    reason = None
    if state.runtime is not None:
        reason = await state.runtime.calls.wait_finished(call_sid, AFTER_WAIT_S)
    if reason in _APOLOGISE:
        config = state.config.dialled(fields.get("To", ""))
        return _twiml(_say_and_hang_up(config, config.phrases.failure))
    return _twiml(twiml.hang_up())


def _reserve(state: ServerState, call_sid: str, number: str) -> str:
    if state.stage is not Stage.READY or state.admission is None:
        raise AdmissionRefused(str(state.stage))
    return state.admission.reserve(call_sid, number).token


async def _read_form(request: web.Request) -> MultiDict[str]:
    """The fields of a webhook, within bounds of size, number and time."""
    if request.content_type != "application/x-www-form-urlencoded":
        raise web.HTTPUnsupportedMediaType(text="a form is expected here\n")
    try:
        async with asyncio.timeout(BODY_S):
            body = await request.read()
        pairs = parse_qsl(body.decode(), keep_blank_values=True, max_num_fields=MAX_FIELDS)
    except TimeoutError:
        raise web.HTTPRequestTimeout(text="the body did not come\n") from None
    except ValueError:  # too many fields, or bytes that are no UTF-8
        raise web.HTTPBadRequest(text="this is no form\n") from None
    return MultiDict(pairs)


def _read_call_sid(fields: MultiDict[str]) -> str:
    call_sid = fields.get("CallSid", "")
    if not _CALL_SID.fullmatch(call_sid):
        raise web.HTTPBadRequest(text="CallSid is missing or malformed\n")
    return call_sid


def _say_and_hang_up(config: Config, text: str) -> str:
    return twiml.say_and_hang_up(text, config.agent.language)


def _twiml(document: str) -> web.Response:
    return web.Response(text=document, content_type="text/xml")
