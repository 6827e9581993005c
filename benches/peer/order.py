"""Who is called when. Pure.

What is said is cut into calls. Each call is placed to every system before the next one is, and who
comes first moves on by one each time, so that what slows the machine down slows all of them.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice

from voxd.caller.plan import Turn


@dataclass(frozen=True, slots=True)
class Said:
    """What is said in one call, to each of the systems."""

    pause_ms: float
    """Length of the pause in each turn; 0: none."""
    turns: tuple[Turn, ...]


def cut_calls(pause_ms: float, turns: Sequence[Turn], turns_per_call: int) -> list[Said]:
    """These turns as calls of at most so many."""
    rest = iter(turns)
    calls = []
    while batch := tuple(islice(rest, turns_per_call)):
        calls.append(Said(pause_ms, batch))
    return calls


def take_turns(calls: Sequence[Said], systems: Sequence[str]) -> Iterator[tuple[str, Said]]:
    """Every call to every system, in the order in which they are placed."""
    for number, said in enumerate(calls):
        first = number % len(systems)
        for system in (*systems[first:], *systems[:first]):
            yield system, said
