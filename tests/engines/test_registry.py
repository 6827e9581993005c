"""Engines are found by name, opened side by side and closed again; local ones really work."""

import asyncio
import contextlib
import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from tests.servers import cartesia_script, groq_script
from voxd.config import Config, Local, load_config
from voxd.contracts import SpeechRequest
from voxd.engines import registry
from voxd.engines.local.compute import open_compute
from voxd.engines.registry import REGISTRY, open_engines, settings_types
from voxd.errors import ModelError

ROOT = Path(__file__).parents[2]


def test_every_engine_declares_what_the_registry_says() -> None:
    for entry in REGISTRY:
        module = registry._module(entry.name)
        assert module.CAPABILITIES.kind is entry.kind
        assert module.CAPABILITIES.is_local is entry.is_local
        assert callable(module.open_engine)


def test_every_local_engine_names_the_library_that_it_needs(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for entry in REGISTRY:
        assert bool(entry.library) is entry.is_local
        assert registry.missing_library(entry.name) is None
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    assert registry.missing_library("piper") == "piper"
    assert registry.missing_library("groq") is None


def test_importing_engines_imports_no_model_library() -> None:
    code = (
        "import sys; from voxd.engines.registry import settings_types; settings_types(); "
        "print([name for name in ('faster_whisper', 'ctranslate2', 'piper', 'onnxruntime',"
        " 'llama_cpp', 'groq', 'deepgram', 'cartesia', 'httpx', 'websockets')"
        " if name in sys.modules])"
    )
    assert subprocess.run([sys.executable, "-c", code], capture_output=True).stdout == b"[]\n"


def test_the_shipped_config_is_valid_for_the_registered_engines() -> None:
    config = load_config(ROOT / "config.toml", settings_types())
    assert set(config.engines) == {entry.name for entry in REGISTRY}


def test_no_shipped_model_was_shut_down() -> None:
    """Providers' lists of 2026-11: Groq's Llamas and Cartesia's sonic of before 3 are gone."""
    engines = load_config(ROOT / "config.toml", settings_types()).engines
    assert engines["groq"].model in groq_script.MODELS
    assert engines["cartesia"].model in cartesia_script.MODELS


class Recorded:
    """An engine module that notes when it opens and closes."""

    def __init__(self, log: list[str], error: Exception | None = None) -> None:
        self.log = log
        self.error = error

    @contextlib.asynccontextmanager
    async def open_engine(self, name: str, settings: Any, services: Any) -> AsyncIterator[Any]:
        if self.error is not None:
            raise self.error
        async with asyncio.TaskGroup():  # may only be left by the task that entered it
            self.log.append(f"open {name}")
            try:
                yield SimpleNamespace(name=name)
            finally:
                self.log.append(f"close {name}")


async def test_engines_open_together_and_close_together(monkeypatch: pytest.MonkeyPatch) -> None:
    log: list[str] = []
    monkeypatch.setattr(registry, "_module", lambda name: Recorded(log))
    config = Config.model_construct(engines={"a": None, "b": None})
    async with open_engines(["b", "a", "b"], config, None) as engines:  # type: ignore[arg-type]
        assert [engines[name].name for name in ("a", "b")] == ["a", "b"]
        assert sorted(log) == ["open a", "open b"]
    assert sorted(log[2:]) == ["close a", "close b"]


async def test_one_engine_that_fails_to_open_closes_the_others(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    log: list[str] = []
    modules = {"good": Recorded(log), "bad": Recorded(log, ModelError("damaged"))}
    monkeypatch.setattr(registry, "_module", modules.__getitem__)
    config = Config.model_construct(engines={"good": None, "bad": None})
    with pytest.raises(ModelError, match="damaged"):
        async with open_engines(["good", "bad"], config, None):  # type: ignore[arg-type]
            raise AssertionError("must not open")
    assert log in ([], ["open good", "close good"])


@pytest.mark.weights
async def test_what_piper_says_whisper_understands() -> None:
    """Both engines through their worker processes, the scheduler and the contracts."""
    config = load_config(ROOT / "config.toml", settings_types())
    async with (
        open_compute(Local(cores=2, silent_s=5)) as compute,
        open_engines(["faster-whisper", "piper"], config, compute) as engines,
    ):
        piper: Any = engines["piper"]
        whisper: Any = engines["faster-whisper"]
        request = SpeechRequest("call", 1, "en", "")
        async with piper.open_speech(request) as speech:
            text = "We are open from nine to five."
            mulaw = b"".join([piece async for piece in speech.speak(text, is_last=True)])
        async with whisper.open_stream("call", "en") as stream:
            now = asyncio.get_running_loop().time()
            stream.speech_started(now)
            for start in range(0, len(mulaw), 160):
                now += 0.02
                stream.push(mulaw[start : start + 160], now)
            stream.flush(now)
            transcript = await anext(aiter(stream))
        assert "we are open" in transcript.text.lower()
        assert piper.status().latency_p50_s > 0
        assert compute.load().queued == 0
