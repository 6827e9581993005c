"""How every engine is opened for its contract: local ones on the shipped weights, cloud ones on
a loopback server that speaks their wire. A new engine gets its line in `SETUPS`.
"""

import asyncio
import contextlib
import inspect
import os
import signal
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any
from unittest import mock

from tests.servers import cartesia, deepgram, groq
from tests.servers.cartesia_script import Script as CartesiaScript
from tests.servers.deepgram_script import Script as DeepgramScript
from tests.servers.deepgram_script import Utterance
from tests.servers.groq_script import Script as GroqScript
from voxd.config import Config, Local, Tier
from voxd.engines.local.compute import open_compute
from voxd.engines.registry import open_engines, settings_types

ROOT = Path(__file__).parents[2]
KEY = "sk-contract-7351"
"""What the loopback servers take."""
SPOKEN = {
    "help-you-today": "How can I help you today?",
    "afternoon": "Somebody will call you back this afternoon.",
    "thank-you": "Hello, thank you for calling.",
}
"""Recordings in tests/samples/speech, in the order in which every caller says them: a loopback
ear is told the words, a real one hears them."""
TIER = Tier(target_s=3, stt=("-",), llm=("-",), tts=("-",))
LOCAL = Local(cores=2, silent_s=10, restart_max_s=0.5)


@dataclass(frozen=True, slots=True)
class Subject:
    """An open engine, and what is behind it."""

    name: str
    engine: Any
    busy: Callable[[], int]
    """Requests and streams that what is behind it has not ended."""
    paid: Callable[[], int]
    """What was asked so far that a provider would bill; the unit is its own."""
    die: Callable[[], None]
    """What is behind it dies in mid-work: its connections or its process."""


Setup = Callable[[str], AbstractAsyncContextManager[Subject]]
"""Opens a subject that nobody has used, with this key in the environment."""


@contextlib.asynccontextmanager
async def opened(name: str, **settings: Any) -> AsyncIterator[Any]:
    """An engine as the runtime opens it."""
    table = settings_types()[name][1].model_validate(settings)
    config = Config(tiers={"-": TIER}, engines={name: table}, base_dir=ROOT, local=LOCAL)
    async with (
        open_compute(config.local) as compute,
        open_engines([name], config, compute) as engines,
    ):
        yield engines[name]


@contextlib.contextmanager
def secret(name: str, value: str) -> Any:
    """A secret in the environment."""
    with mock.patch.dict(os.environ, {name: value}):
        os.environ.pop("CREDENTIALS_DIRECTORY", None)
        yield


@contextlib.asynccontextmanager
async def on_deepgram(name: str, key: str) -> AsyncIterator[Subject]:
    words = tuple(Utterance(text) for text in SPOKEN.values())
    async with deepgram.open_server(DeepgramScript(words, KEY)) as server:
        with secret("DEEPGRAM_API_KEY", key):
            async with opened(name, base_url=server.url) as engine:

                def billed() -> int:
                    return sum(item.audio_bytes for item in server.connections)

                yield Subject(name, engine, lambda: server.open, billed, server.drop_all)


@contextlib.asynccontextmanager
async def on_chat_completions(name: str, key: str) -> AsyncIterator[Subject]:
    script = GroqScript(
        dialect="groq" if name == "groq" else "openai",
        key=KEY,
        reply=lambda text: ["Certainly:", *(f" {n}" for n in range(15))],
        token_s=0.005,
        models_together=2,
    )
    async with groq.open_server(script) as server:
        settings = {"base_url": server.url, "model": script.models[0]}
        if name == "openai":
            settings |= {"base_url": f"{server.url}/v1", "credential": "GROQ_API_KEY"}
        with secret("GROQ_API_KEY", key):
            async with opened(name, **settings) as engine:
                yield Subject(
                    name,
                    engine,
                    lambda: server.unfinished,
                    lambda: len(server.replies),
                    server.drop_all,
                )


@contextlib.asynccontextmanager
async def on_cartesia(name: str, key: str) -> AsyncIterator[Subject]:
    async with cartesia.open_server(CartesiaScript(key=KEY, speed=10)) as server:
        with secret("CARTESIA_API_KEY", key):
            async with opened(name, base_url=server.url) as engine:
                yield Subject(
                    name,
                    engine,
                    lambda: server.generating + engine.pool.contexts,
                    lambda: len(server.transcripts),
                    server.drop_all,
                )


@contextlib.asynccontextmanager
async def on_this_machine(name: str, key: str, **settings: Any) -> AsyncIterator[Subject]:
    async with opened(name, **settings) as engine:
        await engine.warm()

        def busy() -> int:
            status = engine.status()
            return int(status.active + status.queued)

        def die() -> None:
            os.kill(int(engine.status().detail["pid"]), signal.SIGKILL)

        yield Subject(name, engine, busy, lambda: 0, die)


SETUPS: dict[str, Setup] = {
    "faster-whisper": partial(on_this_machine, "faster-whisper"),
    "deepgram": partial(on_deepgram, "deepgram"),
    "deepgram-flux": partial(on_deepgram, "deepgram-flux"),
    "llamacpp": partial(on_this_machine, "llamacpp", sequences=4, context_tokens=512),
    "groq": partial(on_chat_completions, "groq"),
    "openai": partial(on_chat_completions, "openai"),
    "piper": partial(on_this_machine, "piper"),
    "smart-turn": partial(on_this_machine, "smart-turn"),
    "cartesia": partial(on_cartesia, "cartesia"),
}


async def until(claim: Callable[[], object]) -> None:
    """Return once the claim holds; the test's timeout is the limit."""
    while not claim():
        await asyncio.sleep(0.005)


def open_sockets() -> int:
    """Sockets of this process, those of the loopback servers among them."""
    count = 0
    for descriptor in os.listdir("/proc/self/fd"):
        with contextlib.suppress(OSError):  # the listing's own is gone again
            count += os.readlink(f"/proc/self/fd/{descriptor}").startswith("socket:")
    return count


def open_tasks() -> int:
    """Tasks of this loop, but for those in which the loopback servers answer."""
    servers = ("aiohttp/web_protocol.py", "/tests/servers/")
    works = [task.get_coro() for task in asyncio.all_tasks()]
    files = [work.cr_code.co_filename for work in works if inspect.iscoroutine(work)]
    return sum(not any(part in file for part in servers) for file in files)


@contextlib.asynccontextmanager
async def leaving_nothing(subject: Subject) -> AsyncIterator[None]:
    """What happens inside leaves no work, no task and no socket behind."""
    await subject.engine.warm()  # else what it keeps open anyway would count as left behind
    tasks, sockets = open_tasks(), open_sockets()
    yield
    await until(lambda: subject.busy() == 0)
    await until(lambda: open_tasks() <= tasks)
    await until(lambda: open_sockets() <= sockets)
