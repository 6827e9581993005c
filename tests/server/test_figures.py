from typing import Any

from tests.fakes.call import make_config
from tests.server.harness import connected, serving, start
from tests.server.test_metrics import scrape
from voxd.config import Local
from voxd.contracts import Priority
from voxd.engines.local.compute import LocalCompute
from voxd.errors import Category, EngineError, Phase
from voxd.telemetry.alerts import Alerter


async def test_every_engine_is_in_one_state() -> None:
    async with serving() as server:
        error = EngineError("fake-llm", Category.AUTH, Phase.CONNECT, "scripted")
        server.runtime.board.record_error(error)
        found = await scrape(server)
    states = found["voxd_engine_state"]
    assert states["fake-llm", "llm", "ejected"] == 1.0
    assert states["fake-stt", "stt", "healthy"] == 1.0
    assert sum(states.values()) == 3.0
    assert found["voxd_engine_ejections_total"]["fake-llm",] == 1.0
    assert found["voxd_engine_ejections_total"]["fake-tts",] == 0.0


async def test_hedges_are_told_by_what_became_of_them() -> None:
    async with serving() as server:
        server.runtime.board.record_hedge("fake-tts", won=True)
        server.runtime.board.record_hedge("fake-tts", won=False)
        server.runtime.board.record_hedge("fake-tts", won=False)
        hedges = (await scrape(server))["voxd_hedges_total"]
    assert (hedges["fake-tts", "won"], hedges["fake-tts", "wasted"]) == (1.0, 2.0)


async def test_running_calls_are_told_by_tier_and_transport() -> None:
    async with serving() as server:
        idle = {("test", "stream"): 0.0, ("test", "turns"): 0.0}
        assert (await scrape(server))["voxd_active_calls"] == idle
        async with server.call("CA1") as socket:
            await socket.receive()
            found = await scrape(server)
    assert found["voxd_active_calls"] == {**idle, ("test", "stream"): 1.0}
    assert found["voxd_target_seconds"] == {("test",): 1.0}


async def test_reserved_calls_and_the_lag_of_the_loop_are_told() -> None:
    async with serving() as server:
        server.runtime.loop_lag.add(0.002)
        await server.reserve("CA1")
        found = await scrape(server)
    assert found["voxd_reserved_calls"] == {(): 1.0}
    lags = [found[f"voxd_loop_lag_{which}_seconds"][()] for which in ("p50", "p99", "worst")]
    assert lags == [0.002, 0.002, 0.002]


async def test_who_was_not_let_in_is_counted_by_reason() -> None:
    async with serving(auth_token="token", config=make_config(**PUBLIC)) as server:
        await server.post("/twilio/voice", {"CallSid": "CA1"})
        await server.get("/health", {"Authorization": "Bearer wrong"})
        await server.get("/health", {"Via": "1.1 proxy"})
        found = (await scrape(server))["voxd_intruders_refused_total"]
    assert found == {
        ("request", "signature"): 1.0,
        ("request", "token"): 1.0,
        ("request", "forwarded"): 1.0,
    }


PUBLIC: dict[str, Any] = {"server": {"public_url": "https://voice.example.com"}}


async def test_a_media_socket_that_becomes_no_call_is_counted() -> None:
    async with serving() as server:
        async with server.socket() as socket:
            await socket.send_str(connected())
            await socket.send_str(start("CA1", "made up"))
            await socket.receive()
        found = (await scrape(server))["voxd_intruders_refused_total"]
    assert found == {("media_socket", "not_expected"): 1.0}


async def test_calls_without_room_are_counted_by_what_was_short() -> None:
    config = make_config(server={"max_calls": 1}, tier={"no_room": ["sentence"]})
    async with serving(config=config) as server:
        await server.reserve("CA1")
        await server.post("/twilio/voice", {"CallSid": "CA2"})
        found = await scrape(server)
    assert found["voxd_calls_refused_total"] == {("max_calls",): 1.0}


async def test_the_queue_for_local_compute_is_told_by_priority() -> None:
    async with serving() as server:
        compute = LocalCompute(Local())
        for waited_s in (0.0, 0.0, 0.03, 0.47):
            compute.waits.labels("committed").observe(waited_s)
        object.__setattr__(server.runtime, "compute", compute)
        found = await scrape(server)
    assert found["voxd_local_queue_requests"]["committed",] == 0.0
    assert found["voxd_local_queue_wait_seconds_count"]["committed",] == 4.0
    assert found["voxd_local_queue_wait_seconds_sum"]["committed",] == 0.5
    assert found["voxd_local_queue_wait_seconds_bucket"]["0.005", "committed"] == 2.0
    assert len(found["voxd_local_queue_wait_seconds_sum"]) == len(Priority)


async def test_alerts_are_told_where_there_are_any() -> None:
    async with serving() as server:
        assert "voxd_alerts_total" not in await scrape(server)
        config = make_config(alerts={"url": "https://example.com"})
        alerter = Alerter(config, "secret", server.http, lambda: 0.0)
        alerter.counts["failed"] = 2
        object.__setattr__(server.runtime, "alerter", alerter)
        found = await scrape(server)
    assert found["voxd_alerts_total"] == {("sent",): 0.0, ("failed",): 2.0, ("dropped",): 0.0}
    assert found["voxd_open_incidents"] == {(): 0.0}


async def test_the_cache_tells_what_calls_found() -> None:
    async with serving() as server:
        cache = server.runtime.speech_cache
        cache.hits, cache.misses = 3, 2
        found = (await scrape(server))["voxd_speech_cache_requests_total"]
    assert found == {("hit",): 3.0, ("miss",): 2.0}
