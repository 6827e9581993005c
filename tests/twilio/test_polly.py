import pytest

from voxd.twilio.polly import SayVoice, choose_voice


@pytest.mark.parametrize(
    ("language", "family", "expected"),
    [
        ("en", "standard", SayVoice("Polly.Joanna", "en-US")),
        ("en", "neural", SayVoice("Polly.Joanna-Neural", "en-US")),
        ("en", "generative", SayVoice("Polly.Joanna-Generative", "en-US")),
        ("es", "neural", SayVoice("Polly.Mia-Neural", "es-MX")),
    ],
)
def test_language_and_family_choose_the_voice(
    language: str, family: str, expected: SayVoice
) -> None:
    assert choose_voice(language, family) == expected


def test_a_family_that_a_language_lacks_gives_way_to_the_one_before() -> None:
    assert choose_voice("es", "generative").name == "Polly.Mia-Neural"


def test_a_language_without_a_known_voice_is_left_to_twilio() -> None:
    assert choose_voice("sv", "neural") == SayVoice("", "sv")


def test_an_agents_own_voice_brings_its_language_along() -> None:
    assert choose_voice("en", "neural", "Polly.Amy-Neural") == SayVoice("Polly.Amy-Neural", "")


def test_speed_and_volume_become_ssml_where_the_voice_has_it() -> None:
    voice = choose_voice("en", "neural", speed=0.9, volume=1.2)
    assert (voice.rate, voice.volume) == ("90%", "+1.6dB")
    assert choose_voice("en", "standard", volume=0.5).volume == "-6.0dB"
    assert choose_voice("en", "neural", volume=2.0).volume == "+4.0dB"


@pytest.mark.parametrize("own", ["", "Google.en-US-Chirp3-HD-Aoede", "Polly.Amy-Generative"])
def test_voices_without_such_ssml_get_none(own: str) -> None:
    voice = choose_voice("en", "generative", own, speed=0.9, volume=1.2)
    assert (voice.rate, voice.volume) == ("", "")
