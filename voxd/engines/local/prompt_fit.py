"""Which messages of a conversation a prompt has room for. Pure; used by `llama_batch`."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import chain

from voxd.commands import Message
from voxd.engines.local.prompt import PromptError
from voxd.engines.local.step_plan import common_prefix

DROP_BLOCK = 8
"""Messages that go together when a prompt overflows. Dropping the fewest possible would drop a
pair in every later turn, and each time all that follows must be read again (seconds); the
conversation's own limit, `[history] drop_messages`, is 8 for the same reason."""
RECOGNISED = 16
"""Tokens behind a cut that say where it is; two turns seldom begin with so many the same, and then
no more is lost than the time to read them."""


@dataclass(frozen=True, slots=True)
class Prompt:
    """What the model reads."""

    tokens: list[int]
    dropped_messages: int
    """How many of the oldest messages did not fit."""
    cut_at: int = 0
    """So many tokens it shares with the prompt that has them all; 0: nothing was left out."""


def fit_prompt(
    messages: Sequence[Message],
    tokenize: Callable[[Sequence[Message]], list[int]],
    room: int,
    *,
    may_drop: bool,
    head: int = 1,
    spare: int = 0,
    held: Sequence[int] = (),
    cut_at: int = 0,
) -> Prompt:
    """The prompt's tokens, without the oldest messages when they do not fit.

    The system prompt, the examples behind it and the last message always stay. What goes are whole
    exchanges, so that what is left begins with the caller, `DROP_BLOCK` messages at a time while
    there are enough. Messages that once went stay away as long as that fits: with them, all that
    follows would be read again.

    Args:
        tokenize: renders messages and cuts them into tokens.
        room: most tokens.
        may_drop: False: a prompt that does not fit is an error.
        head: messages from the system prompt to the last example; 1: no examples.
        spare: tokens of the room to leave free, where leaving out older messages achieves it.
        held: what was read of this conversation.
        cut_at: its `Prompt.cut_at`.

    Raises:
        PromptError: it does not fit.
    """
    whole = Prompt(tokenize(messages), 0)
    goal = room - spare
    if not may_drop and len(whole.tokens) > room:
        raise PromptError(f"the prompt has {len(whole.tokens)} tokens, there is room for {room}")
    if not may_drop or (not cut_at and len(whole.tokens) <= goal):
        return whole
    if not messages or messages[0].role != "system":
        head = 0

    def cut_to(cut: int) -> Prompt:
        tokens = tokenize([*messages[:head], *messages[cut:]])
        return Prompt(tokens, cut - head, common_prefix(whole.tokens, tokens))

    cuts = _find_cuts(messages, head)
    shortest = cut_to(cuts[-1]) if cuts else whole
    if len(shortest.tokens) > room:
        raise PromptError(
            f"the shortest prompt has {len(shortest.tokens)} tokens, there is room for {room}"
        )
    if len(shortest.tokens) > goal:
        goal = room
    fitting = None
    for prompt in chain([whole], map(cut_to, cuts)):
        if len(prompt.tokens) <= goal:
            if not cut_at or _goes_on(prompt.tokens, held, cut_at):
                return prompt
            fitting = fitting or prompt
    assert fitting is not None  # the shortest is
    return fitting


def _find_cuts(messages: Sequence[Message], head: int) -> list[int]:
    """Where a prompt may go on behind its head, in the order in which that is tried: whole blocks,
    then anywhere; the last leaves nothing but the last message."""
    cuts = [i for i in range(head + 1, len(messages)) if messages[i].role == "user"]
    if messages and len(messages) - 1 > head and len(messages) - 1 not in cuts:
        cuts.append(len(messages) - 1)
    last = max(cuts, default=head)
    blocks = [
        next(cut for cut in cuts if cut >= start)
        for start in range(head + DROP_BLOCK, last + 1, DROP_BLOCK)
    ]
    return [*blocks, *cuts]


def _goes_on(tokens: Sequence[int], held: Sequence[int], cut_at: int) -> bool:
    """Whether a prompt shares more with what is held than what stands before the cut."""
    beyond = min(RECOGNISED, (len(held) - cut_at) // 2)
    return common_prefix(tokens, held) > cut_at + beyond
