"""The engine on a loopback server, for the tests of its modules."""

import asyncio
import contextlib
import os
from collections.abc import AsyncIterator, Callable
from unittest import mock

from tests.servers.cartesia import CartesiaServer, open_server
from tests.servers.cartesia_script import KEY, Script
from voxd.contracts import PLAIN, Delivery, SpeechRequest, SpeechStream
from voxd.engines.tts.cartesia import CartesiaTextToSpeech, Settings, open_engine

REQUEST = SpeechRequest("call", 1, "en", "")


@contextlib.asynccontextmanager
async def on_loopback(
    script: Script | None = None, key: str = KEY, **settings: object
) -> AsyncIterator[tuple[CartesiaTextToSpeech, CartesiaServer]]:
    """The engine, not warmed, and its server."""
    environment = {"CARTESIA_API_KEY": key, "NO_PROXY": "127.0.0.1"}
    async with open_server(script) as server:
        chosen = Settings.model_validate({"base_url": server.url, **settings})
        with mock.patch.dict(os.environ, environment):
            async with open_engine("cartesia", chosen, None) as engine:  # type: ignore[arg-type]
                yield engine, server


async def hear(
    stream: SpeechStream, text: str, *, is_last: bool = False, delivery: Delivery = PLAIN
) -> bytes:
    """The whole audio of one clause."""
    pieces = stream.speak(text, is_last=is_last, delivery=delivery)
    return b"".join([piece async for piece in pieces])


async def until(claim: Callable[[], bool]) -> None:
    """Return when something that is on its way has come true."""
    async with asyncio.timeout(5):
        while not claim():
            await asyncio.sleep(0.002)
