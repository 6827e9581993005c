"""What Twilio reports of calls, and what comes of it, over real HTTP."""

import logging

import pytest

from tests.fakes.call import make_config
from tests.server.harness import connected, serving, start, stream_of
from tests.server.placing import WANTED, Placing, placing
from tests.servers.twilio_rest import Fault, Trouble
from tests.telemetry.test_calls import Call
from voxd.events import AnsweredBy, AnswererJudged, CallEnded, EndReason
from voxd.server.progress import read_answerer

OVER = ("completed", "busy", "failed", "no-answer", "canceled")


@pytest.mark.parametrize("status", OVER)
async def test_a_call_that_is_over_at_twilios_is_over_here(status: str) -> None:
    async with serving() as server:
        call = Call("CA1")
        server.runtime.calls.add("CA1", call)
        fields = {"CallSid": "CA1", "CallStatus": status, "CallDuration": "12"}
        assert (await server.post("/twilio/status", fields))[0] == 204
        (event,) = call.delivered
        assert isinstance(event, CallEnded) and event.reason is EndReason.CALLER_HUNG_UP
        await server.runtime.calls.finish("CA1", EndReason.CALLER_HUNG_UP)


@pytest.mark.parametrize("status", ["queued", "initiated", "ringing", "in-progress"])
async def test_a_call_that_goes_on_goes_on(status: str) -> None:
    async with serving() as server:
        call = Call("CA1")
        server.runtime.calls.add("CA1", call)
        fields = {"CallSid": "CA1", "CallStatus": status}
        assert (await server.post("/twilio/status", fields))[0] == 204
        assert call.delivered == []
        await server.runtime.calls.finish("CA1", EndReason.CALLER_HUNG_UP)


async def test_a_line_that_says_nothing_any_more_ends_by_the_callback() -> None:
    """The socket is open and silent; Twilio says that the call is over."""
    async with serving() as server, server.call("CA1") as socket:
        await socket.receive(timeout=5)
        fields = {"CallSid": "CA1", "CallStatus": "completed"}
        assert (await server.post("/twilio/status", fields))[0] == 204
        reason = await server.runtime.calls.wait_finished("CA1", 5.0)
        assert reason is EndReason.CALLER_HUNG_UP


@pytest.mark.parametrize(
    ("fields", "status"),
    [
        ({"CallSid": "CA1", "CallStatus": "levitating"}, 400),
        ({"CallSid": "CA1"}, 400),
        ({"CallStatus": "completed"}, 400),
        ({"CallSid": "CA9", "CallStatus": "completed", "CallDuration": "x" * 5000}, 204),
    ],
)
async def test_reports_are_judged(fields: dict[str, str], status: int) -> None:
    async with serving() as server:
        assert (await server.post("/twilio/status", fields))[0] == status
    async with serving(is_ready=False) as server:
        assert (await server.post("/twilio/status", fields))[0] == status


async def test_nobody_but_twilio_reports() -> None:
    config = make_config(server={"public_url": "https://voice.example.com"})
    fields = {"CallSid": "CA1", "CallStatus": "completed", "AnsweredBy": "machine_start"}
    async with serving(auth_token="12345", config=config) as server:
        call = Call("CA1")
        server.runtime.calls.add("CA1", call)
        for path in ("/twilio/status", "/twilio/answerer"):
            assert (await server.post(path, fields))[0] == 403
            signed = server.sign(f"https://voice.example.com{path}", fields)
            assert (await server.post(path, {**fields, "CallSid": "CA2"}, signed))[0] == 403
        assert call.delivered == []
        signed = server.sign("https://voice.example.com/twilio/status", fields)
        assert (await server.post("/twilio/status", fields, signed))[0] == 204
        await server.runtime.calls.finish("CA1", EndReason.CALLER_HUNG_UP)


@pytest.mark.parametrize("by", list(AnsweredBy))
async def test_the_brain_is_told_who_answered(by: AnsweredBy) -> None:
    async with placing() as both:
        call_sid = await both.place(machine_detection="message")
        assert both.twilio.only_call.order["MachineDetection"] == "DetectMessageEnd"
        call = Call(call_sid)
        both.server.runtime.calls.add(call_sid, call)
        assert await both.report("/twilio/answerer", call_sid, AnsweredBy=by.value) == 204
        (event,) = call.delivered
        assert isinstance(event, AnswererJudged) and event.by is by
        answer = (await both.ask("GET", f"/api/calls/{call_sid}"))[1]
        assert answer["answered_by"] == by
        await both.server.runtime.calls.finish(call_sid, EndReason.CALLER_HUNG_UP)


async def test_a_machine_on_a_line_of_ours_is_hung_up_by_its_call() -> None:
    config = make_config(telephony={"machine_detection": "hang_up"})
    async with placing(config=config) as both:
        call_sid = await both.place()
        assert both.twilio.only_call.order["MachineDetection"] == "Enable"
        token = stream_of(await both.answered(call_sid))["token"]
        async with both.server.socket() as socket:
            await socket.send_str(connected())
            await socket.send_str(start(call_sid, token))
            await socket.receive(timeout=5)
            await both.report("/twilio/answerer", call_sid, AnsweredBy="machine_start")
            reason = await both.server.runtime.calls.wait_finished(call_sid, 5.0)
        assert reason is EndReason.ANSWERED_BY_MACHINE
        body = (await both.server.post("/twilio/after", {"CallSid": call_sid}))[1]
        assert "<Hangup" in body and "<Say" not in body


