"""How a crowd becomes figures; no call is placed."""

import pytest

from benches import calls
from benches.room import Result, Run, plan_crowd, sum_up
from tests.benches.test_calls import BUSY, connected, refused
from voxd.caller.report import CallReport, Outcome, TurnReport, TurnStatus


def handed_on(verb: str) -> CallReport:
    problem = f"<{verb}> instead of <Connect><Stream>: not a media-stream call"
    return CallReport("CA3", outcome=Outcome.FAILED, problem=problem)


def crowd(*reports: CallReport, limit: int = 2) -> Run:
    return sum_up(len(reports), limit, reports, BUSY, 3.0)


def within() -> Run:
    return crowd(connected(800.0, 900.0), connected(850.0))


def test_every_way_to_be_served_is_counted() -> None:
    failed = CallReport("CA4", outcome=Outcome.FAILED, problem="11200: answered 500")
    run = crowd(
        *(connected(800.0), connected(900.0), handed_on("Gather"), handed_on("Dial")),
        *(refused(), refused("(rejected: busy)"), failed),
    )
    assert (run.callers, run.streams, run.turns, run.sentences, run.failed) == (7, 2, 2, 1, 2)
    assert not run.is_good


def test_a_crowd_that_costs_nobody_anything_keeps_the_promise() -> None:
    beyond = crowd(connected(850.0), connected(1000.0), handed_on("Gather"), *[refused()] * 3)
    result = Result(within(), beyond)
    assert result.is_good
    assert result.to_json()["beyond"]["turns"] == 1


def test_the_count_must_be_exact() -> None:
    for streams in (1, 3):
        assert not crowd(*[connected(800.0)] * streams, *[refused()] * 3).is_good


def test_an_accepted_call_must_not_starve() -> None:
    starved = connected(800.0)
    starved.turns.append(TurnReport(2, "x", TurnStatus.UNANSWERED))
    assert not crowd(starved, connected(900.0), refused()).is_good


def test_the_crowd_must_not_slow_down_who_was_accepted() -> None:
    beyond = crowd(connected(1300.0), connected(1400.0), refused())
    assert beyond.is_good
    assert not Result(within(), beyond).is_good


def test_without_figures_nothing_was_kept() -> None:
    assert not Result(crowd(connected(), connected()), within()).is_good


def test_all_dial_at_the_same_moment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(calls, "build_turns", lambda said: ())  # without the recordings
    plans = plan_crowd(6, 1, "http://127.0.0.1:1/twilio/voice")
    assert {plan.delay_s for plan in plans} == {0.0}
    assert len({plan.seed for plan in plans}) == 6
