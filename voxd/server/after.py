"""`POST /twilio/after`: the media stream, a transfer or a recording is over. What follows?"""

import logging
import re

from aiohttp import web
from multidict import MultiDict

from voxd.events import EndReason
from voxd.server.forms import answer_twiml, read_call_sid, read_form, read_seconds
from voxd.server.handover import after_dial, after_recording, what_follows
from voxd.server.state import STATE, ServerState
from voxd.twilio.handover import read_dial_status

logger = logging.getLogger(__name__)

AFTER_WAIT_S = 3.0
"""Twilio asks the moment the socket closes, while the call may still be freeing what it held; so
long its end is awaited."""

_RECORDING_SID = re.compile(r"RE[0-9a-zA-Z]{1,62}", re.ASCII)


async def answer_after(request: web.Request) -> web.Response:
    """`POST /twilio/after`; what is over, the form's fields tell."""
    state = request.app[STATE]
    fields = await read_form(request)
    state.guard.check_form(request, fields)
    call_sid = read_call_sid(fields)
    action_url = f"{state.guard.base_url(request)}/twilio/after"
    if "DialCallStatus" in fields:
        document = _end_dial(state, call_sid, fields, action_url)
    elif "RecordingUrl" in fields:
        document = _end_recording(state, call_sid, fields)
    else:
        document = await _end_stream(state, call_sid, fields, action_url)
    return answer_twiml(document)


async def _end_stream(
    state: ServerState, call_sid: str, fields: MultiDict[str], action_url: str
) -> str:
    config = state.directory.recall(call_sid, fields.get("To", ""))
    if state.runtime is None:
        return what_follows(config, None, action_url)
    calls = state.runtime.calls
    reason = await calls.wait_finished(call_sid, AFTER_WAIT_S)
    finished = calls.finished(call_sid)
    if finished is None and not calls.is_active(call_sid):
        reason = EndReason.LINE_LOST  # it was promised a stream and never had one
    if finished is None:
        return what_follows(config, reason, action_url)
    return what_follows(
        config,
        reason,
        action_url,
        finished.next_step,
        has_apologised=finished.has_apologised,
    )


def _end_dial(state: ServerState, call_sid: str, fields: MultiDict[str], action_url: str) -> str:
    status = read_dial_status(fields["DialCallStatus"])
    duration_s = read_seconds(fields.get("DialCallDuration", ""))
    extra = {"call": call_sid, "status": str(status), "duration_s": duration_s}
    logger.info("transfer ended", extra=extra)
    config = state.directory.recall(call_sid, fields.get("To", ""))
    return after_dial(config, status, action_url)


def _end_recording(state: ServerState, call_sid: str, fields: MultiDict[str]) -> str:
    recording = fields.get("RecordingSid", "")
    if not _RECORDING_SID.fullmatch(recording):
        recording = ""
    # Not the address, by which anybody may hear it: whoever has the account needs but the sid.
    duration_s = read_seconds(fields.get("RecordingDuration", ""))
    extra = {"call": call_sid, "recording": recording, "duration_s": duration_s}
    logger.info("message recorded", extra=extra)
    if state.runtime is not None:
        state.runtime.calls.note_recording(call_sid, recording, duration_s)
    return after_recording(state.directory.recall(call_sid, fields.get("To", "")))
