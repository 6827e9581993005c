import asyncio
import os
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pytest
from pydantic import BaseModel

from tests.fakes.call import GREETING, Stage, make_config
from tests.fakes.text_to_speech import FakeTextToSpeech
from voxd.config import Config
from voxd.contracts import Engine
from voxd.dialog.conversation import system_prompt
from voxd.errors import Category, EngineError, ModelError, Phase
from voxd.storage.speech_cache import SpeechCache, SpeechKey
from voxd.warmup import engine_fingerprints, missing_models, warm_up

FAILURE = EngineError("fake-tts", Category.SERVER, Phase.CONNECT, "broken")


def make_stage(config: Config | None = None, cache: SpeechCache | None = None) -> Stage:
    """A stage whose voice costs no time."""
    return Stage(
        tts=FakeTextToSpeech(first_s=0.0, speed=1e6),
        config=config or make_config(),
        cache=cache or SpeechCache(None),
    )


def engines_of(stage: Stage) -> dict[str, Engine]:
    return {engine.name: engine for engine in (stage.stt, stage.llm, stage.tts)}


async def warm(stage: Stage) -> list[str]:
    steps: list[str] = []
    await warm_up(stage.config, engines_of(stage), stage.cache, steps.append)
    return steps


def with_engines(config: Config, **engines: object) -> Config:
    return config.model_copy(update={"engines": engines})


async def test_phrases_are_rendered_and_the_prompt_is_read() -> None:
    stage = make_stage()
    steps = await warm(stage)
    assert stage.cache.get(SpeechKey(GREETING, "en", "fake-tts", ""))
    (messages,) = stage.llm.prepared
    assert [(m.role, m.content) for m in messages] == [("system", system_prompt(stage.config))]
    assert stage.llm.sequences == set()
    assert {step.split()[0] for step in steps} == {"loading", "fake-stt", "fake-llm", "fake-tts"}


async def test_each_agents_prompt_is_read_by_the_models_that_speak_its_language() -> None:
    agents = {
        "night": {"prompt": "It is late."},
        "noche": {"language": "es", "prompt": "Es tarde."},
    }
    numbers = {f"+{number}": {"agent": name} for number, name in enumerate(agents)}
    stage = make_stage(make_config(agents=agents, numbers=numbers))
    stage.llm.capabilities = replace(stage.llm.capabilities, languages=("en",))
    await warm(stage)
    prompts = [messages[0].content for messages in stage.llm.prepared]
    assert prompts == [
        system_prompt(stage.config),
        f"It is late.\n\nYou answered the telephone with: {GREETING}",
    ]


def cloud_voice(*languages: str) -> FakeTextToSpeech:
    """A voice that is paid by the character."""
    voice = FakeTextToSpeech(first_s=0.0, speed=1e6, name="cloud-tts")
    voice.capabilities = replace(voice.capabilities, is_local=False, languages=languages)
    return voice


async def test_a_voice_that_cannot_be_reached_still_has_its_stored_phrases(tmp_path: Path) -> None:
    """What its callers hear of the trouble is the apology in their language."""
    config = make_config(
        tier={"tts": ["cloud-tts", "fake-tts"]}, numbers={"+1": {"language": "es"}}
    )
    apology = SpeechKey(config.dialled("+1").phrases.failure, "es", "cloud-tts", "")
    for is_reached in (True, False):
        stage = make_stage(config, SpeechCache(tmp_path))
        voice = cloud_voice()

        async def refuse() -> None:
            raise EngineError("cloud-tts", Category.CONNECTIVITY, Phase.CONNECT, "no network")

        if not is_reached:
            voice.warm = refuse  # type: ignore[method-assign]
        engines = {**engines_of(stage), voice.name: voice}
        failed = await warm_up(config, engines, stage.cache, lambda _: None)
        assert set(failed) == (set() if is_reached else {"cloud-tts"})
        assert stage.cache.get(apology)
        assert bool(voice.texts) == is_reached


async def test_in_turns_no_ear_and_no_voice_is_missed() -> None:
    tables = {"tier": {"transport": "twiml"}, "server": {"public_url": "https://voice.example.com"}}
    stage = make_stage(make_config(**tables))
    engines = {"fake-llm": stage.llm}
    failed = await warm_up(stage.config, engines, stage.cache, lambda _: None)
    assert failed == {}


