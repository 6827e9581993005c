"""The greeting of a call that rings: rendered once, in its voice, and never a call's trouble."""

import logging

import pytest

from tests.fakes.call import Stage, make_config
from tests.fakes.text_to_speech import FakeTextToSpeech
from voxd.config import Config, Number
from voxd.contracts import Priority
from voxd.errors import Category, EngineError, Phase
from voxd.lookup.directory import Directory
from voxd.server.ahead import render_greeting
from voxd.storage.speech_cache import SpeechKey

AGENT = {"greeting": "Hello {name}."}
SPOKEN = "Hello Ada."
KEY = SpeechKey(SPOKEN, "en", "fake-tts", "")


def stage_with(**agent: object) -> Stage:
    config = make_config(agent={**AGENT, **agent}, variables={"name": "Ada"})
    return Stage(tts=FakeTextToSpeech(first_s=0.0, speed=1e6), config=config)


def seen(config: Config) -> Config:
    """The config as a call that we place sees it."""
    return Directory(config).see(Number(), "+15550100", "+15550199", is_outbound=True)


async def render(stage: Stage, limit_s: float = 5.0) -> bytes | None:
    await render_greeting(stage.runtime, seen(stage.config), "CA1", limit_s)
    return stage.cache.get(KEY)


async def test_a_greeting_that_names_somebody_lies_ready_and_is_made_once() -> None:
    stage = stage_with()
    assert await render(stage)
    assert await render(stage)
    assert stage.tts.texts == [SPOKEN]
    (request,) = stage.tts.requests
    assert request.priority is Priority.SPECULATION
    assert request.call_id != "CA1"


async def test_it_is_said_as_the_agent_speaks() -> None:
    stage = stage_with(voices={"fake-tts": "owl"}, speed=0.8)
    await render(stage)
    (request,) = stage.tts.requests
    (delivery,) = stage.tts.deliveries
    assert (request.voice, delivery.speed) == ("owl", 0.8)
    assert stage.cache.get(SpeechKey(SPOKEN, "en", "fake-tts", "owl", delivery.key))


async def test_a_voice_that_fails_is_noted_and_nothing_is_kept() -> None:
    stage = stage_with()
    stage.tts.breaks = {SPOKEN: 0.2}
    before = stage.runtime.board.verdict("fake-tts")
    for _ in range(3):
        assert await render(stage) is None
    assert stage.runtime.board.verdict("fake-tts") != before
    assert stage.tts.active == 0


async def test_a_voice_that_hangs_is_given_up(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    stage = stage_with()
    stage.tts.stalls = {SPOKEN: 0.0}
    assert await render(stage, limit_s=0.02) is None
    assert stage.tts.active == 0
    assert "greeting was not ready in time" in caplog.messages
    assert "Ada" not in caplog.text


async def test_without_a_voice_nothing_is_asked() -> None:
    stage = stage_with()
    for _ in range(3):
        error = EngineError("fake-tts", Category.AUTH, Phase.CONNECT, "scripted")
        stage.runtime.board.record_error(error)
    assert await render(stage) is None
    assert stage.tts.requests == []


async def test_in_turns_twilio_speaks() -> None:
    config = make_config(
        agent=AGENT,
        variables={"name": "Ada"},
        tier={"transport": "twiml"},
        server={"public_url": "https://voice.example.com"},
    )
    stage = Stage(config=config)
    assert await render(stage) is None
    assert stage.tts.requests == []
