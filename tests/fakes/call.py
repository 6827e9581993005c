"""A whole call on the fakes: `async with live_call(...) as call`, in virtual time."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any, TypeVar, cast

from tests.fakes.language_model import FakeLanguageModel
from tests.fakes.line import FakeLine
from tests.fakes.speech_to_text import FakeSpeechToText
from tests.fakes.text_to_speech import FakeTextToSpeech
from tests.fakes.tools import FakeTools
from voxd.call.build import build_call
from voxd.call.live import LiveCall
from voxd.commands import Command
from voxd.config import Config
from voxd.contracts import Engine
from voxd.engines.health_board import HealthBoard
from voxd.events import EndReason, Event
from voxd.runtime import Runtime
from voxd.storage.speech_cache import SpeechCache
from voxd.twilio.media import Start

GREETING = "Hello there."
Item = TypeVar("Item", bound=Event | Command)


def make_config(
    *, interruptions: bool = True, tier: Mapping[str, Any] | None = None, **tables: Any
) -> Config:
    """A config whose only tier uses the fakes; `tier` changes keys of it."""
    default = {
        "target_s": 1.0,
        "stt": ["fake-stt"],
        "llm": ["fake-llm"],
        "tts": ["fake-tts"],
        "interruptions": interruptions,
        "wait_complete_s": 0.3,
        "wait_unknown_s": 0.6,
        "wait_incomplete_s": 1.0,
    }
    tiers = {"test": {**default, **(tier or {})}, **tables.pop("tiers", {})}
    agent = {"greeting": GREETING, **tables.pop("agent", {})}
    call = {"tier": "test", **tables.pop("call", {})}
    # What was said before is made again, unless a test is about that: voices are seen at work.
    cache = {"reply_characters": 0, **tables.pop("cache", {})}
    return Config.model_validate(
        {"tiers": tiers, "agent": agent, "call": call, "cache": cache, **tables}
    )


@dataclass
class Stage:
    """The fakes of one or more calls, and the config they share."""

    line: FakeLine = field(default_factory=FakeLine)
    llm: FakeLanguageModel = field(default_factory=FakeLanguageModel)
    tts: FakeTextToSpeech = field(default_factory=FakeTextToSpeech)
    config: Config = field(default_factory=make_config)
    cache: SpeechCache = field(default_factory=lambda: SpeechCache(None))
    more: list[Engine] = field(default_factory=list)
    """Engines beside the three."""
    tools: FakeTools = field(default_factory=FakeTools)
    """The operator's services."""
    stt: FakeSpeechToText = field(init=False)

    def __post_init__(self) -> None:
        self.stt = FakeSpeechToText(self.line.said)

    @property
    def engines(self) -> dict[str, Engine]:
        """Every engine by its name."""
        engines: list[Engine] = [self.stt, self.llm, self.tts, *self.more]
        return {engine.name: engine for engine in engines}

    @cached_property
    def runtime(self) -> Runtime:
        """What the calls of this stage share; asked for in the loop that runs them."""
        return make_runtime(self)

    def build(self, line: FakeLine | None = None) -> LiveCall:
        """The call of a line, ready to run."""
        line = line or self.line
        start = Start(line.stream_sid, line.call_sid, line.parameters)
        return build_call(self.runtime, start, line)


def make_runtime(stage: Stage, **parts: Any) -> Runtime:
    """What calls of this stage share, with some parts exchanged."""
    engines = stage.engines
    board = HealthBoard(
        {name: engine.capabilities for name, engine in engines.items()},
        asyncio.get_running_loop().time,
    )
    runtime = Runtime(stage.config, engines, stage.cache, board, tools=cast(Any, stage.tools))
    return replace(runtime, **parts)


class Running:
    """A call that runs, and what can be asked about it."""

    def __init__(self, call: LiveCall, task: "asyncio.Task[EndReason]") -> None:
        self.call = call
        self.task = task

    def all(self, kind: type[Item]) -> list[Item]:
        """Every event or command of a type, in order."""
        return [item for _, item in self.call.journal.entries if isinstance(item, kind)]

    async def wait_for(self, kind: type[Item], count: int = 1, limit_s: float = 60.0) -> Item:
        """The n-th event or command of a type, waiting for it up to `limit_s` of virtual time."""
        async with asyncio.timeout(limit_s):
            while len(found := self.all(kind)) < count:
                await asyncio.sleep(0.005)
        return found[count - 1]

    async def ended(self, limit_s: float = 60.0) -> EndReason:
        """Why the call ended, waiting for it."""
        async with asyncio.timeout(limit_s):
            return await asyncio.shield(self.task)


@asynccontextmanager
async def live_call(stage: Stage) -> AsyncIterator[Running]:
    """Run a call of this stage beside the test; at the end it is hung up and must end by itself."""
    call = stage.build()
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(stage.line.run())
        running = Running(call, tasks.create_task(call.run()))
        yield running
        if not running.task.done():
            stage.line.hang_up()
        await running.ended()
