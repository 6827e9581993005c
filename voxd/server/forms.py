"""Reading the forms that Twilio posts, within bounds, and answering them with TwiML."""

import asyncio
import re
from urllib.parse import parse_qsl

from aiohttp import web
from multidict import MultiDict

MAX_FIELDS = 256
"""A webhook has some forty."""
BODY_S = 5.0
"""How long a peer may take to send its body."""

_CALL_SID = re.compile(r"[A-Za-z0-9_-]{1,64}", re.ASCII)


async def read_body(request: web.Request) -> bytes:
    """The body of a request, within bounds of size and time.

    Raises:
        web.HTTPException: it is too large, or did not come.
    """
    try:
        async with asyncio.timeout(BODY_S):
            return await request.read()
    except TimeoutError:
        raise web.HTTPRequestTimeout(text="the body did not come\n") from None


async def read_form(request: web.Request) -> MultiDict[str]:
    """The fields of a webhook, within bounds of size, number and time.

    Raises:
        web.HTTPException: this is no form, or none that came in time.
    """
    if request.content_type != "application/x-www-form-urlencoded":
        raise web.HTTPUnsupportedMediaType(text="a form is expected here\n")
    body = await read_body(request)
    try:
        pairs = parse_qsl(body.decode(), keep_blank_values=True, max_num_fields=MAX_FIELDS)
    except ValueError:  # too many fields, or bytes that are no UTF-8
        raise web.HTTPBadRequest(text="this is no form\n") from None
    return MultiDict(pairs)


def read_call_sid(fields: MultiDict[str]) -> str:
    """The call that a form is about.

    Raises:
        web.HTTPBadRequest: it names none, or none that could be Twilio's.
    """
    call_sid = fields.get("CallSid", "")
    if not is_call_sid(call_sid):
        raise web.HTTPBadRequest(text="CallSid is missing or malformed\n")
    return call_sid


def is_call_sid(text: str) -> bool:
    """Whether a text has the shape of a CallSid: safe as a key, in a path and in a log."""
    return _CALL_SID.fullmatch(text) is not None


def answer_twiml(document: str) -> web.Response:
    """A document of `voxd.twilio` as the answer to a webhook."""
    return web.Response(text=document, content_type="text/xml")


def read_seconds(text: str) -> int | None:
    """A duration of a form, whole seconds; None when it tells none."""
    return int(text) if len(text) <= 9 and text.isascii() and text.isdecimal() else None
