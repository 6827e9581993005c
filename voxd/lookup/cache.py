"""Answers of a look-up, by who calls whom. Pure: time is given."""

from collections import OrderedDict
from dataclasses import dataclass

from voxd.config import Number

Key = tuple[str, str]
"""The numbers: called, caller."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What is known about calls of one key."""

    number: Number
    is_fresh: bool
    """False: ask again, and take it only if that fails."""


class AnswerCache:
    """Bound: `entries`; the one that was unused for longest goes."""

    def __init__(self, entries: int, ttl_s: float, stale_s: float) -> None:
        """
        Args:
            ttl_s: how long an answer is fresh.
            stale_s: how long it is kept after that.
        """
        self._entries = entries
        self._ttl_s = ttl_s
        self._stale_s = stale_s
        self._kept: OrderedDict[Key, tuple[float, Number]] = OrderedDict()

    def __len__(self) -> int:
        return len(self._kept)

    def get(self, key: Key, now: float) -> Answer | None:
        """The answer, unless there is none or it is too old for any use."""
        found = self._kept.get(key)
        if found is None:
            return None
        at, number = found
        if now - at > self._ttl_s + self._stale_s:
            del self._kept[key]
            return None
        self._kept.move_to_end(key)
        return Answer(number, is_fresh=now - at <= self._ttl_s)

    def put(self, key: Key, number: Number, now: float) -> None:
        """Keep an answer that came just now."""
        self._kept[key] = (now, number)
        self._kept.move_to_end(key)
        while len(self._kept) > self._entries:
            self._kept.popitem(last=False)
