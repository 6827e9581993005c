"""Whole calls whose model writes tags: they change how it sounds, and nothing else."""

import pytest

from tests.engines.tts.test_piper import ScriptedWorker
from tests.fakes.call import GREETING, Running, Stage, live_call, make_config
from tests.fakes.language_model import FakeLanguageModel, said
from tests.fakes.text_to_speech import FakeTextToSpeech
from tests.scenarios.duet import Duet, duet_config
from voxd.contracts import PLAIN, Delivery
from voxd.engines.tts.piper import PiperTextToSpeech, Settings
from voxd.events import ClauseStarted, ClauseWritten, EngineSwitched, Event, PlaybackFinished

TAGGED = (
    'Let me see. <emotion value="sympathetic"/>I am sorry to hear that. [laughter] '
    '<speed ratio="0.9"/>It costs $5 in all.'
)
TEXTS = ["Let me see.", "I am sorry to hear that.", "It costs $5 in all."]
SPOKEN = ["Let me see.", "I am sorry to hear that.", "It costs five dollars in all."]
SORRY = "sympathetic"
AGENT = {"emotion": "content", "speed": 1.2}
OWN = Delivery("content", 1.2)


def stage_on(emotions: str, **agent: object) -> Stage:
    config = make_config(tier={"emotions": emotions}, agent={**AGENT, **agent})
    return Stage(config=config, llm=FakeLanguageModel(said(TAGGED), said("You are welcome.")))


async def talk(stage: Stage, call: Running) -> None:
    """The greeting and two turns, each heard to its end."""
    for turn, words in enumerate(["When are you open?", "Thank you."], 2):
        await call.wait_for(PlaybackFinished, turn - 1)
        await stage.line.say(words)
    await call.wait_for(PlaybackFinished, 3)


@pytest.mark.parametrize(
    ("emotions", "deliveries"),
    [
        ("none", [Delivery(speed=1.2)] * 3),
        ("presets", [OWN, Delivery(SORRY, 1.2), Delivery(SORRY, 1.2)]),
        ("full", [OWN, Delivery(SORRY, 1.2), Delivery(SORRY, 1.08, has_laughter=True)]),
    ],
)
async def test_tags_are_heard_in_the_voice_and_nowhere_else(
    emotions: str, deliveries: list[Delivery]
) -> None:
    stage = stage_on(emotions)
    async with live_call(stage) as call:
        await talk(stage, call)
    own = deliveries[0]
    assert stage.tts.texts == [GREETING, *SPOKEN, "You are welcome."]
    assert stage.tts.deliveries == [own, *deliveries, own]
    assert [clause.text for clause in call.all(ClauseStarted)][1:4] == TEXTS
    assert [clause.text for clause in call.all(ClauseWritten)][1:4] == TEXTS
    system, _, answer, _ = stage.llm.requests[-1].messages
    assert answer.content == " ".join(TEXTS)
    assert ("<emotion" in system.content) == (emotions != "none")
    assert ("[laughter]" in system.content) == (emotions == "full")
    events = repr([item for _, item in call.call.journal.entries if isinstance(item, Event)])
    assert "emotion" not in events and "laughter" not in events


async def test_a_preset_that_the_agent_lacks_has_no_effect() -> None:
    stage = stage_on("presets", emotion_presets=("content", "excited"))
    async with live_call(stage) as call:
        await talk(stage, call)
    assert stage.tts.deliveries == [OWN] * 5


async def test_the_same_words_in_another_tone_are_not_taken_from_the_cache() -> None:
    stage = stage_on("full")
    sad, plain = '<emotion value="sad"/>You are right.', "You are right."
    stage.llm.scripts = (said(sad), said(plain))
    async with live_call(stage) as call:
        await talk(stage, call)
    assert stage.tts.deliveries == [OWN, Delivery("sad", 1.2), OWN]


async def test_the_next_voice_keeps_the_delivery() -> None:
    stage = Duet(config=duet_config(agent=AGENT))
    tiers = {name: tier.model_copy(update={"emotions": "full"}) for name, tier in
             stage.config.tiers.items()}  # fmt: skip
    stage.config = stage.config.model_copy(update={"tiers": tiers})
    stage.llm_plays(said(TAGGED))
    stage.tts.breaks[SPOKEN[1]] = 0.6
    async with live_call(stage) as call:
        await call.wait_for(PlaybackFinished)
        await stage.line.say("When are you open?")
        await call.wait_for(PlaybackFinished, 2)
    assert call.all(EngineSwitched)
    assert stage.spare_tts.deliveries == [
        Delivery(SORRY, 1.2),
        Delivery(SORRY, 1.08, has_laughter=True),
    ]
    assert stage.spare_tts.texts[-1] == SPOKEN[2]


async def test_a_voice_without_emotions_gets_rate_and_level() -> None:
    worker = ScriptedWorker()
    worker.piece = bytes([1]) * 4000
    piper = PiperTextToSpeech("fake-tts", Settings(), worker)  # type: ignore[arg-type]
    stage = stage_on("full")
    stage.tts = piper  # type: ignore[assignment]
    async with live_call(stage) as call:
        await talk(stage, call)
    params = [params for params, _ in worker.requests]
    assert [it["text"] for it in params] == [GREETING, *SPOKEN, "You are welcome."]
    scales = [it["length_scale"] for it in params]
    assert scales == [0.833, 0.833, 0.896, 0.996, 0.833]
    assert [it["level_dbfs"] for it in params] == [-20.0, -20.0, -20.92, -20.92, -20.0]


async def test_plain_agents_are_spoken_plainly() -> None:
    stage = Stage(llm=FakeLanguageModel(said("Yes it is.")), tts=FakeTextToSpeech())
    async with live_call(stage) as call:
        await call.wait_for(PlaybackFinished)
        await stage.line.say("When are you open?")
        await call.wait_for(PlaybackFinished, 2)
    assert set(stage.tts.deliveries) == {PLAIN}