async def test_a_machine_on_a_line_that_nobody_is_on_is_hung_up_at_twilio() -> None:
    async with placing() as both:
        call_sid = await both.place(machine_detection="hang_up")
        await both.report("/twilio/answerer", call_sid, AnsweredBy="human")
        assert both.twilio.only_call.status == "queued"
        await both.report("/twilio/answerer", call_sid, AnsweredBy="fax")
        assert both.twilio.only_call.status == "completed"


async def test_a_machine_that_is_talked_to_in_turns_is_hung_up_at_twilio() -> None:
    """Twilio would come back only when the machine is silent."""
    public = {"public_url": "https://voice.example.com"}
    config = make_config(tier={"transport": "twiml"}, server=public)
    async with placing(config=config) as both:
        call_sid = await both.place(machine_detection="hang_up")
        assert "<Gather" in await both.answered(call_sid)
        await both.report("/twilio/answerer", call_sid, AnsweredBy="machine_start")
        assert both.twilio.only_call.status == "completed"
        await both.report("/twilio/status", call_sid, CallStatus="completed")
        reason = await both.server.runtime.calls.wait_finished(call_sid, 5.0)
        assert reason is EndReason.ANSWERED_BY_MACHINE


async def lost_order(both: Placing) -> str:
    """An order whose answer does not come, though it was heard; returns its token."""
    both.twilio.fault = Fault(Trouble.HANG, times=1)
    assert (await both.ask("POST", "/api/calls", json=WANTED))[0] == 504
    (token,) = both.server.state.outbound._calls
    return token


async def test_a_call_is_known_by_its_first_report_when_the_answer_to_its_order_is_lost() -> None:
    async with placing(deadline_s=0.3) as both:
        token = await lost_order(both)
        path = f"/twilio/status?order={token}"
        assert await both.report(path, "CA7", CallStatus="ringing") == 204
        assert (await both.ask("GET", "/api/calls/CA7"))[1]["status"] == "ringing"
        # Another call that names the order, and one that names none of ours, change nothing.
        assert await both.report(path, "CA8", CallStatus="completed") == 204
        made_up = "/twilio/status?order=made-up"
        assert await both.report(made_up, "CA7", CallStatus="completed") == 204
        assert len(both.server.state.outbound.waiting(0.0)) == 1
        assert await both.report(path, "CA7", CallStatus="busy", CallDuration="0") == 204
        assert both.server.state.outbound.waiting(0.0) == ()
        assert (await both.ask("GET", "/api/calls/CA7"))[1]["status"] == "busy"


async def test_a_machine_that_answers_before_the_order_is_answered_is_hung_up() -> None:
    async with placing(deadline_s=0.3) as both:
        token = await lost_order(both)
        call = both.twilio.add_call("CA7")
        path = f"/twilio/answerer?order={token}"
        assert await both.report(path, "CA7", AnsweredBy="fax") == 204
        assert (await both.ask("GET", "/api/calls/CA7"))[1]["answered_by"] == "fax"
        assert call.status == "completed"


async def test_an_order_names_itself_in_the_addresses_of_all_its_reports() -> None:
    async with placing() as both:
        call_sid = await both.place(machine_detection="hang_up")
        (token,) = both.server.state.outbound._calls
        ordered = both.twilio.only_call.order
        for name, word in (("StatusCallback", "status"), ("AsyncAmdStatusCallback", "answerer")):
            address = f"{both.server.url}/twilio/{word}?order={token}"
            assert ordered[name] == address
            fields = {"CallStatus": "ringing", "AnsweredBy": "human"}
            path = address.removeprefix(both.server.url)
            assert await both.report(path, call_sid, **fields) == 204
        answer = (await both.ask("GET", f"/api/calls/{call_sid}"))[1]
        assert (answer["status"], answer["answered_by"]) == ("ringing", "human")


async def test_calls_that_nobody_ordered_have_no_answerer() -> None:
    async with placing() as both:
        both.twilio.add_call("CA1")
        call = Call("CA1")
        both.server.runtime.calls.add("CA1", call)
        assert await both.report("/twilio/answerer", "CA1", AnsweredBy="machine_start") == 204
        assert call.delivered == []
        assert both.twilio.requests == []
        await both.server.runtime.calls.finish("CA1", EndReason.CALLER_HUNG_UP)


@pytest.mark.parametrize("text", ["", "robot", "HUMAN", "x" * 5000])
def test_a_word_that_twilio_does_not_have_tells_nothing(text: str) -> None:
    assert read_answerer(text) is AnsweredBy.UNKNOWN


async def test_words_of_a_report_stay_out_of_the_log(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    async with serving() as server:
        for path in ("/twilio/status", "/twilio/answerer"):
            await server.post(path, {"CallSid": "CA1", "CallStatus": "forged", "From": "+1555"})
            await server.post(path, {"CallSid": "CA1", "AnsweredBy": "forged", "From": "+1555"})
    told = " ".join(str(vars(it)) for it in caplog.records if it.name.startswith("voxd"))
    assert "forged" not in told and "+1555" not in told
