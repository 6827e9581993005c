"""Stock phrases to sound: which, in which voices, and how often."""

from dataclasses import replace
from pathlib import Path

import pytest

from tests.fakes.call import GREETING, make_config
from tests.fakes.text_to_speech import FakeTextToSpeech
from voxd.config import Config
from voxd.contracts import PLAIN, Delivery, Priority
from voxd.errors import EngineError
from voxd.phrases import SHIPPED
from voxd.rendering import Phrase, load_phrases, render_phrases, wanted_phrases
from voxd.storage.speech_cache import SpeechCache, SpeechKey

BOTH = {"tts": ["cloud-tts", "fake-tts"]}
SPANISH = {"+15550100": {"language": "es"}}


def voice_of(name: str, *languages: str, is_local: bool = True) -> FakeTextToSpeech:
    voice = FakeTextToSpeech(first_s=0.0, speed=1e6, name=name)
    voice.capabilities = replace(voice.capabilities, is_local=is_local, languages=languages)
    return voice


def cloud_voice(*languages: str) -> FakeTextToSpeech:
    """A voice that is paid by the character."""
    return voice_of("cloud-tts", *languages, is_local=False)


def wanted(config: Config, *voices: FakeTextToSpeech) -> dict[str, set[Phrase]]:
    found = wanted_phrases(config, {voice.name: voice for voice in voices})
    return {name: set(phrases) for name, phrases in found.items()}


async def start(config: Config, voice: FakeTextToSpeech, cache: SpeechCache) -> list[str]:
    """What a start of the daemon does for one voice; the lines for people."""
    lines: list[str] = []
    phrases = wanted_phrases(config, {voice.name: voice})[voice.name]
    missing = await load_phrases(voice.name, phrases, cache)
    await render_phrases(voice, missing, cache, lines.append)
    return lines


def test_everything_a_call_may_say_without_a_model_is_wanted() -> None:
    config = make_config(tier={"filler_after_s": 2.0}, cache={"reply_characters": 100})
    texts = {phrase.spoken for phrase in wanted(config, voice_of("fake-tts"))["fake-tts"]}
    phrases = config.phrases
    assert texts == {
        *(GREETING, phrases.failure, phrases.reprompt, phrases.did_not_catch),
        *(phrases.too_slow, phrases.goodbye, *phrases.fillers, *phrases.common),
        *(phrases.time_warning, config.closing_words),
    }
    assert phrases.busy not in texts  # Twilio's own voice says it
    assert phrases.hand_over not in texts  # nobody takes this agent's calls over


def test_who_is_handed_over_hears_that_instead_of_a_farewell() -> None:
    transfer = {"on_failure": "transfer", "transfer": {"number": "+15550123"}}
    config = make_config(agent=transfer, call={"warn_s": 0})
    texts = {phrase.spoken for phrase in wanted(config, voice_of("fake-tts"))["fake-tts"]}
    assert config.phrases.hand_over in texts
    assert not texts & {config.phrases.failure, config.phrases.time_warning}


def test_what_no_call_can_say_is_not_wanted() -> None:
    config = make_config(tier={"filler_after_s": 0.0}, cache={"reply_characters": 0})
    texts = {phrase.spoken for phrase in wanted(config, voice_of("fake-tts"))["fake-tts"]}
    assert not texts & {*config.phrases.fillers, *config.phrases.common}


def test_each_number_is_prepared_in_its_own_words_and_in_every_voice_of_its_tier() -> None:
    tiers = {"pro": {**make_config().tiers["test"].model_dump(), **BOTH}}
    agents = {"sol": {"language": "es", "greeting": "Clínica Sol."}, "night": {"greeting": "Hm."}}
    numbers = {"+1": {"agent": "sol", "tier": "pro"}, "+2": {"agent": "night", "tier": "test"}}
    config = make_config(tiers=tiers, agents=agents, numbers=numbers)
    found = wanted(config, cloud_voice("en", "es"), voice_of("fake-tts", "en"))
    assert {phrase.language for phrase in found["cloud-tts"]} == {"es"}
    assert Phrase("Clínica Sol.", "es") in found["cloud-tts"]
    assert {phrase.language for phrase in found["fake-tts"]} == {"en"}
    greetings = {Phrase(GREETING, "en"), Phrase("Hm.", "en")}
    assert greetings <= found["fake-tts"]


async def test_the_second_start_renders_nothing(tmp_path: Path) -> None:
    for voice in (voice_of("fake-tts"), cloud_voice()):
        config = make_config(tier={"tts": [voice.name]})
        await start(config, voice, SpeechCache(tmp_path))
        assert config.phrases.failure == voice.texts[0]  # the apologies come first
        count = len(voice.texts)
        assert count == len(set(voice.texts)) > 5
        cache = SpeechCache(tmp_path)
        assert await start(config, voice, cache) == []
        assert len(voice.last) == count
        assert cache.get(SpeechKey(GREETING, "en", voice.name, ""))


