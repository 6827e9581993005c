"""Who is called when."""

import numpy as np

from benches.peer.order import cut_calls, take_turns
from voxd.caller.plan import Turn


def turns(count: int) -> list[Turn]:
    return [Turn(f"t{number}", np.zeros(160, np.int16), 0.0, 0.01) for number in range(count)]


def test_nothing_is_lost_when_turns_are_cut_into_calls() -> None:
    calls = cut_calls(300.0, turns(7), 3)
    assert [[turn.name for turn in call.turns] for call in calls] == [
        ["t0", "t1", "t2"],
        ["t3", "t4", "t5"],
        ["t6"],
    ]
    assert {call.pause_ms for call in calls} == {300.0}
    assert cut_calls(0.0, [], 3) == []


def test_every_system_gets_every_call_and_all_take_turns_at_being_first() -> None:
    calls = cut_calls(0.0, turns(3), 1)
    order = [(system, said.turns[0].name) for system, said in take_turns(calls, ("a", "b", "c"))]
    assert order == [
        ("a", "t0"),
        ("b", "t0"),
        ("c", "t0"),
        ("b", "t1"),
        ("c", "t1"),
        ("a", "t1"),
        ("c", "t2"),
        ("a", "t2"),
        ("b", "t2"),
    ]
