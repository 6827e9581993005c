"""How the calls of a step become figures; no call is placed."""

from benches.calls import Result, Step, sum_up
from voxd.caller.report import CallReport, Hole, Outcome, TurnReport, TurnStatus

BUSY = "all our lines are busy"


def connected(*ms: float) -> CallReport:
    report = CallReport("CA1", outcome=Outcome.CONNECTED)
    for number, value in enumerate(ms, 1):
        turn = TurnReport(number, "x", TurnStatus.ANSWERED, voice_to_voice_ms=value)
        report.turns.append(turn)
    return report


def refused(problem: str = f"I'm sorry, {BUSY}.") -> CallReport:
    return CallReport("CA2", outcome=Outcome.REFUSED, problem=problem)


def step(calls: int, *reports: CallReport) -> Step:
    return sum_up(calls, reports, BUSY, 3.0, (50 << 20, 500 << 20))


def test_a_refusal_counts_only_with_its_sentence() -> None:
    found = step(3, connected(600), refused(), refused("rejected"))
    assert (found.connected, found.refused, found.failed) == (1, 1, 1)
    assert (found.daemon_mib, found.workers_mib) == (50, 500)


def test_four_quick_calls_keep_the_promise_and_a_crowd_may_be_refused() -> None:
    four = step(4, *(connected(800, 900) for _ in range(4)))
    crowd = step(10, connected(2800), *(refused() for _ in range(9)))
    assert Result("free", (four, crowd)).is_good


def test_a_hole_in_four_calls_breaks_the_promise() -> None:
    holed = connected(800)
    holed.holes.append(Hole(1.0, 80.0))
    four = step(4, connected(800), connected(800), connected(800), holed)
    assert four.heard.longest_hole_ms == 80
    assert not Result("free", (four,)).is_good


def test_a_slow_or_refused_call_among_four_breaks_the_promise() -> None:
    assert not Result("free", (step(4, *(connected(2600) for _ in range(4))),)).is_good
    assert not Result("free", (step(4, connected(800), refused()),)).is_good


def test_a_call_that_starves_in_a_crowd_breaks_the_promise() -> None:
    starved = connected(900)
    starved.turns.append(TurnReport(2, "x", TurnStatus.UNANSWERED))
    assert not Result("free", (step(10, starved, refused()),)).is_good
