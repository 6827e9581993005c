"""What to do next, as a table of cases."""

import pytest

from voxd.config import Deadline
from voxd.engines.failover.hedge import LAST, Leave, Limits, Start, Wait, choose_step

FRESH = Limits(soft_at=10.5, hard_at=11.0, last_at=13.0)
LATE = Limits(soft_at=9.5, hard_at=10.5, last_at=12.5)
OVERDUE = Limits(soft_at=9.0, hard_at=10.0, last_at=12.0)
HOPELESS = Limits(soft_at=7.0, hard_at=8.0, last_at=10.0)
NOW = 10.0


@pytest.mark.parametrize(
    ("at_work", "has_next", "step"),
    [
        ([], True, Start()),
        ([FRESH], True, Wait(10.5)),
        ([FRESH], False, Wait(13.0)),  # nobody else: it is given longer
        ([LATE], True, Start()),
        ([LATE], False, Wait(12.5)),
        ([OVERDUE], True, Leave(0)),
        ([OVERDUE], False, Wait(12.0)),
        ([HOPELESS], False, Leave(0)),
        ([LATE, FRESH], True, Wait(10.5)),  # one hedge at a time
        ([LATE, FRESH], False, Wait(10.5)),
        ([LATE, LATE], True, Start()),
        ([OVERDUE, FRESH], False, Leave(0)),
        ([FRESH, OVERDUE], True, Leave(1)),
    ],
)
def test_the_next_step(at_work: list[Limits], has_next: bool, step: Start | Leave | Wait) -> None:
    assert choose_step(at_work, NOW, has_next=has_next) == step


def test_an_engine_that_has_nothing_more_to_say_is_left_without_a_successor() -> None:
    assert choose_step([LATE], NOW, has_next=False, may_end=True) == Wait(10.5)
    assert choose_step([OVERDUE], NOW, has_next=False, may_end=True) == Leave(0)


def test_an_engine_that_is_the_only_one_is_never_left() -> None:
    assert choose_step([HOPELESS], NOW, has_next=False, is_only=True) == Wait(None)


def test_limits_count_from_the_last_progress() -> None:
    assert Limits.after(10.0, Deadline(0.5, 1.0)) == Limits(10.5, 11.0, 10.0 + LAST)
