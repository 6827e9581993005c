"""A real daemon, watched by a real Prometheus while it takes a call. Providers are stand-ins.

Its tier promises what nobody can keep, so that the call's turns are violations of latency.
"""

import asyncio
import json
import subprocess
import sys
import threading
import time
import urllib.request
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from benches.daemon import Daemon, run_daemon
from tests.monitoring.prometheus import ROOT, Prometheus, run_prometheus, run_promtool
from tests.monitoring.queries import dashboard_queries, is_told, load_dashboard, metrics_of
from tests.monitoring.test_files import RULES
from tests.servers.cartesia_script import KEY
from voxd.audio.g711 import decode_mulaw
from voxd.caller import call as caller
from voxd.caller.plan import CallPlan, build_turn
from voxd.caller.report import CallReport

pytestmark = pytest.mark.timeout(300)

SPEECH = ROOT / "tests" / "samples" / "speech"
ENVIRONMENT = {
    "DEEPGRAM_API_KEY": KEY,
    "GROQ_API_KEY": KEY,
    "CARTESIA_API_KEY": KEY,
    "VOXD_ALERTS_SECRET": "alert-secret",
}
TIERS = ("free", "starter", "pro", "enterprise")
CLOUD_ONLY = {
    f"tiers.{tier}.{kind}": names
    for tier in TIERS
    for kind, names in {
        "stt": ["deepgram"],
        "llm": ["groq"],
        "tts": ["cartesia"],
        "turn": [],
    }.items()
}
TARGET_S = 0.05
"""What no provider can keep."""
WITHOUT_SERIES = frozenset(
    "voxd_failovers_total voxd_calls_refused_total voxd_intruders_refused_total".split()
)
"""Nothing of the kind happens in this call."""


@dataclass
class Watched:
    """What the tests of this file look at."""

    daemon: Daemon
    prometheus: Prometheus
    report: CallReport
    told: list[dict[str, Any]] = field(default_factory=list)
    """Alerts that arrived."""

    def metrics(self) -> str:
        """What a scrape brings."""
        with urllib.request.urlopen(f"{self.daemon.base_url}/metrics", timeout=10) as answer:
            text: str = answer.read().decode()
            return text

    def turns(self) -> list[dict[str, Any]]:
        """The turns of the call, as the daemon tells them."""
        url = f"{self.daemon.base_url}/calls/{self.report.call_sid}"
        with urllib.request.urlopen(url, timeout=10) as answer:
            found: list[dict[str, Any]] = json.load(answer)["turns"]
            return found


@contextmanager
def stand_ins(config: Path) -> Iterator[None]:
    """The three providers on loopback, and a config for them."""
    command = [sys.executable, "-m", "tests.servers", "--port", "0", "--write-config", str(config)]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as servers:
        try:
            assert servers.stdout is not None
            assert any(line == "ready\n" for line in servers.stdout)
            yield
        finally:
            servers.terminate()


@contextmanager
def alert_service(told: list[dict[str, Any]]) -> Iterator[str]:
    """An operator's service; yields its address."""

    class Service(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            told.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
            self.send_response(204)
            self.end_headers()

        def log_message(self, format: str, *args: object) -> None:
            pass

    with HTTPServer(("127.0.0.1", 0), Service) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}/alerts"
        finally:
            server.shutdown()
            thread.join()


def place_call(daemon: Daemon) -> CallReport:
    said = decode_mulaw((SPEECH / "help-you-today.ulaw").read_bytes()).astype(np.int16)
    turns = tuple(build_turn(f"question-{n}", said) for n in range(2))
    return asyncio.run(caller.place_call(CallPlan(turns, url=daemon.voice_url)))


