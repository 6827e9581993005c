import asyncio
from pathlib import Path

import pytest

from tests.fakes.call import make_config
from voxd.config import load_config
from voxd.engines.registry import settings_types
from voxd.errors import ModelError
from voxd.runtime import background, engine_names, open_runtime
from voxd.storage.speech_cache import SpeechKey

SHIPPED = Path(__file__).parent.parent / "config.toml"


def test_each_engine_is_named_once_in_the_order_of_the_chains() -> None:
    config = make_config()
    assert engine_names(config) == ("fake-stt", "fake-llm", "fake-tts")
    tier = config.tier().model_copy(update={"llm": ("cloud", "fake-llm"), "tts": ("cloud",)})
    config = config.model_copy(update={"tiers": {"test": tier}})
    assert engine_names(config) == ("fake-stt", "cloud", "fake-llm")


async def test_background_work_ends_with_the_body_and_its_error_passes_unwrapped() -> None:
    stopped = asyncio.Event()

    async def work() -> None:
        try:
            await asyncio.sleep(3600)
        finally:
            stopped.set()

    with pytest.raises(ValueError, match="body"):
        async with background(work()):
            await asyncio.sleep(0)
            raise ValueError("body")
    assert stopped.is_set()


async def test_missing_weights_are_told_before_any_worker_starts(tmp_path: Path) -> None:
    path = tmp_path / "config.toml"
    path.write_text(SHIPPED.read_text())
    config = load_config(path, settings_types())
    steps: list[str] = []
    with pytest.raises(ModelError, match="faster-whisper-tiny.en does not exist"):
        async with open_runtime(config, steps.append):
            pass
    assert steps == []


@pytest.mark.weights
async def test_the_shipped_config_opens_warm_and_closes(tmp_path: Path) -> None:
    config = load_config(SHIPPED, settings_types())
    cache = config.cache.model_copy(update={"directory": str(tmp_path / "speech")})
    config = config.model_copy(update={"cache": cache})
    before = asyncio.all_tasks()
    async with open_runtime(config) as runtime:
        assert set(runtime.engines) == {"faster-whisper", "llamacpp", "piper"}
        key = SpeechKey(config.agent.greeting, "en", "piper", "")
        greeting = runtime.speech_cache.get(key)
        assert greeting is not None and len(greeting) > 8000
        assert len(list((tmp_path / "speech").iterdir())) == 6
        assert runtime.engines["llamacpp"].status().detail["sequences_in_use"] == 0
        assert runtime.local_wait_s() >= 0.0
    assert asyncio.all_tasks() == before
