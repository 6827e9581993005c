"""What each sequence of the KV cache holds, and how prefixes are shared. Worker side.

Two kinds of sequence: one per call, kept from its first request to `release`, and the *shelf*,
which keeps the last few system prompts after the calls that read them are over. Whatever a
prompt shares with any of them, token by token, is copied instead of computed; in the unified
cache a copy only marks cells.

The invariant that everything rests on: `held` is exactly what the cache has, in order, from
position 0. Used by `llama_batch`; the cache itself is behind the `Cache` protocol, so that this
can be tested without weights.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Protocol

from voxd.engines.local.step_plan import choose_donor, common_prefix


class Cache(Protocol):
    """The part of `LlamaContext` that is needed here."""

    can_share: bool

    def remove_from(self, sequence: int, start: int) -> bool: ...

    def copy_prefix(self, source: int, target: int, length: int) -> None: ...

    def clear(self) -> None: ...


@dataclass(slots=True, eq=False)
class Held:
    """One sequence."""

    number: int
    """llama.cpp's `seq_id`."""
    call_id: str = ""
    """Whose it is; empty: nobody's."""
    tokens: list[int] = field(default_factory=list)
    """In the cache, from position 0."""
    cut_at: int = 0
    """Where these tokens lack older messages, see `prompt_fit.Prompt.cut_at`."""
    reply_tokens: int = 0
    """Most tokens of the call's last reply, and so probably of the next."""


class SequencePool:
    """All sequences of a context."""

    def __init__(self, cache: Cache, *, calls: int, shelf: int, shelf_tokens: int) -> None:
        """
        Args:
            cache: has `calls + shelf` sequences.
            shelf_tokens: most tokens on the shelf, all system prompts together.
        """
        self._cache = cache
        self._calls = [Held(number) for number in range(calls)]
        self._shelf = [Held(calls + i) for i in range(shelf)]
        self._shelf_tokens = shelf_tokens

    @property
    def in_use(self) -> int:
        """Calls that own a sequence."""
        return sum(bool(held.call_id) for held in self._calls)

    def find(self, call_id: str) -> Held | None:
        """The sequence of a call."""
        return next((held for held in self._calls if held.call_id == call_id), None)

    def find_free(self) -> Held | None:
        """A sequence that is nobody's."""
        return self.find("")

    def reuse(self, target: Held, prompt: Sequence[int], *, spare: int) -> int:
        """Make `target` hold the longest prefix of a prompt that any sequence has.

        Args:
            spare: this many of the prompt's last tokens are left out in any case.

        Returns:
            How many tokens it holds now; all of them belong to the prompt.
        """
        givers = [*self._calls, *self._shelf] if self._cache.can_share else [target]
        donor, shared = choose_donor(prompt, {h.number: h.tokens for h in givers}, target.number)
        shared = min(shared, len(prompt) - spare)
        if donor != target.number:
            self.forget(target)
            self._cache.copy_prefix(donor, target.number, shared)
            self._touch(donor)
        elif shared < len(target.tokens) and not self._cache.remove_from(target.number, shared):
            self.forget(target)  # a recurrent model cannot forget a part
            shared = 0
        target.tokens = list(prompt[:shared])
        return shared

    def is_shelved(self, held: Held) -> bool:
        """Whether the shelf has what this sequence begins with; counts as a use of it."""
        for kept in self._shelf:
            length = len(kept.tokens)
            if length and common_prefix(kept.tokens, held.tokens) == length:
                self._touch(kept.number)
                return True
        return False

    def shelve(self, held: Held, length: int) -> None:
        """Keep the first `length` tokens of a sequence, in the place of what was used least
        recently. Nothing when they alone are too many."""
        if not self._cache.can_share or not 0 < length <= self._shelf_tokens:
            return
        room = self._shelf_tokens - length
        target = self._shelf[0]
        self.forget(target)
        for kept in self._shelf:
            if sum(len(other.tokens) for other in self._shelf) > room:
                self.forget(kept)
        self._cache.copy_prefix(held.number, target.number, length)
        target.tokens = held.tokens[:length]
        self._touch(target.number)

    def release(self, held: Held) -> None:
        """Its call is over."""
        self.forget(held)
        held.call_id, held.cut_at, held.reply_tokens = "", 0, 0

    def forget(self, held: Held) -> None:
        """Empty a sequence."""
        self._cache.remove_from(held.number, 0)
        held.tokens = []

    def clear(self) -> None:
        """Empty all of them; calls keep theirs."""
        for held in (*self._calls, *self._shelf):
            held.tokens = []
        self._cache.clear()

    def _touch(self, number: int) -> None:
        """The shelf stands in the order of last use, oldest first."""
        self._shelf.sort(key=lambda kept: kept.number == number)