@pytest.fixture(scope="module")
def watched(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Watched]:
    directory, told = tmp_path_factory.mktemp("watched"), list[dict[str, Any]]()
    config = directory / "loopback.toml"
    with ExitStack() as stack:
        stack.enter_context(stand_ins(config))
        address = stack.enter_context(alert_service(told))
        ours = {**CLOUD_ONLY, "tiers.pro.target_s": TARGET_S, "alerts.url": address}
        daemon = stack.enter_context(run_daemon(directory, ours, config, environment=ENVIRONMENT))
        target = daemon.base_url.removeprefix("http://")
        prometheus = stack.enter_context(run_prometheus(directory, target))
        # A rate needs a scrape before what happens, and one after it.
        prometheus.wait_for("voxd_ready == 1")
        report = place_call(daemon)
        prometheus.wait_for("count_over_time(voxd_calls_total[1m]) > 2")
        yield Watched(daemon, prometheus, report, told)


def families(text: str) -> set[str]:
    return {line.split()[2] for line in text.splitlines() if line.startswith("# TYPE ")}


def test_every_metric_of_dashboard_and_rules_is_told(watched: Watched) -> None:
    known = families(watched.metrics())
    asked = metrics_of(" ".join(dashboard_queries().values()))
    asked |= metrics_of(RULES.read_text(encoding="utf-8"))
    asked |= metrics_of(json.dumps(load_dashboard()["templating"]))
    assert [metric for metric in sorted(asked) if not is_told(metric, known)] == []


def test_prometheus_has_no_complaint_about_how_they_are_told(watched: Watched) -> None:
    assert run_promtool("check", "metrics", given=watched.metrics()) == ""


def test_every_query_of_the_dashboard_brings_what_there_is(watched: Watched) -> None:
    empty = {
        name: expression
        for name, expression in dashboard_queries().items()
        if not watched.prometheus.query(expression)
    }
    odd = {
        name: expression
        for name, expression in empty.items()
        if not metrics_of(expression) & WITHOUT_SERIES
    }
    assert odd == {}


def test_prometheus_evaluates_every_rule(watched: Watched) -> None:
    watched.prometheus.wait_for("ALERTS or vector(1)")
    began = time.monotonic()
    while True:
        (group,) = watched.prometheus.ask("rules")["groups"]
        health = {rule["name"]: (rule["health"], rule.get("lastError")) for rule in group["rules"]}
        if all(state != "unknown" for state, _ in health.values()):
            break
        assert time.monotonic() - began < 60, health
        time.sleep(0.2)
    assert {name for name, (state, _) in health.items() if state != "ok"} == set(), health


def test_metrics_and_the_calls_own_figures_are_the_same(watched: Watched) -> None:
    turns = watched.turns()
    heard = [turn["voice_to_voice_ms"] / 1000 for turn in turns]
    assert len(heard) == len(watched.report.turns) == 2
    for name, key in (
        ("voice_to_voice", "voice_to_voice_ms"),
        ("stt_latency", "stt_latency_ms"),
        ("llm_first_token", "llm_ttft_ms"),
        ("tts_first_audio", "tts_ttfa_ms"),
    ):
        total_s = watched.prometheus.wait_for(f'sum(voxd_{name}_seconds_sum{{tier="pro"}})')
        assert total_s == pytest.approx(sum(turn[key] for turn in turns) / 1000, abs=0.001), name
    assert watched.prometheus.wait_for('sum(voxd_turns_total{pace="violation"})') == 2
    assert watched.prometheus.wait_for('voxd_calls_total{reason="caller_hung_up"}') == 1


def test_the_violation_was_told_while_the_call_went_on_and_once_for_what_cost_the_most(
    watched: Watched,
) -> None:
    first = watched.told[0]
    assert (first["event"], first["tier"], first["turn"]) == ("latency_violation", "pro", 1)
    assert first["call_id"] == watched.report.call_sid
    blamed = [(told["stage"], told["engine"]) for told in watched.told]
    assert len(blamed) == len(set(blamed))
    log = watched.daemon.log.read_text(encoding="utf-8")
    assert log.index("LATENCY VIOLATION") < log.index("call ended")
    assert log.count("LATENCY VIOLATION") == 2
