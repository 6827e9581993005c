"""What Twilio is told to do once a stream, a transfer or a recording is over, over real HTTP."""

import json
import logging
from xml.etree import ElementTree

import pytest

from tests.fakes.call import make_config
from tests.server.harness import Server, serving
from tests.telemetry.test_calls import Call
from voxd.commands import NextStep, TakeMessage, Transfer
from voxd.events import EndReason

CALL = {"CallSid": "CA1", "From": "+15550100", "To": "+15550199"}
PERSON = "+15550123"
RECORDED = {
    **CALL,
    "RecordingUrl": "https://api.twilio.com/secret-address",
    "RecordingSid": "RE" + "0a" * 16,
    "RecordingDuration": "17",
}


def told(document: str) -> list[str]:
    """`Say` with its words, other verbs by their names."""
    return [
        verb.text or "" if verb.tag == "Say" else verb.tag
        for verb in ElementTree.fromstring(document)
    ]


async def end_call(server: Server, next_step: NextStep | None) -> None:
    call = Call("CA1")
    call.next_step = next_step
    server.runtime.calls.add("CA1", call)
    await server.runtime.calls.finish("CA1", EndReason.AGENT_HUNG_UP)


async def post(server: Server, fields: dict[str, str]) -> list[str]:
    status, body = await server.post("/twilio/after", fields)
    assert status == 200
    return told(body)


@pytest.mark.parametrize(
    ("reason", "expected"),
    [
        (EndReason.ENGINES_FAILED, "something went wrong"),
        (EndReason.BUG, "something went wrong"),
        (EndReason.AGENT_HUNG_UP, "<Hangup"),
        (EndReason.SHUTDOWN, "<Hangup"),
        (EndReason.CALLER_HUNG_UP, "<Hangup"),
    ],
)
async def test_what_follows_a_stream_depends_on_why_it_ended(
    reason: EndReason, expected: str
) -> None:
    async with serving() as server:
        await server.runtime.calls.finish("CA1", reason)
        status, body = await server.post("/twilio/after", CALL)
        assert status == 200
        assert expected in body and "<Hangup" in body
        assert ("<Say" in body) == (expected != "<Hangup")


async def test_after_an_unknown_call_the_line_is_hung_up() -> None:
    async with serving() as server:
        assert "<Hangup" in (await server.post("/twilio/after", {"CallSid": "CA9"}))[1]
    async with serving(is_ready=False) as server:
        assert "<Hangup" in (await server.post("/twilio/after", {"CallSid": "CA9"}))[1]


async def test_a_transfer_that_nobody_answers_ends_in_a_message() -> None:
    transfer = {"number": PERSON, "no_answer": "voicemail"}
    async with serving(config=make_config(agent={"transfer": transfer})) as server:
        await end_call(server, Transfer(PERSON))
        phrases = server.stage.config.phrases
        assert await post(server, CALL) == ["Dial"]
        assert await post(server, {**CALL, "DialCallStatus": "no-answer"}) == [
            *(phrases.no_answer, phrases.leave_message, "Record", "Hangup"),
        ]
        assert await post(server, RECORDED) == [phrases.message_taken, "Hangup"]
        finished = server.runtime.calls.finished("CA1")
        assert finished is not None
        assert (finished.recording, finished.recording_s) == (RECORDED["RecordingSid"], 17)
        status, body = await server.get("/api/calls/CA1")
        answer = json.loads(body)
        assert (answer["recording"], answer["recording_s"]) == (RECORDED["RecordingSid"], 17)


async def test_a_transfer_that_is_answered_ends_with_its_talk() -> None:
    async with serving(config=make_config(agent={"transfer": {"number": PERSON}})) as server:
        await end_call(server, Transfer(PERSON))
        assert await post(server, CALL) == ["Dial"]
        answered = {**CALL, "DialCallStatus": "completed", "DialCallDuration": "120"}
        # A transfer may be recorded by the account's own settings; that is no message for us.
        assert await post(server, {**answered, "RecordingUrl": "https://x"}) == ["Hangup"]


async def test_what_nobody_remembers_any_more_is_answered_all_the_same() -> None:
    """A transfer may last for hours."""
    async with serving() as server:
        phrases = server.stage.config.phrases
        busy = {**CALL, "DialCallStatus": "busy"}
        assert await post(server, busy) == [phrases.no_answer, "Hangup"]
        assert await post(server, {**busy, "DialCallStatus": "?" * 500}) == [
            *(phrases.no_answer, "Hangup"),
        ]
        assert await post(server, RECORDED) == [phrases.message_taken, "Hangup"]


async def test_a_promised_message_is_recorded_and_we_are_told() -> None:
    async with serving() as server:
        await end_call(server, TakeMessage())
        status, body = await server.post("/twilio/after", CALL)
        record = ElementTree.fromstring(body).find("Record")
        assert status == 200 and record is not None
        assert record.attrib["action"] == f"{server.url}/twilio/after"


async def test_it_is_the_calls_own_agent_who_hands_over() -> None:
    config = make_config(
        agents={"shop": {"on_failure": "transfer", "transfer": {"number": PERSON}}},
        numbers={CALL["To"]: {"agent": "shop", "language": "es"}},
    )
    async with serving(config=config) as server:
        await server.runtime.calls.finish("CA1", EndReason.BUG)
        says, dial = await post(server, CALL)
        assert says.startswith("Lo siento") and dial == "Dial"


async def test_nobody_but_twilio_is_answered() -> None:
    config = make_config(server={"public_url": "https://voice.example.com"})
    async with serving(auth_token="12345", config=config) as server:
        assert (await server.post("/twilio/after", RECORDED))[0] == 403
        url = "https://voice.example.com/twilio/after"
        signed = server.sign(url, RECORDED)
        assert (await server.post("/twilio/after", RECORDED, signed))[0] == 200
        assert (await server.post("/twilio/after", {**RECORDED, "x": "y"}, signed))[0] == 403


async def test_a_recordings_address_and_hostile_words_stay_out_of_the_log(
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.DEBUG)
    hostile = {**RECORDED, "RecordingSid": "RE1\nforged line", "RecordingDuration": "x" * 5000}
    async with serving() as server:
        await post(server, RECORDED)
        await post(server, hostile)
        await post(server, {**CALL, "DialCallStatus": "forged", "DialCallDuration": "-1"})
    told_in_log = " ".join(str(vars(it)) for it in caplog.records if it.name.startswith("voxd"))
    assert RECORDED["RecordingSid"] in told_in_log
    for secret in ("secret-address", "forged", "xxxx", "5550100"):
        assert secret not in told_in_log
