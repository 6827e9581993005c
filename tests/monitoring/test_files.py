"""The files under monitoring/, judged by Prometheus's own tool."""

import re

import pytest

from tests.monitoring.prometheus import MONITORING, ROOT, run_promtool
from tests.monitoring.queries import dashboard_queries, load_dashboard
from tests.server.harness import serving
from tests.server.test_metrics import counting
from tests.telemetry.outcomes import make_outcome

pytestmark = pytest.mark.timeout(300)  # the first one may have to fetch the tool

CASES = ROOT / "tests" / "monitoring" / "rules.test.yml"
RULES = MONITORING / "rules.yml"


def test_the_rules_are_rules() -> None:
    assert "SUCCESS" in run_promtool("check", "rules", str(RULES))


def test_the_example_is_a_config_that_loads_them() -> None:
    said = run_promtool("check", "config", str(MONITORING / "prometheus.yml"))
    assert "1 rule files found" in said


def test_alerts_come_when_they_should_and_not_before() -> None:
    assert "SUCCESS" in run_promtool("test", "rules", str(CASES))


def test_every_alert_has_a_case() -> None:
    alerts = re.findall(r"- alert: (\w+)", RULES.read_text(encoding="utf-8"))
    cases = re.findall(r"alertname: (\w+)\n +exp_alerts:\n", CASES.read_text(encoding="utf-8"))
    assert len(alerts) == len(set(alerts)) > 10
    assert set(cases) == set(alerts)


async def test_what_we_tell_is_as_prometheus_would_have_it() -> None:
    async with serving() as server:
        metrics, outcome = counting(server.runtime), make_outcome()
        metrics.turn_heard(outcome, outcome.turns[0])
        metrics.call_finished(outcome)
        _, text = await server.get("/metrics")
    assert run_promtool("check", "metrics", given=text) == ""


def test_panels_are_told_apart_and_explained_and_do_not_overlap() -> None:
    panels = load_dashboard()["panels"]
    assert len({panel["id"] for panel in panels}) == len(panels)
    taken = set()
    for panel in panels:
        place = panel["gridPos"]
        for x in range(place["x"], place["x"] + place["w"]):
            for y in range(place["y"], place["y"] + place["h"]):
                assert x < 24 and (x, y) not in taken, panel["title"]
                taken.add((x, y))
        if panel["type"] != "row":
            assert panel["description"] and panel["targets"], panel["title"]
            assert panel["datasource"]["uid"] == "${datasource}"


def test_queries_are_told_apart() -> None:
    targets = [t for panel in load_dashboard()["panels"] for t in panel.get("targets", ())]
    assert len(dashboard_queries()) == len(targets) > 40
