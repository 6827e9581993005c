import asyncio
from dataclasses import replace
from pathlib import Path

import pytest

from tests.fakes.call import Stage, make_config, make_runtime
from tests.fakes.language_model import FakeLanguageModel
from voxd.config import load_config
from voxd.engines.registry import settings_types
from voxd.errors import ConfigError, ModelError
from voxd.runtime import background, open_runtime
from voxd.storage.speech_cache import SpeechKey

SHIPPED = Path(__file__).parent.parent / "config.toml"


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


async def test_a_language_that_nobody_speaks_is_told_before_any_worker_starts(
    tmp_path: Path,
) -> None:
    path = tmp_path / "config.toml"
    path.write_text(SHIPPED.read_text().replace('language = "en" ', 'language = "es" '))
    with pytest.raises(ConfigError, match="piper: does not speak es"):
        async with open_runtime(load_config(path, settings_types())):
            pass


async def test_sequences_are_kept_only_where_a_provider_can_be_lost() -> None:
    cloud = FakeLanguageModel(name="cloud-llm")
    cloud.capabilities = replace(cloud.capabilities, is_local=False)
    local = make_config(local={"shadow_calls": 3})
    both = make_config(tier={"llm": ["cloud-llm", "fake-llm"]}, local={"shadow_calls": 3})
    assert make_runtime(Stage(config=local, more=[cloud])).kept_sequences("fake-llm") == 0
    assert make_runtime(Stage(config=both, more=[cloud])).kept_sequences("fake-llm") == 3
    assert make_runtime(Stage(config=both)).kept_sequences("fake-llm") == 0


@pytest.mark.weights
async def test_the_shipped_config_opens_warm_and_closes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for key in ("DEEPGRAM_API_KEY", "GROQ_API_KEY", "CARTESIA_API_KEY"):
        monkeypatch.delenv(key, raising=False)
    config = load_config(SHIPPED, settings_types())
    cache = config.cache.model_copy(update={"directory": str(tmp_path / "speech")})
    records = config.records.model_copy(update={"database": str(tmp_path / "voxd.db")})
    config = config.model_copy(update={"cache": cache, "records": records})
    before = asyncio.all_tasks()
    async with open_runtime(config) as runtime:
        assert set(runtime.engines) == {"faster-whisper", "llamacpp", "piper", "smart-turn"}
        assert set(runtime.board.refused) == {"deepgram", "groq", "cartesia"}
        for engine in runtime.engines.values():
            assert 0 < await engine.probe() < 5
        key = SpeechKey(config.phrases.greeting, "en", "piper", "")
        greeting = runtime.speech_cache.get(key)
        assert greeting is not None and len(greeting) > 8000
        assert len(list((tmp_path / "speech").iterdir())) == 12
        assert runtime.engines["llamacpp"].status().detail["sequences_in_use"] == 0
        assert runtime.local_wait_s() >= 0.0
    assert asyncio.all_tasks() == before
