"""Alerts over real HTTP: what is sent, and every way in which one may not arrive."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest

from tests.fakes.call import make_config
from tests.servers.alerts import SECRET, AlertServer, alert_server
from tests.telemetry.outcomes import make_facts, make_turn
from voxd.errors import ConfigError
from voxd.runtime import background
from voxd.telemetry import alerts
from voxd.telemetry.alerts import QUEUE, Alerter, check_alerts, describe_alerts, open_alerts

LIMIT_S = 10.0


@pytest.fixture
async def service(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[AlertServer]:
    """An operator's service that knows our secret; who tries again does so at once."""
    monkeypatch.setenv("VOXD_ALERTS_SECRET", SECRET)
    monkeypatch.setattr(alerts, "RETRIES_S", (0.0, 0.0))
    async with alert_server() as server:
        yield server


@asynccontextmanager
async def alerting(service: AlertServer, **changed: Any) -> AsyncIterator[Alerter]:
    """An alerter that runs."""
    config = make_config(alerts={"url": service.url, "deadline_s": 5.0, **changed})
    async with open_alerts(config) as alerter:
        assert alerter is not None
        async with background(alerter.run()):
            yield alerter


def violate(alerter: Alerter, **facts: Any) -> None:
    alerter.turn_heard(make_facts(**facts), make_turn(2000.0, llm_clause_ms=1500.0))


async def until(is_so: Callable[[], bool]) -> None:
    async with asyncio.timeout(LIMIT_S):
        while not is_so():
            await asyncio.sleep(0.005)


async def test_a_violation_is_told_signed_and_without_words_or_numbers(
    service: AlertServer,
) -> None:
    async with alerting(service) as alerter:
        violate(alerter)
        await until(lambda: alerter.counts["sent"] == 1)
    (told,) = service.told
    assert told["event"] == "latency_violation"
    assert (told["tier"], told["stage"], told["engine"]) == ("pro", "llm", "mind")
    assert (told["voice_to_voice_ms"], told["target_ms"], told["violations"]) == (2000.0, 1000.0, 1)
    assert "secret" not in str(told) and "555" not in str(told)


async def test_of_many_violations_one_is_told_and_one_recovery(service: AlertServer) -> None:
    async with alerting(service) as alerter:
        for _ in range(50):
            violate(alerter)
        for _ in range(50):
            alerter.turn_heard(make_facts(), make_turn(900.0))
        await until(lambda: alerter.counts["sent"] == 2)
        assert alerter.open_incidents == 0
    assert [told["event"] for told in service.told] == ["latency_violation", "recovered"]
    assert service.told[1]["violations"] == 49
    assert len(set(service.keys)) == 2


@pytest.mark.parametrize("status", [429, 500, 503])
async def test_a_service_that_is_ill_is_asked_again_under_the_same_key(
    service: AlertServer, status: int
) -> None:
    service.statuses = [status, status]
    async with alerting(service) as alerter:
        violate(alerter)
        await until(lambda: alerter.counts["sent"] == 1)
    assert len(service.told) == 3 and len(set(service.keys)) == 1


@pytest.mark.parametrize("status", [301, 400, 401, 404])
async def test_a_refusal_is_taken_and_nobody_is_followed(service: AlertServer, status: int) -> None:
    service.statuses = [status]
    async with alerting(service) as alerter:
        violate(alerter)
        await until(lambda: alerter.counts["failed"] == 1)
    assert len(service.told) == 1


async def test_a_service_that_hangs_is_left_at_the_deadline(service: AlertServer) -> None:
    service.hangs = True
    async with alerting(service, deadline_s=0.1) as alerter:
        violate(alerter)
        await until(lambda: alerter.counts["failed"] == 1)
    assert len(service.told) == 3


async def test_a_service_that_is_gone_costs_alerts_and_the_next_one_arrives(
    service: AlertServer, caplog: pytest.LogCaptureFixture
) -> None:
    port, service.port = service.port, 1
    async with alerting(service) as alerter:
        violate(alerter)
        await until(lambda: alerter.counts["failed"] == 1)
    assert "alert did not arrive" in {record.message for record in caplog.records}
    service.port = port
    async with alerting(service) as alerter:
        violate(alerter)
        await until(lambda: alerter.counts["sent"] == 1)


async def test_what_the_queue_cannot_hold_is_counted(service: AlertServer) -> None:
    """Whoever hears of a turn never waits: it runs beside the calls."""
    service.hangs = True
    async with alerting(service) as alerter:
        violate(alerter, tier="first")
        await service.news.wait()  # it is on its way: the queue is empty
        for n in range(QUEUE + 7):
            violate(alerter, tier=f"tier-{n}")
        assert alerter.counts["dropped"] == 7


async def test_without_a_secret_nothing_is_told(
    service: AlertServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("VOXD_ALERTS_SECRET")
    config = make_config(alerts={"url": service.url})
    (problem,) = check_alerts(config)
    assert problem.key == "alerts.url" and "VOXD_ALERTS_SECRET" in problem.message
    with pytest.raises(ConfigError):
        async with open_alerts(config):
            pass


def test_who_is_told_is_named_without_the_rest_of_its_address() -> None:
    config = make_config(alerts={"url": "https://ops.example.com/voxd?key=secret"})
    assert describe_alerts(config) == ["Latency violations are told to ops.example.com."]
    assert describe_alerts(make_config()) == []


async def test_without_an_address_nobody_is_told() -> None:
    assert check_alerts(make_config()) == ()
    async with open_alerts(make_config()) as alerter:
        assert alerter is None
