"""Operators place calls over real HTTP, through the real twilio package, at a strict server."""

import asyncio
import logging
from types import SimpleNamespace
from typing import Any
from xml.etree import ElementTree

import pytest

from tests.fakes.call import make_config
from tests.lookup.test_directory import Service
from tests.server.harness import connected, serving, start, stream_of
from tests.server.placing import API_TOKEN, FROM, TO, WANTED, Placing, placing
from tests.server.twilio_turns import PUBLIC, TOKEN, TwilioTurns
from tests.servers.twilio_rest import AUTH_TOKEN, Fault, Trouble
from voxd.config import Number
from voxd.contracts import EngineState, EngineStatus
from voxd.dialog.conversation import system_prompt
from voxd.events import EndReason, Kind
from voxd.lookup.answer import NoAnswer
from voxd.lookup.directory import Directory

AGENTS: dict[str, Any] = {"sales": {"prompt": "You sell to {name}.", "greeting": "Hello {name}."}}


def sales_config(**tables: Any) -> Any:
    return make_config(agents=AGENTS, variables={"name": "you"}, **tables)


async def test_an_order_becomes_a_call_that_its_agent_leads() -> None:
    async with placing(config=sales_config()) as both:
        call_sid = await both.place(agent="sales", variables={"name": "Ada"})
        ordered = both.twilio.only_call.order
        assert (ordered["To"], ordered["From"], ordered["Timeout"]) == (TO, FROM, "30")
        (order,) = both.server.state.outbound._calls
        assert ordered["StatusCallback"] == f"{both.server.url}/twilio/status?order={order}"
        stream = stream_of(await both.answered(call_sid))
        assert both.server.state.admission is not None
        reservation = both.server.state.admission.consume(stream["token"], call_sid)
        assert reservation is not None
        config = reservation.stack.config
        assert config.agent.prompt == "You sell to Ada."
        assert config.phrases.greeting == "Hello Ada."
        told = "You placed this call. When somebody answered, you said: Hello Ada."
        assert system_prompt(config) == f"You sell to Ada.\n\n{told}"
        reservation.stack.close()


async def test_without_an_agent_whoever_answers_that_number_speaks() -> None:
    config = sales_config(numbers={FROM: {"agent": "sales"}})
    async with placing(config=config) as both:
        call_sid = await both.place()
        await both.answered(call_sid)
        known = both.server.state.directory.recall(call_sid)
        assert known.phrases.greeting == "Hello you."


@pytest.mark.parametrize(
    ("url", "call_sid"), [("made-up", "CA1"), ("", "CA1"), (None, "CA2")], ids=str
)
async def test_an_order_is_met_by_its_own_call_only(url: str | None, call_sid: str) -> None:
    async with placing() as both:
        await both.place()
        path = both.twilio.only_call.order["Url"].removeprefix(both.server.url)
        if url is not None:
            path = f"/twilio/voice?order={url}"
        body = (await both.server.post(path, {"CallSid": call_sid}))[1]
        assert "<Hangup" in body and "<Stream" not in body


@pytest.mark.parametrize(
    ("given", "wrong"),
    [
        ({"to": "5550100"}, "to"),
        ({"to": TO + "\n"}, "to"),
        ({"to": "sip:x@example.com"}, "to"),
        ({"from": ""}, "from"),
        ({"to": 15550100123}, "to"),
        ({"agent": "nobody"}, "agent"),
        ({"variables": {"other": "x"}}, "variables.other"),
        ({"variables": {"name": "x" * 201}}, "variables.name"),
        ({"variables": {"name": {"a": 1}}}, "variables.name"),
        ({"machine_detection": "maybe"}, "machine_detection"),
        ({"color": "red"}, "color"),
    ],
)
async def test_an_order_is_judged_before_anything_is_placed(
    given: dict[str, Any], wrong: str
) -> None:
    async with placing(config=sales_config()) as both:
        status, answer = await both.ask("POST", "/api/calls", json={**WANTED, **given})
        assert (status, answer["error"]) == (400, "invalid")
        assert any(key.startswith(wrong) for key in answer["problems"]), answer
        assert both.twilio.requests == []


