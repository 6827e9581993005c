"""`scripts/bench barge` counts what it says it counts."""

import pytest

from benches import barge, trials
from benches.interrupting import Outcome


def outcome(category: str, stop_ms: float | None, words_off: int | None = None) -> Outcome:
    return Outcome("x", category, stop_ms, False, words_off)


def outcomes(stops: int = 0, misses: int = 0) -> list[Outcome]:
    """100 interruptions and 100 coughs, so many of them wrong."""
    good = [outcome("prompt", 200.0, 0)] * (100 - misses)
    missed = [outcome("prompt", None)] * misses
    quiet = [outcome("cough", None)] * (100 - stops)
    return [*good, *missed, *quiet, *[outcome("cough", 180.0)] * stops]


def test_what_is_kept_is_good_and_every_broken_promise_is_not() -> None:
    assert barge.judge("reported", outcomes()).is_good
    assert not barge.judge("reported", outcomes(stops=3)).is_good
    assert not barge.judge("reported", outcomes(misses=3)).is_good
    slow = [outcome("prompt", 251.0, 0)] * 100
    assert not barge.judge("reported", [*outcomes()[100:], *slow]).is_good
    lost = [outcome("prompt", 200.0, -2)]
    assert not barge.judge("reported", [*outcomes(), *lost]).is_good


def test_a_late_stop_is_a_miss_and_any_hole_a_false_stop() -> None:
    result = barge.judge("reported", [outcome("prompt", 1001.0), outcome("door", 900.0)])
    assert result.interruptions.rate.estimate == 1.0
    assert result.others.rate.estimate == 1.0


def test_controls_are_shown_and_not_counted() -> None:
    result = barge.judge("reported", [*outcomes(), outcome("loud backchannel", 150.0)])
    assert result.categories["loud backchannel"].stops == 1
    assert result.others.stops == 0


def test_there_are_two_hundred_of_each_that_count_in_each_half() -> None:
    counted = {name: count for name, count in trials.COUNTS.items() if name not in trials.CONTROLS}
    turns = sum(count for name, count in counted.items() if name in trials.INTERRUPTIONS)
    assert turns == sum(counted.values()) - turns == 200


def test_no_two_trials_of_any_draw_have_the_same_chance() -> None:
    seeds = [
        trials.hash_of(category, half, number, draw)
        for draw in range(3)
        for category, count in trials.COUNTS.items()
        for half in (0, 1)
        for number in range(count)
    ]
    assert len(set(seeds)) == len(seeds)


def test_the_table_can_be_shown(capsys: pytest.CaptureFixture[str]) -> None:
    barge.show(barge.judge("reported", outcomes(stops=1)))
    shown = capsys.readouterr().out
    assert "false stops" in shown
    assert "prompt" in shown
