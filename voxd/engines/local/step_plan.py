"""Which tokens the next step of the language model computes. Pure: no model, no clock.

A step is one batch: one token of every reply being written, plus a bounded piece of the prompts
still to be read, the most urgent first. The bound is what keeps running calls fluent while a new
call's long prompt is read, and what lets an urgent request in soon: on one thread of a small
machine 64 prompt tokens cost 0.37 s, 16 cost 0.09 s, one reply's next token 0.014 s (SmolLM2-135M,
AVX2), so that small pieces cost hardly more than large ones.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class BatchToken:
    """One token of a batch."""

    token: int
    sequence: int
    position: int
    """0, 1, 2 … within its sequence."""
    wants_logits: bool
    """The token after this one will be chosen."""


@dataclass(frozen=True, slots=True)
class Work:
    """What one sequence still has to compute."""

    sequence: int
    pending: Sequence[int]
    """Tokens not yet in the KV cache; a reply being written has exactly one."""
    position: int
    """Of `pending[0]`."""
    is_writing: bool
    """True: a reply is being written. False: its prompt is being read."""
    samples_after: bool
    """The last pending token's logits are wanted (a reply follows; not for `prepare`)."""
    urgency: tuple[float, ...]
    """Lower goes first: priority, then deadline, then arrival."""


STEP_S = 0.1
"""Aim for the longest step, seconds: how late a cancel or an urgent request can be."""
LEAST_CHUNK = 8
"""Prompt tokens a step takes however slow they are: a large model's cost is in reading its
weights once, not in the tokens."""
FIRST_TOKENS = 10
"""About a first clause."""


class Pace:
    """How many prompt tokens fit into a step, learned from steps that were measured."""

    def __init__(self, most: int) -> None:
        """
        Args:
            most: upper bound (`prefill_chunk_tokens`), taken until something was measured.
        """
        self._most = most
        self._token_s: float | None = None

    def measured(self, tokens: int, seconds: float) -> None:
        """A step of so many tokens took so long on one thread, or as long as all together.

        Short steps say nothing about prompts.
        """
        if tokens < min(LEAST_CHUNK, self._most):
            return
        token_s = seconds / tokens
        self._token_s = token_s if self._token_s is None else 0.8 * self._token_s + 0.2 * token_s

    @property
    def chunk_tokens(self) -> int:
        """Most prompt tokens of the next step."""
        if self._token_s is None:
            return self._most
        fitting = int(STEP_S / self._token_s) if self._token_s > 0 else self._most
        return min(self._most, max(LEAST_CHUNK, fitting))


def is_waited_for(tokens: int, written: Iterable[int]) -> bool:
    """Whether a caller hears nothing until this step is done.

    Args:
        tokens: of the step.
        written: how many tokens each reply has that is being written.
    """
    return tokens >= LEAST_CHUNK or any(count < FIRST_TOKENS for count in written)


def choose_threads(
    least: int, most: int, idle_cores: Callable[[], int], *, is_waited_for: bool
) -> int:
    """With how many threads a step is computed.

    More than `least`, up to `most`, on cores that are idle, and only where a caller waits for it:
    llama.cpp's threads wait for each other by spinning, and one whose core is taken by somebody
    more urgent meanwhile holds up all of them until that one is done.
    """
    if not is_waited_for or most <= least:
        return least
    return min(most, least + idle_cores())


def common_prefix(left: Sequence[int], right: Sequence[int]) -> int:
    """How many leading tokens two sequences share."""
    length = min(len(left), len(right))
    if left[:length] == right[:length]:
        return length
    return next(i for i in range(length) if left[i] != right[i])


def choose_donor(
    prompt: Sequence[int], held: Mapping[int, Sequence[int]], own: int
) -> tuple[int, int]:
    """The sequence that holds the longest prefix of a prompt, and how long that is.

    A tie goes to `own`, which needs no copy.
    """
    best, length = own, common_prefix(held.get(own, []), prompt)
    for sequence, tokens in held.items():
        shared = common_prefix(tokens, prompt)
        if shared > length:
            best, length = sequence, shared
    return best, length


def plan_step(work: Iterable[Work], chunk_tokens: int) -> list[BatchToken]:
    """The next batch; empty when there is nothing to compute.

    A prompt gets the whole chunk while every reply being written is less urgent, half of it
    beside an equally urgent one and a quarter beside a more urgent one.

    Args:
        work: what each busy sequence needs.
        chunk_tokens: most prompt tokens in one step.
    """
    items = list(work)
    writing = [item for item in items if item.is_writing]
    batch = [BatchToken(item.pending[0], item.sequence, item.position, True) for item in writing]
    writers = [item.urgency[0] for item in writing]
    spent = 0
    for item in sorted((i for i in items if not i.is_writing), key=lambda i: i.urgency):
        share = max(1, chunk_tokens // _divisor(item.urgency[0], writers))
        taken = item.pending[: max(0, share - spent)]
        for offset, token in enumerate(taken):
            wants_logits = item.samples_after and offset == len(item.pending) - 1
            batch.append(BatchToken(token, item.sequence, item.position + offset, wants_logits))
        spent += len(taken)
    return batch


def _divisor(priority: float, writers: Sequence[float]) -> int:
    most_urgent = min(writers, default=None)
    if most_urgent is None or most_urgent > priority:
        return 1
    return 2 if most_urgent == priority else 4