async def test_an_engine_that_fails_costs_nothing_while_another_of_its_kind_is_well() -> None:
    stage = make_stage(make_config(tier={"tts": ["cloud-tts", "fake-tts"]}))
    voice = cloud_voice()

    async def fail() -> None:
        raise EngineError("cloud-tts", Category.AUTH, Phase.CONNECT, "a bad key")

    voice.warm = fail  # type: ignore[method-assign]
    steps: list[str] = []
    engines = {**engines_of(stage), voice.name: voice}
    failed = await warm_up(stage.config, engines, stage.cache, steps.append)
    assert set(failed) == {"cloud-tts"}
    assert any("a bad key" in step for step in steps)


async def test_an_engine_that_could_not_be_opened_is_none_to_rely_on() -> None:
    stage = make_stage(make_config(tier={"tts": ["cloud-tts"]}))
    refused = EngineError("cloud-tts", Category.BAD_REQUEST, Phase.CONNECT, "no SDK")
    with pytest.raises(EngineError, match="no SDK"):
        await warm_up(
            stage.config, engines_of(stage), stage.cache, lambda _: None, {"cloud-tts": refused}
        )


async def test_without_any_engine_of_a_kind_the_start_fails() -> None:
    stage = make_stage()

    async def fail() -> None:
        raise FAILURE

    stage.tts.warm = fail  # type: ignore[method-assign]
    with pytest.raises(EngineError, match="broken"):
        await warm(stage)


async def test_a_damaged_model_fails_the_start_as_what_it_is() -> None:
    stage = make_stage()

    async def fail() -> None:
        raise ModelError("/models/x is damaged")

    stage.stt.warm = fail  # type: ignore[method-assign]
    with pytest.raises(ModelError, match="damaged"):
        await warm(stage)


async def test_a_prompt_that_cannot_be_read_ahead_does_not_matter() -> None:
    stage = make_stage()

    async def fail(*_: object) -> None:
        raise FAILURE

    stage.llm.prepare = fail  # type: ignore[method-assign]
    assert "fake-llm" in "".join(await warm(stage))


async def test_engines_warm_side_by_side() -> None:
    stage = make_stage()
    together = asyncio.Barrier(3)

    async def meet() -> None:
        async with asyncio.timeout(5):
            await together.wait()

    for engine in (stage.stt, stage.llm, stage.tts):
        engine.warm = meet  # type: ignore[method-assign]
    await warm(stage)


class Voice(BaseModel):
    voice: str
    length_scale: float = 1.0
    first_audio_s: float = 1.0


def test_a_fingerprint_changes_with_what_is_heard_and_with_the_file(tmp_path: Path) -> None:
    config = make_config().model_copy(update={"base_dir": tmp_path})
    (tmp_path / "v.onnx").write_bytes(b"one")

    def fingerprint(voice: Voice) -> str:
        return engine_fingerprints(with_engines(config, piper=voice), ["piper"])["piper"]

    first = fingerprint(Voice(voice="v.onnx"))
    assert fingerprint(Voice(voice="v.onnx")) == first
    assert fingerprint(Voice(voice="v.onnx", length_scale=1.2)) != first
    assert fingerprint(Voice(voice="v.onnx", first_audio_s=9.0)) == first
    os.utime(tmp_path / "v.onnx", (1, 1))
    assert fingerprint(Voice(voice="v.onnx")) != first


def test_missing_weights_are_named_with_what_to_do(tmp_path: Path) -> None:
    config = with_engines(
        make_config().model_copy(update={"base_dir": tmp_path}),
        piper=SimpleNamespace(voice="models/v.onnx"),
        llamacpp=SimpleNamespace(model="here.gguf"),
    )
    (tmp_path / "here.gguf").touch()
    (problem,) = missing_models(config, ["piper", "llamacpp"])
    assert problem.key == "engines.piper.voice"
    assert str(tmp_path / "models" / "v.onnx") in problem.message
    assert "scripts/fetch-models" in problem.message
