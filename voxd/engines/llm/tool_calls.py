"""Tool calls out of a streamed reply: pieces in, whole calls out. Pure.

Servers of the OpenAI kind send a call either whole in one delta or its JSON arguments in pieces;
what belongs together carries the same `index`. Arguments stay text here: whoever runs the tool
judges them, because models write invalid JSON now and then.
"""

from dataclasses import dataclass

from voxd.events import ToolCall

MAX_CALLS = 16
"""Calls in one reply; more are nonsense."""
MAX_ARGUMENTS_CHARS = 65_536
"""Arguments of one call; more are nonsense."""


@dataclass(frozen=True, slots=True)
class ToolDelta:
    """A piece of a call, as one delta has it."""

    index: int
    id: str = ""
    name: str = ""
    arguments: str = ""


class ToolCallAccumulator:
    """Puts the pieces of one reply's calls together."""

    def __init__(self) -> None:
        self._calls: dict[int, ToolDelta] = {}

    def feed(self, delta: ToolDelta) -> None:
        """Take one piece.

        Raises:
            ValueError: more calls, or longer ones, than a sane model writes.
        """
        held = self._calls.get(delta.index, ToolDelta(delta.index))
        joined = ToolDelta(
            delta.index,
            # Some servers repeat id and name in every piece: the first is kept.
            held.id or delta.id,
            held.name or delta.name,
            held.arguments + delta.arguments,
        )
        self._calls[delta.index] = joined
        if len(self._calls) > MAX_CALLS or len(joined.arguments) > MAX_ARGUMENTS_CHARS:
            raise ValueError("endless tool calls")

    def finish(self) -> tuple[ToolCall, ...]:
        """Every call, in the order of the indices.

        Raises:
            ValueError: a call has no name.
        """
        calls = []
        for index in sorted(self._calls):
            held = self._calls[index]
            if not held.name:
                raise ValueError("a tool call without a name")
            calls.append(ToolCall(held.id, held.name, held.arguments or "{}"))
        return tuple(calls)