@pytest.mark.parametrize(
    ("given", "status"),
    [
        ({"data": b"{", "headers": {"Content-Type": "application/json"}}, 400),
        ({"data": b"[]", "headers": {"Content-Type": "application/json"}}, 400),
        ({"data": WANTED}, 415),
        ({"json": {**WANTED, "agent": "x" * 70_000}}, 413),
    ],
)
async def test_what_is_no_order_is_refused(given: dict[str, Any], status: int) -> None:
    async with placing() as both:
        url = f"{both.server.url}/api/calls"
        async with both.server.http.post(url, **given) as response:
            assert response.status == status


async def test_strangers_place_no_calls() -> None:
    async with placing(api_token="open-sesame") as both:
        forwarded = {"X-Forwarded-For": "203.0.113.9"}
        for method, path in (("POST", ""), ("GET", "/CA1"), ("DELETE", "/CA1")):
            url = f"{both.server.url}/api/calls{path}"
            for headers, expected in (
                (forwarded, 403),
                ({**forwarded, "Authorization": "Bearer wrong"}, 401),
                ({"Origin": "https://evil.example.com"}, 403),
            ):
                request = both.server.http.request(method, url, json=WANTED, headers=headers)
                async with request as response:
                    assert response.status == expected
        assert both.twilio.requests == []
        known = {**forwarded, "Authorization": "Bearer open-sesame"}
        assert (await both.ask("POST", "/api/calls", known, json=WANTED))[0] == 201


async def test_only_so_many_calls_are_placed_in_a_minute() -> None:
    async with placing(config=make_config(telephony={"calls_per_minute": 2})) as both:
        statuses = [(await both.ask("POST", "/api/calls", json=WANTED))[0] for _ in range(4)]
    assert statuses == [201, 201, 429, 429]
    assert len(both.twilio.calls) == 2


async def test_nobody_is_called_for_whom_there_is_no_room() -> None:
    async with placing(config=make_config(server={"max_calls": 2})) as both:
        first = await both.place()
        await both.place()
        status, answer = await both.ask("POST", "/api/calls", json=WANTED)
        assert (status, answer["error"], answer["reason"]) == (503, "no_room", "max_calls")
        assert await both.report("/twilio/status", first, CallStatus="busy") == 204
        await both.place()


@pytest.mark.parametrize(
    "tables", [{}, {"tier": {"transport": "twiml"}, "server": {"public_url": PUBLIC}}], ids=str
)
async def test_nobody_is_called_for_whom_the_model_has_no_place(tables: dict[str, Any]) -> None:
    config = make_config(**tables)
    config = config.model_copy(update={"engines": {"fake-llm": SimpleNamespace(sequences=2)}})
    async with placing(config=config) as both:
        await both.place()
        second = await both.place()
        status, answer = await both.ask("POST", "/api/calls", json=WANTED)
        assert (status, answer["error"], answer["reason"]) == (503, "no_room", "local_sequences")
        assert await both.report("/twilio/status", second, CallStatus="busy") == 204
        await both.place()


async def test_turns_that_ring_count_against_the_turns() -> None:
    tables: dict[str, Any] = {"server": {"public_url": PUBLIC}, "twiml": {"max_calls": 1}}
    async with placing(config=make_config(tier={"transport": "twiml"}, **tables)) as both:
        call_sid = await both.place()
        for _ in range(2):
            status, answer = await both.ask("POST", "/api/calls", json=WANTED)
            assert (status, answer["reason"]) == (503, "max_turn_calls")
            await both.answered(call_sid)
        await both.server.state.turn_calls.aclose()


