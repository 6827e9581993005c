"""Which voice speaks for the call, and that opening one costs the reply nothing."""

import asyncio

from tests.engines.failover.models import DEADLINES
from tests.engines.failover.recorder import Recorder, now
from tests.engines.failover.voices import REQUEST, STALL, Fault, WordVoice, saying
from tests.fakes.text_to_speech import FakeTextToSpeech
from voxd.engines.failover.tts import FailoverTextToSpeech
from voxd.errors import Category


async def test_it_speaks_for_the_voice_that_is_current() -> None:
    a, b = WordVoice("a", Fault(category=Category.SERVER)), WordVoice("b")
    async with saying(a, b) as it:
        assert (it.tts.name, it.tts.status().name) == ("a", "a")
        assert it.tts.capabilities is a.capabilities
        await it.tts.warm()
        assert await it.tts.probe() == 0.1
        await it.say("Hello there.")
        assert (it.tts.name, it.tts.status().name) == ("b", "b")


async def test_the_first_voice_is_opened_before_there_is_a_clause() -> None:
    async with saying(a := WordVoice("a", connect_s=0.3), WordVoice("b")) as it:
        await asyncio.sleep(0.5)
        assert a.active == 1
        assert (await it.say("Hello there.")).first_at == 0.1


async def test_opening_never_waits() -> None:
    before = now()
    async with saying(WordVoice("a", connect_s=STALL), WordVoice("b")):
        assert now() == before


async def test_a_change_of_voice_reaches_replies_that_are_opened_later() -> None:
    a, b = WordVoice("a", Fault(0.3, category=Category.SERVER)), WordVoice("b")
    async with saying(a, b) as it:
        await it.say("Hello there.")
        async with it.tts.open_speech(REQUEST) as stream:
            async for _ in stream.speak("Good morning.", is_last=True):
                pass
        assert (len(a.texts), a.opened) == (1, 1)
        assert b.texts[-1] == "Good morning."


async def test_each_engine_takes_the_voice_that_is_meant_for_it() -> None:
    a, b = FakeTextToSpeech(name="a"), FakeTextToSpeech(name="b")
    a.refusals = 1
    recorder = Recorder()
    tts = FailoverTextToSpeech([a, b], DEADLINES, recorder, recorder.post, now, {"b": "owl"})
    async with tts.open_speech(REQUEST) as stream:
        async for _ in stream.speak("Hello there.", is_last=True):
            pass
    assert {request.voice for request in a.requests} == {""}
    assert {request.voice for request in b.requests} == {"owl"}
