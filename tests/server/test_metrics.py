import asyncio

from prometheus_client.parser import text_string_to_metric_families

from tests.fakes.call import make_config
from tests.server.harness import Server, serving
from tests.telemetry.outcomes import make_outcome, make_turn
from voxd.runtime import Runtime
from voxd.server.metrics import SAMPLES
from voxd.telemetry.metrics import CallMetrics


async def scrape(server: Server, **headers: str) -> dict[str, dict[tuple[str, ...], float]]:
    """Sample name -> label values in the order of their names -> value."""
    status, text = await server.get("/metrics", headers or None)
    assert status == 200
    found: dict[str, dict[tuple[str, ...], float]] = {}
    for family in text_string_to_metric_families(text):
        for sample in family.samples:
            labels = tuple(value for _, value in sorted(sample.labels.items()))
            assert labels not in found.setdefault(sample.name, {}), (sample.name, labels)
            found[sample.name][labels] = sample.value
    return found


def counting(runtime: Runtime) -> CallMetrics:
    """Give a runtime of the fakes what the real one has."""
    metrics = CallMetrics()
    object.__setattr__(runtime, "metrics", metrics)
    return metrics


async def test_what_is_counted_and_what_is_read_is_told_together() -> None:
    async with serving() as server:
        outcome = make_outcome()
        metrics = counting(server.runtime)
        metrics.turn_heard(outcome, outcome.turns[0])
        metrics.call_finished(outcome)
        found = await scrape(server)
    assert found["voxd_ready"] == {(): 1.0}
    assert found["voxd_voice_to_voice_seconds_count"] == {("pro", "stream"): 1.0}
    assert found["voxd_calls_total"] == {("inbound", "caller_hung_up", "pro", "stream"): 1.0}
    assert found["process_open_fds"][()] > 0


async def test_when_a_series_began_is_not_told() -> None:
    async with serving() as server:
        counting(server.runtime).call_finished(make_outcome())
        assert not [name for name in await scrape(server) if name.endswith("_created")]


async def test_it_answers_before_anything_is_warm() -> None:
    async with serving(is_ready=False) as server:
        found = await scrape(server)
    assert found["voxd_ready"] == {(): 0.0}
    assert "voxd_engine_state" not in found


async def test_it_is_private_as_health_is() -> None:
    config = make_config(server={"public_url": "https://voice.example.com"})
    async with serving(config=config, auth_token="t", api_token="key") as server:
        assert (await server.get("/metrics"))[0] == 200
        assert (await server.get("/metrics", {"X-Forwarded-For": "192.0.2.1"}))[0] == 403
        assert (await server.get("/metrics", {"Authorization": "Bearer wrong"}))[0] == 401
        forwarded = {"X-Forwarded-For": "192.0.2.1", "Authorization": "Bearer key"}
        assert (await server.get("/metrics", forwarded))[0] == 200


async def test_prometheus_is_told_the_format() -> None:
    async with serving() as server, server.http.get(f"{server.url}/metrics") as response:
        assert response.headers["Content-Type"] == "text/plain; version=0.0.4; charset=utf-8"


async def test_between_two_parts_the_loop_is_for_others() -> None:
    """All of them at once take longer than the audio of a call may be late."""
    async with serving() as server:
        metrics = counting(server.runtime)
        for n in range(30):
            outcome = make_outcome(tier=f"tier-{n}")
            metrics.turn_heard(outcome, make_turn(llm_engine=f"llm-{n}"))
            metrics.call_finished(outcome)
        samples = sum(len(family.samples) for family in metrics.registry.collect())
        rounds, is_over = 0, asyncio.Event()

        async def count() -> None:
            nonlocal rounds
            while not is_over.is_set():
                rounds += 1
                await asyncio.sleep(0)

        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(count())
            await scrape(server)
            is_over.set()
    assert rounds > samples / 2 / SAMPLES  # half of them say when a series began
