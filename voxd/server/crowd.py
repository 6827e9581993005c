"""How many are in, all together and from each address, and who gives way. Pure."""

from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import TypeVar

Guest = TypeVar("Guest")


def choose_leaver(idle: Mapping[Guest, str], key: str) -> Guest | None:
    """Who gives way to a newcomer where all are too many; None: nobody can.

    The oldest of the key that has the most, so that many of one make no room among others; never
    one of a key that has no more than the newcomer's, except the newcomer's own.

    Args:
        idle: those that could leave, oldest first, with their keys; "" leaves for "" only.
        key: the newcomer's.
    """
    counts = Counter(idle.values())
    hog = max(filter(None, counts), key=counts.__getitem__, default=key)
    if key and counts[hog] <= counts[key]:
        hog = key
    return next((guest for guest, whose in idle.items() if whose == hog), None)


class Crowd:
    """Counts who is in and says whether there is room for one more.

    Args:
        most: bound of all together.
        most_of_one: bound for each key, such as `Guard.limit_key` gives; "" has none of its own.
    """

    def __init__(self, most: int, most_of_one: int) -> None:
        self._most = most
        self._most_of_one = most_of_one
        self._count: Counter[str] = Counter()

    def __len__(self) -> int:
        return self._count.total()

    def has_room(self, key: str) -> bool:
        """Whether one more of this key would stay within both bounds."""
        return len(self) < self._most and (not key or self._count[key] < self._most_of_one)

    @contextmanager
    def holding(self, key: str) -> Iterator[None]:
        """One of this key is in while the body runs; ask `has_room` first."""
        self._count[key] += 1
        try:
            yield
        finally:
            self._count[key] -= 1
            if not self._count[key]:
                del self._count[key]
