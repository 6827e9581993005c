"""A scripted `ToolClient`: what each tool answers, and after how long."""

import asyncio
from dataclasses import dataclass, field

from voxd.tools.exchange import ToolAnswer


@dataclass
class FakeTools:
    """Every tool answers the same."""

    content: str = "Booked for seven."
    takes_s: float = 0.3
    asked: list[tuple[str, str]] = field(default_factory=list)
    """Name and arguments."""
    answered: int = 0
    """Requests that were not cut off."""

    async def ask(self, name: str, arguments: str, call_sid: str, request_id: int) -> ToolAnswer:
        """See `voxd.tools.client.ToolClient`."""
        self.asked.append((name, arguments))
        await asyncio.sleep(self.takes_s)
        self.answered += 1
        return ToolAnswer(self.content)
