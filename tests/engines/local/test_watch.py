"""When a worker counts as lost, and what becomes of its requests."""

import pytest

from voxd.engines.local.watch import STABLE_S, Backoff, Verdict, Watch, judge_request
from voxd.errors import Category, Phase


def watch() -> Watch:
    return Watch(start_s=5.0, silent_s=1.25, tick_s=0.25)


def run(watched: Watch, begin: float, seconds: float) -> tuple[float, Verdict | None]:
    """Tick on time for a while; returns when and how it ended."""
    for tick in range(round(seconds / 0.25) + 1):
        at = begin + 0.25 * tick
        verdict = watched.tick(at)
        if verdict is not None:
            return at - begin, verdict
    return seconds, None


def test_a_worker_that_is_not_ready_in_time_is_lost() -> None:
    assert run(watch(), 100.0, 9.0) == (5.0, Verdict.START)


def test_heartbeats_do_not_excuse_a_start_that_takes_too_long() -> None:
    watched = watch()
    for tick in range(20):
        watched.heard()
        assert watched.tick(0.25 * tick) is None
    assert watched.tick(5.0) is Verdict.START


def test_a_silent_worker_is_lost_after_silent_s() -> None:
    watched = watch()
    watched.tick(0.0)
    watched.ready()
    assert run(watched, 0.0, 9.0) == (1.25, Verdict.SILENT)


def test_a_daemon_that_slept_does_not_blame_its_worker() -> None:
    watched = watch()
    watched.tick(0.0)
    watched.ready()
    watched.sent(1, limit_s=1.0)
    assert watched.tick(3600.0) is None


def test_a_request_over_its_limit_is_fatal_despite_heartbeats() -> None:
    watched = watch()
    watched.tick(0.0)
    watched.ready()
    watched.sent(1, limit_s=1.0)
    verdicts = []
    for tick in range(1, 6):
        watched.heard()
        verdicts.append(watched.tick(0.25 * tick))
    assert verdicts == [None, None, None, Verdict.LIMIT, Verdict.LIMIT]


def test_the_limit_of_a_request_that_waits_inside_the_worker_begins_when_its_turn_comes() -> None:
    watched = watch()
    watched.tick(0.0)
    watched.ready()
    watched.sent(1, limit_s=1.0)
    watched.started(1)
    watched.sent(2, limit_s=1.0)
    for tick in range(1, 4):
        watched.heard()
        assert watched.tick(0.25 * tick) is None
    watched.answered(1)
    for tick in range(4, 7):
        watched.heard()
        assert watched.tick(0.25 * tick) is None
    assert watched.tick(1.75) is Verdict.LIMIT


def test_only_what_was_computed_is_suspected() -> None:
    watched = watch()
    watched.sent(1, 1.0)
    watched.sent(2, 1.0)
    assert watched.computing() == {1, 2}
    watched.started(1)
    assert watched.computing() == {1}


def test_pauses_double_up_to_the_longest_and_begin_anew_after_a_stable_while() -> None:
    backoff = Backoff(max_s=0.5)
    assert [backoff.pause_s(0.0) for _ in range(5)] == pytest.approx([0.1, 0.2, 0.4, 0.5, 0.5])
    assert backoff.pause_s(STABLE_S) == pytest.approx(0.1)


def test_a_request_is_run_again_once_and_refused_after_it_killed_two_workers() -> None:
    assert judge_request(1, has_delivered=False, retry=True) is None
    refused = judge_request(2, has_delivered=False, retry=True)
    assert refused is not None and refused[0] is Category.BAD_REQUEST


def test_a_request_that_may_not_run_again_fails() -> None:
    failed = judge_request(1, has_delivered=False, retry=False)
    assert failed is not None and failed[:2] == (Category.CONNECTIVITY, Phase.FIRST_RESULT)
    assert judge_request(0, has_delivered=False, retry=False) is None


def test_a_half_delivered_answer_fails_in_mid_stream() -> None:
    failed = judge_request(1, has_delivered=True, retry=True)
    assert failed is not None and failed[:2] == (Category.CONNECTIVITY, Phase.STREAM)
