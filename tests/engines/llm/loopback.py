"""Remote language models against the loopback server, over real sockets."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from typing import Any

from tests.servers.groq import GroqServer, open_server
from tests.servers.groq_script import KEY, Script
from voxd.commands import Message
from voxd.contracts import ReplyRequest, Usage
from voxd.engines.llm import groq, openai
from voxd.engines.llm.remote import RemoteLanguageModel

MODEL = "openai/gpt-oss-20b"
MODULES: dict[str, Any] = {"groq": groq, "openai": openai}


def ask(text: str = "Where are you?", max_tokens: int = 150) -> ReplyRequest:
    messages = (Message("system", "You are kind."), Message("user", text))
    return ReplyRequest("call", 1, messages, max_tokens, 0.7)


async def listen(
    engine: RemoteLanguageModel, request: ReplyRequest | None = None
) -> tuple[str, Usage]:
    items = [item async for item in engine.stream_reply(request or ask())]
    usage = items.pop()
    assert isinstance(usage, Usage)
    return "".join(str(item) for item in items), usage


def settings_for(provider: str, url: str, **changes: Any) -> Any:
    path = "/v1" if provider == "openai" else ""
    values = {"base_url": f"{url}{path}", "model": MODEL, "first_token_s": 2.0} | changes
    if provider == "openai":
        values.setdefault("credential", "GROQ_API_KEY")
    return MODULES[provider].Settings(**values)


@contextlib.asynccontextmanager
async def opened(
    monkeypatch: Any, provider: str, script: Script | None = None, **changes: Any
) -> AsyncIterator[tuple[RemoteLanguageModel, GroqServer]]:
    """A server and an engine that is set up for it, not yet warm."""
    monkeypatch.setenv("GROQ_API_KEY", KEY)
    script = script or Script()
    script.dialect = "groq" if provider == "groq" else "openai"
    async with open_server(script) as server:
        settings = settings_for(provider, server.url, **changes)
        async with MODULES[provider].open_engine(provider, settings, None) as engine:
            yield engine, server


async def until(is_so: Callable[[], bool]) -> None:
    """Wait for the other side of a socket."""
    async with asyncio.timeout(5):
        while not is_so():
            await asyncio.sleep(0.001)
