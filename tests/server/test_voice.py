"""A call comes in over real HTTP: who answers it, and what there is when nobody can."""

import asyncio
import json

import pytest

from tests.fakes.call import make_config
from tests.server.harness import HOST, connected, serving, start, stream_of
from tests.servers import lookup
from voxd.lookup.client import open_lookup
from voxd.lookup.directory import Directory
from voxd.server import voice

CALL = {"CallSid": "CA1", "From": "+15550100", "To": "+15550199"}
SENTENCE = {"no_room": ["sentence"]}


async def test_a_call_is_connected_to_our_socket() -> None:
    async with serving() as server:
        status, body = await server.post("/twilio/voice", CALL)
        stream = stream_of(body)
        assert status == 200
        assert stream["url"] == f"ws://{HOST}:{server.port}/twilio/media"
        assert stream["action"] == f"{server.url}/twilio/after"
        assert (stream["from"], stream["to"]) == ("+15550100", "+15550199")
        assert len(stream["token"]) >= 32


async def test_the_dialled_number_decides_what_is_reserved() -> None:
    base = make_config().tiers["test"].model_dump()
    numbers = {CALL["To"]: {"tier": "gold", "language": "es"}}
    async with serving(config=make_config(tiers={"gold": base}, numbers=numbers)) as server:
        assert server.state.admission is not None
        for call, tier in ((CALL, "gold"), ({"CallSid": "CA2", "To": "+15550177"}, "test")):
            token = stream_of((await server.post("/twilio/voice", call))[1])["token"]
            reservation = server.state.admission.consume(token, call["CallSid"])
            assert reservation is not None
            assert reservation.stack.config.call.tier == tier


async def test_the_answer_is_xml() -> None:
    async with (
        serving() as server,
        server.http.post(f"{server.url}/twilio/voice", data=CALL) as response,
    ):
        assert response.content_type == "text/xml"


async def test_the_public_address_is_what_twilio_is_told() -> None:
    config = make_config(server={"public_url": "https://voice.example.com"})
    async with serving(config=config) as server:
        stream = stream_of((await server.post("/twilio/voice", CALL))[1])
        assert stream["url"] == "wss://voice.example.com/twilio/media"
        assert stream["action"] == "https://voice.example.com/twilio/after"


async def test_long_or_odd_numbers_are_bounded_and_escaped() -> None:
    fields = {"CallSid": "CA1", "From": "+" * 5000, "To": '"><Hangup/>\x00'}
    async with serving() as server:
        status, body = await server.post("/twilio/voice", fields)
        stream = stream_of(body)
        assert status == 200
        assert len(stream["from"]) == voice.MAX_PARAMETER_CHARS
        assert stream["to"] == '"><Hangup/>'


async def test_a_full_house_says_so_and_hangs_up() -> None:
    config = make_config(tier=SENTENCE, server={"max_calls": 1})
    async with serving(config=config) as server:
        await server.reserve("CA1")
        status, body = await server.post("/twilio/voice", {"CallSid": "CA2"})
        assert status == 200
        assert "all our lines are busy" in body
        assert "<Hangup" in body and "<Stream" not in body


async def test_a_spanish_number_is_refused_in_spanish() -> None:
    config = make_config(numbers={CALL["To"]: {"language": "es"}})
    async with serving(config=config, is_ready=False) as server:
        body = (await server.post("/twilio/voice", CALL))[1]
        assert 'voice="Polly.Mia-Neural">Lo siento, todas nuestras líneas están ocupadas' in body


async def test_before_it_is_warm_and_while_it_drains_calls_are_refused_with_a_sentence() -> None:
    async with serving(is_ready=False) as server:
        assert "all our lines are busy" in (await server.post("/twilio/voice", CALL))[1]
    async with serving() as server:
        server.state.drain()
        assert "all our lines are busy" in (await server.post("/twilio/voice", CALL))[1]


async def test_prompt_and_greeting_are_those_of_the_call() -> None:
    agent = {"prompt": "{caller} calls {called} of {tenant}.", "greeting": "Hello {caller}!"}
    config = make_config(agent=agent, call={"tenant": "sol"})
    async with serving(config=config) as server:
        assert server.state.admission is not None
        token = stream_of((await server.post("/twilio/voice", CALL))[1])["token"]
        reservation = server.state.admission.consume(token, "CA1")
        assert reservation is not None
        seen = reservation.stack.config
        assert seen.agent.prompt == "+15550100 calls +15550199 of sol."
        assert seen.phrases.greeting == "Hello +15550100!"
        assert server.state.directory.recall("CA1") == seen


async def test_a_webhook_for_a_call_that_runs_reserves_nothing() -> None:
    """What a second stack gave back after some seconds was the running call's sequence."""
    async with serving() as server, server.call("CA1"):
        while not server.runtime.calls.is_active("CA1"):
            await asyncio.sleep(0.01)
        opened = server.stage.stt.opened
        status, _ = await server.post("/twilio/voice", CALL)
        assert status == 409
        assert server.state.admission is not None
        assert server.state.admission.reserved == 0
        assert server.stage.stt.opened == opened
        assert server.state.refused_calls == {}  # nobody was without a place


