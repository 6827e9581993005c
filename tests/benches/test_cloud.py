"""How the calls of `cloud` are made and become figures; no daemon is started."""

import tomllib
from dataclasses import replace
from typing import Any

import pytest

from benches.cloud import (
    Load,
    Result,
    Step,
    build_overrides,
    build_plans,
    describe,
    find_floor_ms,
    find_waits_s,
    show_step,
    sum_up_load,
)
from benches.cores import CpuTime
from benches.daemon import CONFIG, derive_config
from benches.line import Heard
from benches.overhead import Overhead
from benches.prompts import are_installed
from benches.providers import DESIGN, REAL
from voxd.caller.report import CallReport, DaemonTurn, Outcome, Traffic, TurnReport, TurnStatus
from voxd.config import parse_config
from voxd.engines.registry import settings_types

URLS = {name: f"http://127.0.0.1:{n}" for n, name in enumerate(("deepgram", "groq", "cartesia"), 1)}
LOAD = Load(10.0, 1.0, 0.02, 3.0, late_p99_ms=1.0, late_frames=0.0, stolen=0.001)
HEARD = Heard(2, 2, 0, 0, 0.0, 0, 0, (700.0, 800.0))
QUICK = Overhead(0.002, 0.001, 0.001, 0.001)


def step(**changes: Any) -> Step:
    made = Step("pro", 1, False, 0, HEARD, 766.0, 2, (QUICK, QUICK), LOAD)
    return replace(made, **changes)


@pytest.mark.parametrize("has_local", [True, False])
def test_each_number_reaches_its_tier_on_the_loopback_providers(has_local: bool) -> None:
    shipped = tomllib.loads(CONFIG.read_text(encoding="utf-8"))
    overrides = build_overrides(shipped, URLS, 50, has_local)
    derived = tomllib.loads(derive_config(CONFIG, overrides))
    config = parse_config(derived, settings_types(), base_dir=CONFIG.parent, source="derived")
    assert config.server.max_calls > 50
    assert config.engines["groq"].base_url == URLS["groq"]
    tiers = {config.dialled(number).call.tier for number in config.numbers}
    assert tiers == {
        *("pro", "pro-without-speculation"),
        *("enterprise", "enterprise-without-speculation"),
    }
    plain = config.tiers["pro-without-speculation"]
    assert plain.speculation == 0
    assert plain.wait_complete_s == config.tiers["pro"].wait_complete_s
    assert plain.llm == (("groq", "llamacpp") if has_local else ("groq",))


def test_the_floor_is_what_the_providers_and_the_wait_cannot_do_without() -> None:
    one_after_the_other = 100 + 250 + 220 + 6 + 190
    assert find_floor_ms(REAL, 0.1, 0.35, True) == pytest.approx(one_after_the_other)
    assert find_floor_ms(REAL, 0.1, 0.3, False) == pytest.approx(one_after_the_other)
    assert find_floor_ms(DESIGN, 0.1, 0.9, True) == pytest.approx(900)
    assert find_floor_ms(DESIGN, 0.1, 0.35, False) == pytest.approx(350 + 220 + 6 + 90)


def test_words_that_come_before_the_final_lower_the_floor_but_not_below_the_pause() -> None:
    def floor_ms(interim_delay_s: float) -> float:
        delays = replace(REAL, interim_s=0.1, interim_delay_s=interim_delay_s)
        return find_floor_ms(delays, 0.1, 0.35, True)

    reply = 220 + 6 + 190
    assert floor_ms(0.0) == pytest.approx(100 + reply)
    assert floor_ms(0.1) == pytest.approx(150 + reply)
    assert floor_ms(0.25) == pytest.approx(300 + reply)
    assert floor_ms(1.0) == pytest.approx(350 + reply)  # the final is sooner


