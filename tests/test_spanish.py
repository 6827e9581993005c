"""A Spanish number on the real SDKs: its phrases are rendered once, and are what its callers hear
when its only voice is gone. The providers are stand-ins on loopback, not the services.
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.fakes.call import Stage, live_call
from tests.fakes.line import FakeLine
from tests.servers import cartesia, deepgram, groq
from tests.servers.cartesia_script import Refusal
from tests.servers.cartesia_script import Script as VoiceScript
from tests.servers.deepgram_script import Script as EarScript
from tests.servers.deepgram_script import Utterance
from tests.servers.groq_script import Script as ModelScript
from voxd.config import Config, parse_config
from voxd.engines.registry import settings_types
from voxd.events import ClauseStarted, ClauseWritten, EngineFailed, Kind, PlaybackFinished
from voxd.phrases import SHIPPED
from voxd.runtime import open_runtime

NUMBER = "+15550100"
GREETING = "¡Hola!"
KEY = "test-key"
TIER = {"target_s": 1.0, "stt": ["deepgram"], "llm": ["groq"], "tts": ["cartesia"]}


@dataclass
class Providers:
    """The three stand-ins."""

    ear: Any
    model: Any
    voice: Any

    def config(self, directory: Path) -> Config:
        """Calls in English, and one Spanish number, with no engine on this machine."""
        raw = {
            "call": {"tier": "cloud"},
            "tiers": {"cloud": {**TIER, "filler_after_s": 2.0, "turn": []}},
            "agents": {"sol": {"language": "es", "prompt": "Sé breve.", "greeting": GREETING}},
            "numbers": {NUMBER: {"agent": "sol"}},
            "cache": {"directory": str(directory)},
            "engines": {
                "deepgram": {"base_url": self.ear.url},
                "groq": {"base_url": self.model.url, "model": self.model.script.models[0]},
                "cartesia": {"base_url": self.voice.url},
            },
        }
        return parse_config(raw, settings_types(), base_dir=directory, source="test")

    def said_in(self, language: str) -> list[str]:
        """What the voice was asked to speak in a language, in order."""
        heard = [item for item in self.voice.heard if item.language == language]
        return [item.transcript for item in heard if item.transcript]


@pytest.fixture
async def providers(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Providers]:
    for name in ("DEEPGRAM_API_KEY", "GROQ_API_KEY", "CARTESIA_API_KEY"):
        monkeypatch.setenv(name, KEY)
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    async with contextlib.AsyncExitStack() as stack:
        ear = EarScript((Utterance("¿Cuándo abren los domingos?"),), KEY)
        words = ["Abrimos", " a", " las", " nueve."]
        model = ModelScript(key=KEY, reply=lambda _: words)
        yield Providers(
            await stack.enter_async_context(deepgram.open_server(ear)),
            await stack.enter_async_context(groq.open_server(model)),
            await stack.enter_async_context(cartesia.open_server(VoiceScript(key=KEY))),
        )


async def test_spanish_phrases_are_paid_for_once(providers: Providers, tmp_path: Path) -> None:
    config = providers.config(tmp_path)
    steps: list[str] = []
    async with open_runtime(config, steps.append):
        pass
    spanish = config.dialled(NUMBER).phrases
    assert set(providers.said_in("es")) == {
        *(GREETING, spanish.failure, spanish.too_slow, spanish.did_not_catch),
        *(spanish.reprompt, spanish.goodbye, *spanish.fillers, *spanish.common),
        *(spanish.time_warning, config.dialled(NUMBER).closing_words),
    }
    assert SHIPPED["en"]["greeting"] in providers.said_in("en")
    assert any("cartesia renders its phrases" in step for step in steps)
    count = len(providers.voice.transcripts)
    async with open_runtime(config):
        pass
    assert len(providers.voice.transcripts) == count
    assert providers.voice.complaints == []


async def test_without_its_voice_the_stored_apology_is_heard(
    providers: Providers, tmp_path: Path
) -> None:
    config = providers.config(tmp_path)
    async with open_runtime(config) as runtime:
        stage = Stage(line=FakeLine(parameters={"to": NUMBER}))
        stage.runtime = runtime
        async with live_call(stage) as call:
            await call.wait_for(PlaybackFinished)
            asked = len(providers.voice.transcripts)
            providers.voice.script.refusal = Refusal(503)
            providers.voice.drop_all()
            stage.line.speak("¿Cuándo abren los domingos?", 1.2)
            apology = await call.wait_for(ClauseStarted, 2)
            await call.wait_for(PlaybackFinished, 2)
            await asyncio.sleep(0)
    assert apology.text == SHIPPED["es"]["too_slow"]
    assert {failed.kind for failed in call.all(EngineFailed)} == {Kind.TTS}
    sources = {event.text: event.engine for event in call.all(ClauseWritten)}
    assert sources[GREETING] == sources[apology.text] == "cache"
    asked_of_model = providers.model.replies[-1].body["messages"]
    assert asked_of_model[-1]["content"] == "¿Cuándo abren los domingos?"
    assert asked_of_model[0]["content"].startswith("Sé breve.")
    assert len(providers.voice.transcripts) == asked
