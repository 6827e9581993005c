"""A scripted `LanguageModel`: pieces of text, pauses, errors and stalls."""

import asyncio
from collections.abc import AsyncIterator, Sequence

from voxd.commands import Message
from voxd.contracts import (
    Capabilities,
    EngineState,
    EngineStatus,
    Piece,
    Priority,
    ReplyRequest,
    Usage,
)
from voxd.errors import Category, EngineError, Phase
from voxd.events import Kind, ToolCall

STALL = 1e9
"""A pause that no call outlives."""

Script = Sequence[str | float | EngineError | ToolCall]
"""Text is a token, a number seconds of waiting, an error is raised, a call of a tool is called."""


class FakeLanguageModel:
    """Answers the n-th request with the n-th script, further ones with the last."""

    capabilities = Capabilities(Kind.LLM, True, (), 0.1)

    def __init__(self, *scripts: Script, name: str = "fake-llm") -> None:
        self.name = name
        self.scripts = scripts or ((0.1, "All right."),)
        self.requests: list[ReplyRequest] = []
        self.active = 0
        """Generations that run."""
        self.sequences: set[str] = set()
        """Calls that hold a sequence."""
        self.prepared: list[tuple[Message, ...]] = []
        self.prepare_s = 0.0

    def status(self) -> EngineStatus:
        return EngineStatus(self.name, Kind.LLM, EngineState.HEALTHY)

    async def warm(self) -> None:
        return

    async def probe(self) -> float:
        return self.capabilities.expected_latency_s

    def error(self) -> EngineError:
        return EngineError(self.name, Category.SERVER, Phase.STREAM, "scripted")

    async def stream_reply(self, request: ReplyRequest) -> AsyncIterator[Piece]:
        script = self.scripts[min(len(self.requests), len(self.scripts) - 1)]
        self.requests.append(request)
        self.sequences.add(request.call_id)
        self.active += 1
        tokens = 0
        try:
            for step in script:
                if isinstance(step, EngineError):
                    raise step
                if isinstance(step, str):
                    tokens += 1
                    yield step
                elif isinstance(step, ToolCall):
                    yield step
                else:
                    await asyncio.sleep(step)
            yield Usage(len(request.messages), 0, tokens, "stop")
        finally:
            self.active -= 1

    async def prepare(self, call_id: str, messages: Sequence[Message], priority: Priority) -> None:
        self.sequences.add(call_id)
        await asyncio.sleep(self.prepare_s)
        self.prepared.append(tuple(messages))

    async def release(self, call_id: str) -> None:
        self.sequences.discard(call_id)


def said(text: str, first_s: float = 0.1, token_s: float = 0.01) -> Script:
    """A reply, word by word."""
    script: list[str | float] = [first_s]
    for word in text.split(" "):
        script += [f"{word} ", token_s]
    return script
