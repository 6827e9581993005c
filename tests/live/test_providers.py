"""One small call to each real provider, with the engine settings of config.toml. Run by hand::

    DEEPGRAM_API_KEY=… GROQ_API_KEY=… CARTESIA_API_KEY=… ./scripts/test tests/live --live

A provider without a key is skipped. Each test says how long its engine took from here.
"""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.engines.setups import LOCAL, SPOKEN
from tests.engines.tts.claims import is_speech
from tests.engines.using import FIRST, LONG, asking, ends, recorded, speaking
from voxd.audio.framing import FrameCutter
from voxd.config import load_config
from voxd.contracts import (
    FRAME_S,
    LINE_RATE_HZ,
    PLAIN,
    Delivery,
    LanguageModel,
    SpeechToText,
    TextToSpeech,
    Usage,
)
from voxd.engines.local.compute import open_compute
from voxd.engines.registry import missing_secret, open_engines, settings_types

pytestmark = [pytest.mark.live, pytest.mark.timeout(60)]

CONFIG = Path(__file__).parents[2] / "config.toml"


@pytest.fixture
async def engine(request: pytest.FixtureRequest) -> AsyncIterator[object]:
    """The engine that the test's parameter names, warm."""
    config = load_config(CONFIG, settings_types())
    name = request.param
    if key := missing_secret(name, config.engines[name]):
        pytest.skip(f"{key} is not set")
    async with (
        open_compute(LOCAL) as compute,
        open_engines([name], config, compute) as engines,
    ):
        await engines[name].warm()
        yield engines[name]


def tell(capsys: pytest.CaptureFixture[str], name: str, what: str, seconds: float) -> None:
    with capsys.disabled():
        print(f"\n{name}: {what} after {seconds:.3f} s")


@pytest.mark.parametrize("engine", ["deepgram", "deepgram-flux"], indirect=True)
async def test_a_recording_is_understood(
    engine: SpeechToText, capsys: pytest.CaptureFixture[str]
) -> None:
    now = asyncio.get_running_loop().time
    cutter = FrameCutter()
    frames = [*cutter.push(recorded(FIRST)), *cutter.flush()]
    async with engine.open_stream("live", "en") as stream:
        began = now()
        stream.speech_started(began)
        speech_end = began + len(frames) * FRAME_S

        async def speak() -> None:
            for number in range(10_000):  # as a line does: it never stops, silence included
                await asyncio.sleep(max(0.0, began + number * FRAME_S - now()))
                frame = frames[number] if number < len(frames) else b"\xff" * 160
                stream.push(frame, began + (number + 1) * FRAME_S)
                if number == len(frames) + 5:
                    stream.flush(speech_end)

        speaking = asyncio.get_running_loop().create_task(speak())
        try:
            async for transcript in stream:
                if transcript.through >= speech_end:
                    tell(capsys, engine.name, "words", now() - speech_end)
                    break
        finally:
            speaking.cancel()
    assert ends(FIRST) in transcript.text.lower(), f"said was {SPOKEN[FIRST]!r}"


@pytest.mark.parametrize("engine", ["groq"], indirect=True)
async def test_a_reply_is_written(
    engine: LanguageModel, capsys: pytest.CaptureFixture[str]
) -> None:
    now = asyncio.get_running_loop().time
    asked_at = now()
    items: list[str | Usage] = []
    async for item in engine.stream_reply(asking(max_tokens=40)):
        if not items:
            tell(capsys, engine.name, "first token", now() - asked_at)
        items.append(item)
    assert isinstance(items[-1], Usage) and "".join(map(str, items[:-1])).strip()
    assert 0 < await engine.probe() < 10


@pytest.mark.parametrize("engine", ["cartesia"], indirect=True)
async def test_two_clauses_are_spoken(
    engine: TextToSpeech, capsys: pytest.CaptureFixture[str]
) -> None:
    now = asyncio.get_running_loop().time
    async with engine.open_speech(speaking()) as stream:
        for text, is_last in ((LONG, False), ("Is there anything else?", True)):
            asked_at, mulaw = now(), b""
            async for piece in stream.speak(text, is_last=is_last):
                if not mulaw:
                    tell(capsys, engine.name, "first audio", now() - asked_at)
                mulaw += piece
            assert is_speech(mulaw, text)


@pytest.mark.parametrize("engine", ["cartesia"], indirect=True)
async def test_deliveries_are_taken(
    engine: TextToSpeech, capsys: pytest.CaptureFixture[str]
) -> None:
    deliveries = [PLAIN, Delivery("sad"), Delivery(speed=1.4), Delivery(has_laughter=True)]
    async with engine.open_speech(speaking()) as stream:
        for delivery in deliveries:
            is_last = delivery is deliveries[-1]
            pieces = stream.speak(LONG, is_last=is_last, delivery=delivery)
            mulaw = b"".join([piece async for piece in pieces])
            tell(capsys, engine.name, f"audio of {delivery}", len(mulaw) / LINE_RATE_HZ)
            assert mulaw
