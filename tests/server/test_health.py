import json

from tests.fakes.call import make_config
from tests.server.harness import serving
from tests.telemetry.journals import journal_of, one_turn
from tests.telemetry.outcomes import make_facts, make_turn
from voxd.errors import Category, EngineError, Phase
from voxd.events import EndReason
from voxd.telemetry.journal import Journal


class Call:
    next_step = None

    def __init__(self) -> None:
        self.journal: Journal = journal_of("CA1", one_turn())

    def request_shutdown(self) -> None:
        raise AssertionError("nobody asked for this")


async def test_ready_is_503_until_warm_and_while_draining() -> None:
    async with serving(is_ready=False) as server:
        assert await server.get("/health/live") == (200, "live\n")
        assert await server.get("/health/ready") == (503, "starting\n")
    async with serving() as server:
        assert await server.get("/health/ready") == (200, "ready\n")
        server.state.drain()
        assert await server.get("/health/ready") == (503, "draining\n")
        assert await server.get("/health/live") == (200, "live\n")


async def test_health_describes_every_engine_the_loop_and_the_calls() -> None:
    async with serving() as server:
        server.runtime.loop_lag.add(0.002)
        await server.reserve("CA1")
        described = json.loads((await server.get("/health"))[1])
    assert described["stage"] == "ready"
    assert (described["calls"], described["reserved"]) == (0, 1)
    assert described["calls_in_turns"] == 0
    assert described["loop_lag_s"] == {"p50": 0.002, "p99": 0.002, "worst": 0.002}
    engines = {engine["name"]: engine for engine in described["engines"]}
    assert set(engines) == {"fake-stt", "fake-llm", "fake-tts"}
    assert engines["fake-llm"]["state"] == "healthy"
    assert {"queued", "active", "restarts", "latency_p50_s"} <= set(engines["fake-llm"])


async def test_health_tells_how_the_promises_of_latency_are_kept() -> None:
    async with serving() as server:
        server.runtime.latency.turn_heard(make_facts(tier="pro"), make_turn(2000.0))
        described = json.loads((await server.get("/health"))[1])
    assert set(described["latency"]) == {"tiers", "agents", "engines"}
    pro = described["latency"]["tiers"]["pro"]
    assert (pro["count"], pro["average_ms"], pro["is_met"]) == (1, 2000.0, False)


async def test_health_tells_what_calls_found_out_and_what_new_ones_would_get() -> None:
    async with serving(config=make_config(tier={"stt": ["fake-stt", "absent"]})) as server:
        board = server.runtime.board
        for _ in range(2):
            board.record_error(EngineError("fake-llm", Category.SERVER, Phase.STREAM, "scripted"))
            board.record_result("fake-llm", 0.1)
        board.record_switch("fake-llm", "fake-tts")
        board.record_hedge("fake-tts", won=True)
        described = json.loads((await server.get("/health"))[1])
    engines = {engine["name"]: engine for engine in described["engines"]}
    assert engines["fake-llm"]["state"] == "degraded"
    assert engines["fake-llm"]["reason"] == "errors among the last requests"
    assert engines["fake-llm"]["own_state"] == "healthy"
    assert (engines["fake-tts"]["hedges_won"], engines["fake-tts"]["hedges_wasted"]) == (1, 0)
    assert described["switches"] == [{"left": "fake-llm", "taken": "fake-tts", "count": 1}]
    assert described["tiers"]["test"]["stt"] == [
        {"name": "fake-stt", "place": 0, "reason": "healthy"},
        {"name": "absent", "place": None, "reason": "not open"},
    ]


async def test_health_answers_while_models_are_warming() -> None:
    async with serving(is_ready=False) as server:
        status, body = await server.get("/health")
        assert status == 200
        assert json.loads(body)["stage"] == "starting"


async def test_a_call_s_turns_are_told_while_it_runs_and_after() -> None:
    async with serving() as server:
        server.runtime.calls.add("CA1", Call())
        running = json.loads((await server.get("/calls/CA1"))[1])
        await server.runtime.calls.finish("CA1", EndReason.CALLER_HUNG_UP)
        finished = json.loads((await server.get("/calls/CA1"))[1])
    assert running["is_active"] and running["end_reason"] is None
    assert not finished["is_active"] and finished["end_reason"] == "caller_hung_up"
    assert running["turns"] == finished["turns"]
    assert finished["turns"][0]["transcript"] == "secret words"
    assert finished["turns"][0]["voice_to_voice_ms"] == 900.0


async def test_an_unknown_call_is_404() -> None:
    async with serving() as server:
        assert (await server.get("/calls/CA9"))[0] == 404
    async with serving(is_ready=False) as server:
        assert (await server.get("/calls/CA9"))[0] == 404
