"""The HTTP side of Twilio: the voice webhook, and the action after the stream. I/O."""

import asyncio
import uuid
from dataclasses import dataclass
from urllib.parse import urlencode, urlsplit, urlunsplit

import aiohttp

from voxd.caller import twiml
from voxd.caller.plan import CallPlan
from voxd.caller.report import Outcome
from voxd.caller.signature import HEADER, sign_form
from voxd.errors import VoxdError

TIMEOUT_S = 15.0
"""What Twilio is believed to wait for a webhook."""
XML_TYPES = ("text/xml", "application/xml")
"""Content types under which Twilio reads TwiML."""


class CallFailed(VoxdError):
    """The call came to an end before a stream; `outcome` says in which way."""

    def __init__(self, outcome: Outcome, problem: str) -> None:
        self.outcome = outcome
        super().__init__(problem)


@dataclass(frozen=True, slots=True)
class CallIds:
    """The names of one call, in Twilio's shape: two letters and 32 hex digits."""

    account_sid: str
    call_sid: str
    stream_sid: str


def make_ids() -> CallIds:
    """Return names that no other call has."""
    return CallIds(*(f"{kind}{uuid.uuid4().hex}" for kind in ("AC", "CA", "MZ")))


def call_fields(plan: CallPlan, ids: CallIds, status: str) -> dict[str, str]:
    """Return the form fields that Twilio sends with every request of a call."""
    places = {
        f"{side}{part}": value
        for side in ("Caller", "Called", "From", "To")
        for part, value in (("City", ""), ("State", ""), ("Zip", ""), ("Country", "US"))
    }
    return {
        "CallSid": ids.call_sid,
        "AccountSid": ids.account_sid,
        "ApiVersion": "2010-04-01",
        "CallStatus": status,
        "Direction": "inbound",
        "From": plan.from_number,
        "Caller": plan.from_number,
        "To": plan.to_number,
        "Called": plan.to_number,
        **places,
    }


async def ask_voice(
    http: aiohttp.ClientSession, plan: CallPlan, ids: CallIds
) -> twiml.StreamAnswer:
    """Dial: ask the voice webhook what to do with the call.

    Raises:
        CallFailed: refused, unreachable, or an answer that Twilio could not use.
    """
    body = await _request(http, plan, "POST", plan.url, call_fields(plan, ids, "ringing"))
    try:
        answer = twiml.parse_answer(body, plan.url)
    except twiml.TwimlError as error:
        raise CallFailed(Outcome.FAILED, str(error)) from error
    if isinstance(answer, twiml.Refusal):
        raise CallFailed(Outcome.REFUSED, answer.sentence)
    return answer


async def ask_after(
    http: aiohttp.ClientSession,
    plan: CallPlan,
    ids: CallIds,
    answer: twiml.StreamAnswer,
    has_hung_up: bool,
) -> list[str]:
    """Ask `<Connect action>` what comes next; return its verbs, one line each.

    Raises:
        CallFailed: no usable answer.
    """
    if answer.action_url is None:
        return []
    fields = call_fields(plan, ids, "completed" if has_hung_up else "in-progress")
    body = await _request(http, plan, answer.action_method, answer.action_url, fields)
    try:
        return twiml.describe(body)
    except twiml.TwimlError as error:
        raise CallFailed(Outcome.FAILED, str(error)) from error


async def _request(
    http: aiohttp.ClientSession, plan: CallPlan, method: str, url: str, fields: dict[str, str]
) -> str:
    signed_fields = fields
    if method == "GET":
        parts = urlsplit(url)
        query = "&".join(part for part in (parts.query, urlencode(fields)) if part)
        url, signed_fields = urlunsplit(parts._replace(query=query)), {}
    headers = {}
    if plan.auth_token is not None:
        headers[HEADER] = sign_form(plan.auth_token, url, signed_fields)
    data = None if method == "GET" else fields
    try:
        async with (
            asyncio.timeout(TIMEOUT_S),
            http.request(method, url, data=data, headers=headers) as response,
        ):
            body = await response.text()
            status, content_type = response.status, response.content_type
    except TimeoutError as error:
        raise CallFailed(
            Outcome.FAILED, f"11205: no answer from {url} within {TIMEOUT_S:g} s"
        ) from error
    except aiohttp.ClientConnectorError as error:
        raise CallFailed(
            Outcome.UNREACHABLE, f"nobody answers at {url}; is the daemon running? ({error})"
        ) from error
    except (aiohttp.ClientError, ValueError) as error:
        raise CallFailed(Outcome.FAILED, f"request to {url} failed: {error}") from error
    if status != 200:
        hint = " (is the signature right? see --auth-token-env)" if status == 403 else ""
        raise CallFailed(Outcome.FAILED, f"11200: {url} answered {status}{hint}")
    if content_type not in XML_TYPES:
        raise CallFailed(Outcome.FAILED, f"12300: {url} answered with {content_type}, not XML")
    return body