async def test_a_changed_phrase_is_rendered_alone(tmp_path: Path) -> None:
    await start(make_config(), voice_of("fake-tts"), SpeechCache(tmp_path))
    config = make_config(phrases={"en": {"goodbye": "Bye, then."}})
    again, cache = voice_of("fake-tts"), SpeechCache(tmp_path)
    await start(config, again, cache)
    assert again.texts == ["Bye, then."]
    assert cache.get(SpeechKey("Bye, then.", "en", "fake-tts", ""))


async def test_a_voice_that_is_paid_renders_only_what_the_next_start_will_find(
    tmp_path: Path,
) -> None:
    config = make_config(tier=BOTH)
    nowhere, refused = SpeechCache(None), SpeechCache(Path("/proc/voxd/speech"))
    voices = [cloud_voice() for _ in range(3)]
    await start(config, voices[0], nowhere)
    await start(config, voices[1], refused)
    await start(config, voices[2], SpeechCache(tmp_path))
    assert [len(voice.texts) for voice in voices[:2]] == [0, 1]
    assert len(voices[2].texts) > 5


async def test_a_voice_on_this_machine_renders_in_any_case() -> None:
    voice, cache = voice_of("fake-tts"), SpeechCache(None)
    await start(make_config(), voice, cache)
    assert cache.get(SpeechKey(GREETING, "en", "fake-tts", ""))
    assert {request.priority for request in voice.requests} == {Priority.GREETING}


async def test_spanish_is_rendered_in_spanish(tmp_path: Path) -> None:
    config = make_config(tier=BOTH, numbers=SPANISH)
    voice, cache = cloud_voice("es"), SpeechCache(tmp_path)
    await start(config, voice, cache)
    assert {request.language for request in voice.requests} == {"es"}
    for name in ("greeting", "did_not_catch", "goodbye"):
        assert cache.get(SpeechKey(str(SHIPPED["es"][name]), "es", "cloud-tts", ""))


def test_phrases_are_said_as_the_agent_speaks() -> None:
    """A greeting in another tone than the rest of the call would be another person's."""
    config = make_config(agents={"slow": {"speed": 0.8}}, numbers={"+1": {"agent": "slow"}})
    found = wanted(config, voice_of("fake-tts"))["fake-tts"]
    greetings = {phrase.delivery for phrase in found if phrase.spoken == GREETING}
    assert greetings == {PLAIN, Delivery(speed=0.8)}


async def test_progress_is_told_while_there_is_something_to_render(tmp_path: Path) -> None:
    count = len(wanted(make_config(), voice_of("fake-tts"))["fake-tts"])
    lines = await start(make_config(), voice_of("fake-tts"), SpeechCache(tmp_path))
    assert lines == [
        f"fake-tts renders its phrases ({done} of {count} done)" for done in range(0, count, 5)
    ]


async def test_a_voice_that_fails_says_so(tmp_path: Path) -> None:
    voice = cloud_voice()
    voice.refusals = 1
    with pytest.raises(EngineError):
        await start(make_config(tier=BOTH), voice, SpeechCache(tmp_path))
    assert list(tmp_path.iterdir()) == []


async def test_an_agents_own_voice_says_its_phrases_and_is_found_under_its_name() -> None:
    agents = {"night": {"voices": {"fake-tts": "owl"}}}
    config = make_config(agents=agents, numbers={"+1": {"agent": "night"}})
    voice, cache = voice_of("fake-tts"), SpeechCache(None)
    await start(config, voice, cache)
    assert {request.voice for request in voice.requests} == {"", "owl"}
    assert cache.get(SpeechKey(GREETING, "en", "fake-tts", "owl"))
    assert cache.get(SpeechKey(GREETING, "en", "fake-tts", ""))


def test_a_greeting_that_each_call_fills_in_is_not_said_ahead() -> None:
    config = make_config(agent={"greeting": "Hello {caller}."})
    texts = {phrase.spoken for phrase in wanted(config, voice_of("fake-tts"))["fake-tts"]}
    assert config.phrases.reprompt in texts
    assert not any("caller" in text for text in texts)


def test_with_a_look_up_every_agent_is_prepared() -> None:
    agents = {"night": {"greeting": "Hm."}}
    config = make_config(agents=agents, lookup={"url": "https://example.com/who"})
    assert Phrase("Hm.", "en") in wanted(config, voice_of("fake-tts"))["fake-tts"]
