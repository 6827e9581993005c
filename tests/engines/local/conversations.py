"""A made-up conversation of any length."""

from voxd.commands import Message

SYSTEM = Message("system", "Be kind.")
GREETING = Message("assistant", "Hello!")


def conversation(turns: int) -> list[Message]:
    messages = [SYSTEM, GREETING]
    for turn in range(turns):
        messages += [Message("user", f"question {turn}"), Message("assistant", f"answer {turn}")]
    return messages[:-1]