async def test_a_webhook_that_is_repeated_leads_to_the_same_stream() -> None:
    async with serving() as server:
        first = stream_of((await server.post("/twilio/voice", CALL))[1])
        second = stream_of((await server.post("/twilio/voice", CALL))[1])
        assert first == second
        assert server.state.admission is not None
        assert server.state.admission.reserved == 1


async def test_three_times_the_limit_at_once_leaves_exactly_the_limit() -> None:
    """Webhooks and streams of all calls come mixed; whoever has a token gets a call."""
    limit, calls = 8, 24
    greeted = asyncio.Event()
    refused: list[str] = []
    accepted: list[str] = []

    async with serving(config=make_config(tier=SENTENCE, server={"max_calls": limit})) as server:

        async def place(call_sid: str) -> None:
            _, body = await server.post("/twilio/voice", {**CALL, "CallSid": call_sid})
            if "<Stream" not in body:
                refused.append(body)
                return
            async with server.socket() as socket:
                await socket.send_str(connected())
                await socket.send_str(start(call_sid, stream_of(body)["token"], f"MZ{call_sid}"))
                message = await socket.receive(timeout=5.0)
                assert '"media"' in message.data  # its greeting
                accepted.append(call_sid)
                if len(accepted) + len(refused) == calls:
                    greeted.set()
                await greeted.wait()
                assert len(server.runtime.calls) == limit

        async with asyncio.TaskGroup() as tasks:
            for number in range(calls):
                tasks.create_task(place(f"CA{number}"))
    assert (len(accepted), len(refused)) == (limit, calls - limit)
    assert all("all our lines are busy" in body for body in refused)


async def test_places_of_streams_that_never_come_are_free_again() -> None:
    config = make_config(tier=SENTENCE, server={"max_calls": 1})
    async with serving(config=config) as server, server.call("CA1") as socket:
        assert "busy" in (await server.post("/twilio/voice", {"CallSid": "CA2"}))[1]
        await socket.close()
        await server.runtime.calls.wait_empty()
        assert "<Stream" in (await server.post("/twilio/voice", {"CallSid": "CA2"}))[1]


async def test_the_webhook_waits_for_the_look_up_and_asks_once(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("VOXD_LOOKUP_SECRET", lookup.SECRET)
    async with lookup.lookup_server() as service:
        service.answer = {"tenant": "sol", "language": "es", "variables": {"name": "Ana"}}
        config = make_config(
            agent={"greeting": ""},
            phrases={"es": {"greeting": "Hola {name}, de {tenant}."}},
            variables={"name": "amigo"},
            lookup={"url": service.url, "deadline_s": 5.0},
        )
        async with serving(config=config) as server, open_lookup(config) as client:
            server.state.directory = Directory(config, client)
            bodies = [(await server.post("/twilio/voice", CALL))[1] for _ in range(2)]
            assert all("<Stream" in body for body in bodies)
            seen = server.state.directory.recall("CA1")
            assert (seen.call.tenant, seen.agent.language) == ("sol", "es")
            assert seen.phrases.greeting == "Hola Ana, de sol."
            health = json.loads((await server.get("/health"))[1])
            assert health["lookup"] == {"answers": 1, "failure": "", "is_paused": False}
    assert service.asked == [{"called": CALL["To"], "caller": CALL["From"], "call_sid": "CA1"}]


async def test_a_look_up_that_hangs_delays_a_call_and_loses_none(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("VOXD_LOOKUP_SECRET", lookup.SECRET)
    async with lookup.lookup_server() as service:
        service.hangs = True
        config = make_config(lookup={"url": service.url, "deadline_s": 0.05})
        async with serving(config=config) as server, open_lookup(config) as client:
            server.state.directory = Directory(config, client)
            for call_sid in ("CA1", "CA2"):
                body = (await server.post("/twilio/voice", {**CALL, "CallSid": call_sid}))[1]
                assert "<Stream" in body
    assert len(service.asked) == 1


@pytest.mark.parametrize("transport", ["stream", "twiml"])
async def test_who_hangs_up_while_the_look_up_is_asked_holds_no_place(
    transport: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("VOXD_LOOKUP_SECRET", lookup.SECRET)
    async with lookup.lookup_server() as service:
        service.hangs = True
        config = make_config(
            tier={"transport": transport},
            server={"public_url": "https://voice.example.com"},
            lookup={"url": service.url, "deadline_s": 1.0},
        )
        async with serving(config=config) as server, open_lookup(config) as client:
            server.state.directory = Directory(config, client)
            async with asyncio.TaskGroup() as tasks:
                calling = tasks.create_task(server.post("/twilio/voice", CALL))
                async with asyncio.timeout(5):
                    while not service.asked:
                        await asyncio.sleep(0.005)
                over = {"CallSid": "CA1", "CallStatus": "completed"}
                assert (await server.post("/twilio/status", over))[0] == 204
                assert not calling.done()
            status, body = calling.result()
            assert status == 200 and "<Hangup" in body
            assert "<Stream" not in body and "<Gather" not in body
            assert server.state.admission is not None
            assert server.state.admission.reserved == len(server.state.turn_calls) == 0