def test_the_floor_of_a_turn_is_that_of_its_own_wait() -> None:
    report = CallReport("CA1", outcome=Outcome.CONNECTED)
    for number, wait_ms in enumerate((360.0, None, 750.0), 1):
        turn = TurnReport(number, "x", TurnStatus.ANSWERED, is_confirmed=True)
        turn.daemon = DaemonTurn(wait_ms=wait_ms)
        report.turns.append(turn)
    report.turns.append(TurnReport(4, "x", TurnStatus.UNANSWERED))
    assert find_waits_s([report], 0.35) == [0.36, 0.35, 0.75]


def test_a_small_overhead_keeps_the_promise_and_a_large_one_breaks_it() -> None:
    slow = Overhead(0.004, 0.001, 0.001, 0.001)
    assert step().is_good
    assert not step(overheads=(slow, slow)).is_good
    assert not step(overheads=(QUICK,) * 50 + (Overhead(0.05, 0.0, 0.0, 0.001),) * 2).is_good
    assert step(speculates=True, overheads=()).is_good


@pytest.mark.parametrize(
    "change",
    [{"refused": 1}, {"heard": replace(HEARD, answered=1)}, {"heard": replace(HEARD, holes=1)}],
)
def test_a_call_that_was_not_whole_breaks_the_promise(change: dict[str, Any]) -> None:
    assert not step(**change).is_good


def test_extra_requests_are_those_that_nobody_heard() -> None:
    assert step(llm_requests=5).extra_llm == 3


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"overheads": (QUICK, Overhead(0.01, -0.001, 0.01, 0.001))}, "negative"),
        ({"overheads": (QUICK,)}, "only 1"),
        ({"load": replace(LOAD, late_p99_ms=5.1)}, "late"),
        ({"load": replace(LOAD, late_frames=0.002)}, "late"),
        ({"load": replace(LOAD, stolen=0.006)}, "given to others for 0.6%"),
    ],
)
def test_what_cannot_be_measured_is_void(change: dict[str, Any], why: str) -> None:
    assert not step().void
    assert why in step(**change).void
    result = Result(REAL, (step(), step(**change)))
    assert result.is_void
    assert result.to_json()["steps"][1]["void"]


def test_load_is_per_second_of_each_call() -> None:
    report = CallReport("CA1", outcome=Outcome.CONNECTED, duration_s=10.0)
    report.traffic = Traffic(frames_sent=500, late_frames=1)
    used = [CpuTime(0.2, 0.5), CpuTime(0.1, 0.0), CpuTime(0.1, 0.0)]
    load = sum_up_load([report, report], used, 10.0, 0.02, [0.001] * 99 + [0.5], 3.0)
    assert load.cpu_ms_per_s == pytest.approx(10)
    assert load.workers_cpu_ms_per_s == pytest.approx(10)
    assert load.starved == pytest.approx(0.05)
    assert load.stolen == pytest.approx(0.002)
    assert load.late_frames == pytest.approx(0.002)
    assert 1 < load.late_p99_ms < 500


def test_a_step_is_shown_with_its_verdict(capsys: pytest.CaptureFixture[str]) -> None:
    show_step(step(load=replace(LOAD, late_p99_ms=9.0)))
    shown = capsys.readouterr().out
    assert "own overhead p50 4.0 ms (promised 5)" in shown
    assert "VOID: the load generator was late" in shown
    assert describe(step())["p50_ms"] == 750


@pytest.mark.skipif(not are_installed(), reason="the recorded prompts are not installed")
def test_callers_say_short_things_and_their_frames_do_not_come_together() -> None:
    plans = build_plans(3, 4, "http://127.0.0.1:1/twilio/voice", "+15550101")
    assert [len(plan.turns) for plan in plans] == [4, 4, 4]
    assert {plan.to_number for plan in plans} == {"+15550101"}
    assert max(len(turn.pcm) for plan in plans for turn in plan.turns) < 2.5 * 8000
    phases = [plan.delay_s % 0.02 for plan in plans]
    assert min(abs(a - b) for a in phases for b in phases if a is not b) > 0.001
    assert plans[0].turns[0].name != plans[1].turns[0].name
