"""How many are in, all together and from each address. Pure."""

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager


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
