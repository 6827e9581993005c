"""A call in real time whose voice is the real Cartesia engine on a loopback server.

The server refuses every transcript with markup in it and every delivery that the service does not
know, so an empty list of complaints says that nothing of the kind was sent.
"""

from tests.engines.tts.cartesia_setup import on_loopback
from tests.fakes.call import GREETING, Stage, live_call, make_config
from tests.fakes.language_model import FakeLanguageModel, said
from tests.servers.cartesia_script import Script
from voxd.events import PlaybackFinished

TAGGED = (
    '**Well**, <emotion value="sad"/>I am sorry. [laughter] <volume ratio="1.2"/>It is $5 😀'
    " for [Your Name]."
)


async def test_deliveries_reach_cartesia_and_tags_do_not() -> None:
    config = make_config(
        tier={"tts": ["cartesia"], "emotions": "full"}, agent={"emotion": "content"}
    )
    async with on_loopback(Script(speed=0)) as (engine, server):
        await engine.warm()
        stage = Stage(config=config, llm=FakeLanguageModel(said(TAGGED)))
        stage.tts = engine  # type: ignore[assignment]
        async with live_call(stage) as call:
            await call.wait_for(PlaybackFinished)
            await stage.line.say("How much is it?", 0.6)
            await call.wait_for(PlaybackFinished, 2)
        assert not server.complaints
        spoken = [(item.transcript, item.generation) for item in server.heard if item.transcript]
    assert [(text and text.strip(), generation) for text, generation in spoken] == [
        (GREETING, {"emotion": "content"}),
        ("Well,", {"emotion": "content"}),
        ("I am sorry.", {"emotion": "sad"}),
        ("[laughter] It is five dollars for.", {"emotion": "sad", "volume": 1.2}),
    ]