async def test_nobody_is_called_while_nothing_could_answer(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async with placing() as both:
        status_of_llm = EngineStatus("fake-llm", Kind.LLM, EngineState.EJECTED)
        monkeypatch.setattr(both.server.stage.llm, "status", lambda: status_of_llm)
        status, answer = await both.ask("POST", "/api/calls", json=WANTED)
        assert (status, answer["error"], answer["reason"]) == (503, "no_room", "no_llm")
        assert both.twilio.requests == []


async def test_who_has_answered_wants_no_second_place() -> None:
    async with placing(config=make_config(server={"max_calls": 2})) as both:
        call_sid = await both.place()
        await both.answered(call_sid)
        assert (await both.ask("GET", f"/api/calls/{call_sid}"))[1]["status"] == "in-progress"
        await both.place()


async def test_before_it_is_warm_and_without_an_account_nothing_is_placed() -> None:
    async with serving(is_ready=False) as server:
        async with server.http.post(f"{server.url}/api/calls", json=WANTED) as response:
            assert (response.status, await response.json()) == (503, {"error": "starting"})
    async with serving() as server:
        async with server.http.post(f"{server.url}/api/calls", json=WANTED) as response:
            assert (response.status, await response.json()) == (503, {"error": "not_configured"})


@pytest.mark.parametrize(
    ("fault", "status", "category"),
    [
        (Fault(Trouble.STATUS, 400, 21211), 502, "bad_request"),
        (Fault(Trouble.STATUS, 401, 20003), 502, "auth"),
        (Fault(Trouble.STATUS, 429, 20429), 502, "rate_limit"),
        (Fault(Trouble.RESET), 502, "connectivity"),
        (Fault(Trouble.HANG), 504, "timeout"),
    ],
    ids=lambda item: str(getattr(item, "trouble", item)),
)
async def test_what_twilio_refuses_is_told_with_its_code(
    fault: Fault, status: int, category: str
) -> None:
    async with placing(deadline_s=0.3) as both:
        both.twilio.fault = fault
        answer = await both.ask("POST", "/api/calls", json=WANTED)
        code = fault.code if fault.trouble is Trouble.STATUS else 0
        assert answer == (status, {"error": "telephony", "category": category, "code": code})


async def test_a_call_that_was_placed_unknown_to_us_is_led_when_it_is_answered() -> None:
    """The answer to the order got lost; the order itself did not."""
    async with placing(deadline_s=0.3) as both:
        both.twilio.fault = Fault(Trouble.HANG, times=1)
        await both.ask("POST", "/api/calls", json=WANTED)
        token = next(iter(both.server.state.outbound._calls))
        body = (await both.server.post(f"/twilio/voice?order={token}", {"CallSid": "CA7"}))[1]
        assert stream_of(body)["token"]
        assert (await both.ask("GET", "/api/calls/CA7"))[0] == 200


async def test_the_greeting_is_ready_when_somebody_answers() -> None:
    async with placing(config=sales_config()) as both:
        runtime, tts = both.server.runtime, both.server.stage.tts
        call_sid = await both.place(agent="sales", variables={"name": "Ada"})
        async with asyncio.timeout(5):
            while len(runtime.early):
                await asyncio.sleep(0.005)
        assert tts.texts == ["Hello Ada."]
        token = stream_of(await both.answered(call_sid))["token"]
        async with both.server.socket() as socket:
            await socket.send_str(connected())
            await socket.send_str(start(call_sid, token))
            assert (await socket.receive_json(timeout=5))["event"] == "media"
        assert [request.call_id for request in tts.requests] == [f"{call_sid}-ahead"]


async def test_a_greeting_that_cannot_be_rendered_ahead_is_no_failure_of_the_call() -> None:
    async with placing(config=sales_config()) as both:
        runtime, tts = both.server.runtime, both.server.stage.tts
        tts.refusals = 1
        call_sid = await both.place(agent="sales")
        async with asyncio.timeout(5):
            while len(runtime.early):
                await asyncio.sleep(0.005)
        assert tts.refusals == 0
        assert stream_of(await both.answered(call_sid))["token"]


async def test_the_look_up_says_whose_call_it_is_as_for_one_that_comes_in() -> None:
    config = sales_config(numbers={FROM: {"tenant": "file", "variables": {"name": "file"}}})
    service = Service(Number(tenant="sol", agent="sales", variables={"name": "Ana"}))
    async with placing(config=config) as both:
        both.server.state.directory = Directory(config, service)  # type: ignore[arg-type]
        for given, name in (({}, "Ana"), ({"variables": {"name": "Ada"}}, "Ada")):
            call_sid = await both.place(**given)
            await both.answered(call_sid)
            seen = both.server.state.directory.recall(call_sid)
            assert (seen.call.tenant, seen.agent.prompt) == ("sol", f"You sell to {name}.")
        assert service.asked == [(FROM, TO, "")]


async def test_a_look_up_that_fails_keeps_nobody_from_being_called() -> None:
    config = sales_config(numbers={FROM: {"tenant": "file"}})
    async with placing(config=config) as both:
        service = Service(NoAnswer("status"))
        both.server.state.directory = Directory(config, service)  # type: ignore[arg-type]
        call_sid = await both.place(agent="sales")
        await both.answered(call_sid)
        seen = both.server.state.directory.recall(call_sid)
        assert (seen.call.tenant, seen.agent.prompt) == ("file", "You sell to you.")


async def test_a_daemon_that_is_told_to_stop_during_the_look_up_calls_nobody() -> None:
    async with placing() as both:
        state = both.server.state

        class Stopping(Service):
            async def fetch(self, called: str, caller: str, call_sid: str) -> Number:
                state.drain()
                return Number()

        state.directory = Directory(state.config, Stopping())  # type: ignore[arg-type]
        assert await both.ask("POST", "/api/calls", json=WANTED) == (503, {"error": "draining"})
        assert both.twilio.requests == []


async def test_a_call_that_twilio_has_reported_was_placed_whatever_became_of_the_answer() -> None:
    async with placing(deadline_s=0.5) as both:
        both.twilio.fault = Fault(Trouble.HANG, times=1)
        async with asyncio.TaskGroup() as tasks:
            asked = tasks.create_task(both.ask("POST", "/api/calls", json=WANTED))
            async with asyncio.timeout(5):
                while not (orders := both.server.state.outbound._calls):
                    await asyncio.sleep(0.005)
            path = f"/twilio/status?order={next(iter(orders))}"
            assert await both.report(path, "CA7", CallStatus="initiated") == 204
        assert asked.result() == (201, {"call_sid": "CA7", "status": "initiated"})


async def test_how_a_call_goes_can_be_asked() -> None:
    async with placing() as both:
        call_sid = await both.place()
        path = f"/api/calls/{call_sid}"
        assert (await both.ask("GET", path))[1]["status"] == "queued"
        await both.report("/twilio/status", call_sid, CallStatus="ringing")
        assert (await both.ask("GET", path))[1]["status"] == "ringing"
        await both.report("/twilio/status", call_sid, CallStatus="no-answer", CallDuration="0")
        answer = (await both.ask("GET", path))[1]
        assert (answer["status"], answer["duration_s"], answer["is_active"]) == (
            *("no-answer", 0, False),
        )
        for unknown in ("CA9", "..%2Fx", "x" * 65):
            assert (await both.ask("GET", f"/api/calls/{unknown}"))[0] == 404


async def test_a_call_that_rings_is_hung_up_at_twilio() -> None:
    async with placing() as both:
        call_sid = await both.place()
        assert (await both.ask("DELETE", f"/api/calls/{call_sid}"))[0] == 204
        assert both.twilio.only_call.status == "completed"
        await both.report("/twilio/status", call_sid, CallStatus="completed")
        assert (await both.ask("DELETE", f"/api/calls/{call_sid}"))[0] == 404
        assert (await both.ask("DELETE", "/api/calls/CA9"))[0] == 404


async def run_stream(both: Placing, call_sid: str, token: str) -> EndReason | None:
    """The call's media stream, hung up by order."""
    async with both.server.socket() as socket:
        await socket.send_str(connected())
        await socket.send_str(start(call_sid, token))
        await socket.receive(timeout=5)
        assert (await both.ask("GET", f"/api/calls/{call_sid}"))[1]["is_active"]
        assert (await both.ask("DELETE", f"/api/calls/{call_sid}"))[0] == 204
        return await both.server.runtime.calls.wait_finished(call_sid, 5.0)


async def test_a_call_in_progress_ends_here_and_there() -> None:
    async with placing() as both:
        call_sid = await both.place()
        token = stream_of(await both.answered(call_sid))["token"]
        assert await run_stream(both, call_sid, token) is EndReason.OPERATOR
        assert both.twilio.only_call.status == "completed"
        answer = (await both.ask("GET", f"/api/calls/{call_sid}"))[1]
        assert (answer["is_active"], answer["end_reason"]) == (False, "operator")


async def test_a_call_that_twilio_will_not_hang_up_ends_by_its_stream() -> None:
    async with placing(deadline_s=0.3) as both:
        both.twilio.add_call("CA1")
        token = await both.server.reserve("CA1")
        both.twilio.fault = Fault(Trouble.HANG)
        assert await run_stream(both, "CA1", token) is EndReason.OPERATOR
        status, body = await both.server.post("/twilio/after", {"CallSid": "CA1"})
        assert status == 200 and "<Hangup" in body


async def test_no_number_and_no_key_reaches_the_log(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    async with placing() as both:
        await both.place()
        token = next(iter(both.server.state.outbound._calls))
        both.twilio.fault = Fault(Trouble.STATUS, 400, 21211)
        await both.ask("POST", "/api/calls", json=WANTED)
        await both.ask("POST", "/api/calls", json={**WANTED, "to": "5550100123"})
    told = " ".join(str(vars(it)) for it in caplog.records if it.name.startswith("voxd"))
    assert "call placed" in told and "call was not placed" in told
    for secret in ("5550100123", "5550199456", AUTH_TOKEN, token):
        assert secret not in told


async def test_a_call_in_turns_that_is_hung_up_ends_with_its_next_question() -> None:
    """Also without an account: Twilio hears of it when it asks again."""
    config = make_config(tier={"transport": "twiml"}, server={"public_url": PUBLIC})
    async with serving(auth_token=TOKEN, api_token=API_TOKEN, config=config) as server:
        twilio = TwilioTurns(server)
        assert (await twilio.dial()).verbs == ["Gather"]
        url, headers = f"{server.url}/api/calls/CA1", {"Authorization": f"Bearer {API_TOKEN}"}
        async with server.http.delete(url, headers=headers) as response:
            assert response.status == 204
        reason = await server.runtime.calls.wait_finished("CA1", 5.0)
        assert reason is EndReason.OPERATOR
        assert (await twilio.be_silent()).verbs == ["Hangup"]


async def test_a_call_is_given_to_somebody_else() -> None:
    transfer = {"ring_s": 17, "caller_id": FROM}
    async with placing(config=make_config(agent={"transfer": transfer})) as both:
        call = both.twilio.add_call("CA1")
        async with both.server.call("CA1") as socket:
            await socket.receive(timeout=5)
            status, _ = await both.ask("PATCH", "/api/calls/CA1", json={"number": TO})
            assert status == 204
            reason = await both.server.runtime.calls.wait_finished("CA1", 5.0)
        assert reason is EndReason.OPERATOR
        (dial,) = ElementTree.fromstring(call.document)
        assert (dial.tag, dial[0].text) == ("Dial", TO)
        assert (dial.attrib["timeout"], dial.attrib["callerId"]) == ("17", FROM)
        assert dial.attrib["action"] == f"{both.server.url}/twilio/after"


async def test_a_call_goes_on_with_somebody_elses_document() -> None:
    async with placing() as both:
        call = both.twilio.add_call("CA1")
        async with both.server.call("CA1") as socket:
            await socket.receive(timeout=5)
            url = "https://other.example.com/twiml"
            assert (await both.ask("PATCH", "/api/calls/CA1", json={"url": url}))[0] == 204
        assert (call.updates[0]["Url"], call.updates[0]["Method"]) == (url, "POST")


async def test_a_call_that_cannot_be_given_away_goes_on() -> None:
    async with placing(deadline_s=0.3) as both:
        both.twilio.add_call("CA1")
        async with both.server.call("CA1") as socket:
            await socket.receive(timeout=5)
            both.twilio.fault = Fault(Trouble.HANG)
            status, _ = await both.ask("PATCH", "/api/calls/CA1", json={"number": TO})
            assert status == 504
            assert both.server.runtime.calls.is_active("CA1")
        status, answer = await both.ask("PATCH", "/api/calls/CA9", json={"number": TO})
        assert (status, answer) == (404, {"error": "unknown_call"})


@pytest.mark.parametrize(
    "given",
    [
        {},
        {"number": TO, "url": "https://x.example.com"},
        {"number": "911"},
        {"url": "http://x.example.com"},
        {"url": ""},
        {"url": "javascript:alert(1)"},
    ],
    ids=str,
)
async def test_where_a_call_may_go_is_judged(given: dict[str, str]) -> None:
    async with placing() as both:
        status, answer = await both.ask("PATCH", "/api/calls/CA1", json=given)
        assert (status, answer["error"]) == (400, "invalid")
        assert both.twilio.requests == []
