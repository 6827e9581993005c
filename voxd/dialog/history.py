"""What the model is shown of the conversation so far. Pure; owned by the brain.

At most `max_messages` beside the system prompt; when there are more, `drop_messages` of the oldest
go at once. A window that slides by one would change the prompt's prefix on every turn, and with it
all of the key-value cache.

What a reply had done (`ToolRound`) counts as one message and is dropped as a whole: a result
without its call, or a call without a result, is refused by the providers.
"""

from dataclasses import dataclass, field

from voxd.commands import Message
from voxd.events import ToolCall

PENDING = "(not answered yet)"
"""What stands for the answer of a tool until it comes."""


@dataclass(slots=True)
class ToolRound:
    """The tools that one reply called. What they answer is added as it comes."""

    calls: tuple[ToolCall, ...]
    """Their ids are unique in the call."""
    said: str = ""
    """What the caller heard of that reply."""
    results: dict[str, str] = field(default_factory=dict)
    """By the id of the call."""

    @property
    def is_complete(self) -> bool:
        """Every tool has answered."""
        return all(call.id in self.results for call in self.calls)

    def messages(self) -> list[Message]:
        """As the model is shown it."""
        answers = (
            Message("tool", self.results.get(call.id, PENDING), tool_call_id=call.id)
            for call in self.calls
        )
        return [Message("assistant", self.said, tool_calls=self.calls), *answers]


class History:
    """The messages of one conversation."""

    def __init__(self, system: Message, max_messages: int, drop_messages: int) -> None:
        self._system = system
        self._max = max_messages
        self._drop = drop_messages
        self._messages: list[Message | ToolRound] = []
        self._asides: list[str] = []

    def __len__(self) -> int:
        return len(self._messages)

    def add_user(self, text: str) -> None:
        """The caller's turn, now that its reply is audible. Asides go before it."""
        self._append(Message("user", self._with_asides(text)))
        self._asides.clear()

    def add_agent(self, heard: str) -> None:
        """What the caller heard of a reply or phrase; nothing when that is empty."""
        if heard:
            self._append(Message("assistant", heard))

    def add_round(self, calls: ToolRound) -> None:
        """What the reply to the last turn has done."""
        self._append(calls)

    def add_aside(self, text: str) -> None:
        """What the caller said while the agent spoke, kept as context of the next turn."""
        if text:
            self._asides.append(text)

    def prompt(self, user: str | None = None, agent: str = "") -> tuple[Message, ...]:
        """The messages for the model.

        Args:
            user: the caller's turn that is not in the history yet.
            agent: a reply to it that is not in the history yet.
        """
        entries = list(self._messages)
        if user is not None:
            _join(entries, Message("user", self._with_asides(user)))
        if agent:
            _join(entries, Message("assistant", agent))
        messages = [self._system]
        for entry in entries:
            messages += entry.messages() if isinstance(entry, ToolRound) else [entry]
        return tuple(messages)

    def _with_asides(self, text: str) -> str:
        return " ".join([*self._asides, text])

    def _append(self, entry: Message | ToolRound) -> None:
        _join(self._messages, entry)
        if len(self._messages) > self._max:
            kept = self._messages[self._drop :]
            while kept and not _is_users(kept[0]):
                kept = kept[1:]
            self._messages = kept


def _is_users(entry: Message | ToolRound) -> bool:
    return isinstance(entry, Message) and entry.role == "user"


def _join(entries: list[Message | ToolRound], entry: Message | ToolRound) -> None:
    """Append; two messages of one role become one, as chat templates want them to alternate."""
    last = entries[-1] if entries else None
    if isinstance(last, Message) and isinstance(entry, Message) and last.role == entry.role:
        entries[-1] = Message(entry.role, f"{last.content} {entry.content}")
    else:
        entries.append(entry)
