"""What the webhooks are asked, and what their answers mean."""

from dataclasses import replace

import pytest

from tests.caller.agent import Agent, running
from tests.caller.placing import PLAN, call
from voxd.caller.call import place_call
from voxd.caller.report import Outcome
from voxd.caller.signature import sign_form, sign_upgrade


async def test_webhook_gets_the_fields_of_a_call() -> None:
    agent = Agent()
    report = await call(agent)
    (voice, form, _), (after, last, _) = agent.forms
    assert (voice, after) == ("/voice", "/after")
    assert form["CallSid"] == last["CallSid"] == report.call_sid
    assert (form["CallStatus"], last["CallStatus"]) == ("ringing", "completed")
    assert (form["Direction"], form["ApiVersion"]) == ("inbound", "2010-04-01")
    assert form["From"].startswith("+") and form["To"].startswith("+")


async def test_requests_are_signed_when_a_token_is_given() -> None:
    agent = Agent()
    await call(agent, replace(PLAN, auth_token="secret"))
    for path, form, headers in agent.forms:
        url = agent.url.replace("/voice", path)
        assert headers["X-Twilio-Signature"] == sign_form("secret", url, form)
    socket = agent.url.replace("/voice", "/media").replace("http", "ws")
    assert agent.upgrade_headers["X-Twilio-Signature"] == sign_upgrade("secret", socket)


async def test_refusal_gives_its_sentence() -> None:
    twiml = "<Response><Say>All lines are busy.</Say><Hangup/></Response>"
    report = await call(Agent(twiml=twiml))
    assert (report.outcome, report.problem) == (Outcome.REFUSED, "All lines are busy.")


async def test_missing_server_is_said_plainly() -> None:
    async with running(Agent()) as agent:
        url = agent.url
    report = await place_call(replace(PLAN, url=url))
    assert report.outcome is Outcome.UNREACHABLE
    assert "is the daemon running?" in report.problem


@pytest.mark.parametrize(
    ("path", "problem"),
    [("/nowhere", "answered 404"), ("/text", "12300"), ("/broken", "12100")],
)
async def test_answers_that_twilio_could_not_use_fail_the_call(path: str, problem: str) -> None:
    async with running(Agent()) as agent:
        url = agent.url.replace("/voice", path)
        report = await place_call(replace(PLAN, url=url))
    assert report.outcome is Outcome.FAILED
    assert problem in report.problem


async def test_get_action_carries_its_fields_in_the_query() -> None:
    agent = Agent(twiml="")
    agent.twiml = (
        '<Response><Connect action="/got?x=1" method="GET"><Stream url="ws://HOST/media"/>'
        "</Connect></Response>"
    )
    report = await call(agent, replace(PLAN, auth_token="secret", turns=()))
    (path, query, headers) = agent.forms[-1]
    assert path.startswith("/got?x=1&CallSid=")
    assert query["CallSid"] == report.call_sid
    url = agent.url.replace("/voice", "") + path
    assert headers["X-Twilio-Signature"] == sign_form("secret", url, {})
