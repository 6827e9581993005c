"""Playbooks of an agent that has tools."""

from typing import Any

from tests.dialog.playbook import TIER, Playbook
from voxd.commands import CallTool, StartReply
from voxd.config import Tier
from voxd.events import ReplyWritten, ToolCall, ToolReturned

TOOLS: dict[str, Any] = {
    "book": {
        "url": "https://example.com/book",
        "description": "Books a table.",
        "parameters": {
            "type": "object",
            "properties": {"people": {"type": "integer", "minimum": 1}},
            "required": ["people"],
        },
        "deadline_s": 4.0,
    },
    "look_up": {"url": "https://example.com/look", "description": "Looks something up."},
}
AGENT: dict[str, Any] = {
    "tools": ("end_call", "transfer_call", "take_message", "send_digits", "book", "look_up"),
    "transfer": {"number": "+15550123"},
}
BOOK = ToolCall("x", "book", '{"people": 2}')
LOOK_UP = ToolCall("", "look_up", "{}")
END = ToolCall("", "end_call", "{}")
TRANSFER = ToolCall("", "transfer_call", "{}")
MESSAGE = ToolCall("", "take_message", "{}")
DIGITS = ToolCall("", "send_digits", '{"digits": "1w#"}')


def tooled(tier: Tier = TIER) -> Playbook:
    """Greeted, with every tool."""
    return Playbook(tier, agent=AGENT, tools=TOOLS).greeted()


def wants(book: Playbook, at: float, reply_id: int, *calls: ToolCall, clauses: int = 0) -> None:
    """The reply is complete and wants this done."""
    book.send(ReplyWritten(at, reply_id, clauses, "stop", tool_calls=calls))


def answers(book: Playbook, at: float, content: str = "Booked.") -> None:
    """The tool that was asked last answers."""
    book.send(ToolReturned(at, book.all_of(CallTool)[-1].request_id, content))


def newest_prompt(book: Playbook) -> list[tuple[str, str]]:
    """Role and content of what the model was shown last, without the system message."""
    messages = book.all_of(StartReply)[-1].messages
    return [(message.role, message.content) for message in messages[1:]]
