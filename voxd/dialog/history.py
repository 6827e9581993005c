"""What the model is shown of the conversation so far. Pure; owned by the brain.

At most `max_messages` beside the system prompt; when there are more, `drop_messages` of the oldest
go at once. A window that slides by one would change the prompt's prefix on every turn, and with it
all of the key-value cache.
"""

from voxd.commands import Message


class History:
    """The messages of one conversation."""

    def __init__(self, system: str, max_messages: int, drop_messages: int) -> None:
        self._system = Message("system", system)
        self._max = max_messages
        self._drop = drop_messages
        self._messages: list[Message] = []
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
        messages = list(self._messages)
        if user is not None:
            _join(messages, Message("user", self._with_asides(user)))
        if agent:
            _join(messages, Message("assistant", agent))
        return (self._system, *messages)

    def _with_asides(self, text: str) -> str:
        return " ".join([*self._asides, text])

    def _append(self, message: Message) -> None:
        _join(self._messages, message)
        if len(self._messages) > self._max:
            kept = self._messages[self._drop :]
            while kept and kept[0].role != "user":
                kept = kept[1:]
            self._messages = kept


def _join(messages: list[Message], message: Message) -> None:
    """Append; two messages of one role become one, as chat templates want them to alternate."""
    if messages and messages[-1].role == message.role:
        messages[-1] = Message(message.role, f"{messages[-1].content} {message.content}")
    else:
        messages.append(message)
