from dataclasses import replace
from xml.etree import ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as st

from voxd.twilio import turns
from voxd.twilio.polly import SayVoice
from voxd.twilio.turns import Listening, Spoken

VOICE = SayVoice("Polly.Joanna-Neural", "en-US")
LISTENING = Listening(
    language="en-US",
    action_url="https://voice.example.com/twilio/gather?step=1",
    partial_url="https://voice.example.com/twilio/partial?step=1",
    silence_s=5,
    speech_model="default",
    speech_timeout_s=1,
    hints=("voxd", "opening hours"),
)


def root_of(document: str) -> ElementTree.Element:
    return ElementTree.fromstring(document)


def gather_of(document: str) -> ElementTree.Element:
    gather = root_of(document).find("Gather")
    assert gather is not None
    return gather


def test_a_turn_is_said_and_then_listened_to() -> None:
    assert turns.listen([Spoken("Hello!")], VOICE, LISTENING) == (
        '<?xml version="1.0" encoding="UTF-8"?><Response>'
        '<Gather action="https://voice.example.com/twilio/gather?step=1"'
        ' actionOnEmptyResult="true" hints="voxd,opening hours" input="dtmf speech"'
        ' language="en-US" method="POST"'
        ' partialResultCallback="https://voice.example.com/twilio/partial?step=1"'
        ' partialResultCallbackMethod="POST" speechModel="default" speechTimeout="1" timeout="5">'
        '<Say language="en-US" voice="Polly.Joanna-Neural">Hello!</Say>'
        "</Gather></Response>"
    )


def test_the_pause_is_a_number_with_and_without_a_speech_model() -> None:
    gather = gather_of(turns.listen([], VOICE, replace(LISTENING, speech_model="")))
    assert gather.get("speechTimeout") == "1"
    assert gather.get("speechModel") is None


def test_only_the_last_thing_said_can_be_cut_short_by_the_caller() -> None:
    said = [Spoken("One."), Spoken("Two."), Spoken("Three.")]
    response = root_of(turns.listen(said, VOICE, LISTENING))
    assert [verb.tag for verb in response] == ["Say", "Gather"]
    assert response[0].text == "One. Two."
    assert response[1][0].text == "Three."


def test_all_of_it_can_be_where_the_tier_has_interruptions() -> None:
    said = [Spoken("One."), Spoken("Two.")]
    response = root_of(turns.listen(said, VOICE, replace(LISTENING, can_interrupt=True)))
    assert [verb.tag for verb in response] == ["Gather"]
    assert response[0][0].text == "One. Two."


def test_hints_stay_within_twilios_limits() -> None:
    hints = ["a,b", "x" * 150, *["word"] * 600]
    gather = gather_of(turns.listen([], VOICE, replace(LISTENING, hints=hints)))
    given_hints = (gather.get("hints") or "").split(",")
    assert given_hints[:2] == ["a b", "x" * 100]
    assert len(given_hints) == turns.MAX_HINTS


def test_more_is_fetched_behind_what_is_said() -> None:
    document = turns.come_back([Spoken("One moment.")], VOICE, "https://example.com/more?step=2")
    assert [verb.tag for verb in root_of(document)] == ["Say", "Redirect"]
    assert '<Redirect method="POST">https://example.com/more?step=2</Redirect>' in document


def test_a_pause_goes_before_the_next_request() -> None:
    response = root_of(turns.come_back([], VOICE, "https://example.com/", pause_s=99))
    assert [verb.tag for verb in response] == ["Pause", "Redirect"]
    assert response[0].get("length") == str(turns.MAX_PAUSE_S)


def test_the_last_words_are_followed_by_a_hang_up() -> None:
    assert [verb.tag for verb in root_of(turns.end([Spoken("Goodbye!")], VOICE))] == [
        "Say",
        "Hangup",
    ]


def test_keys_are_pressed_where_they_stand_between_the_words() -> None:
    said = [Spoken("I press one."), Spoken(digits="1w2"), Spoken("Done.")]
    response = root_of(turns.end(said, VOICE))
    assert [verb.tag for verb in response] == ["Say", "Play", "Say", "Hangup"]
    assert response[1].get("digits") == "1w2"


def test_speed_and_volume_are_ssml_within_the_words() -> None:
    voice = replace(VOICE, rate="90%", volume="+1.6dB")
    assert '<prosody rate="90%" volume="+1.6dB">Goodbye!</prosody></Say>' in turns.end(
        [Spoken("Goodbye!")], voice
    )


@pytest.mark.parametrize("text", ["word " * 2000, "x" * 9000])
def test_no_say_is_longer_than_a_voice_takes(text: str) -> None:
    says = root_of(turns.end([Spoken(text)], VOICE)).findall("Say")
    assert all(0 < len(say.text or "") <= turns.MAX_SAY_CHARS for say in says)
    assert "".join(say.text or "" for say in says).replace(" ", "") == text.replace(" ", "")


@given(text=st.text(st.characters(exclude_categories=()), max_size=80))
def test_any_words_give_a_document_that_parses(text: str) -> None:
    for voice in (VOICE, replace(VOICE, rate="90%")):
        for document in (
            turns.listen([Spoken(text), Spoken(text)], voice, replace(LISTENING, hints=[text])),
            turns.come_back([Spoken(text)], voice, "https://example.com/?a=1&b=2"),
            turns.end([Spoken(text)], voice),
        ):
            words = "".join(root_of(document).itertext())
            assert all(c in words for c in text if c.isalnum())


def test_keys_are_never_cut_short() -> None:
    said = [Spoken("One."), Spoken(digits="1"), Spoken("Two.")]
    response = root_of(turns.listen(said, VOICE, replace(LISTENING, can_interrupt=True)))
    assert [verb.tag for verb in response] == ["Say", "Play", "Gather"]
    response = root_of(turns.listen(said[:2], VOICE, LISTENING))
    assert [verb.tag for verb in response] == ["Say", "Play", "Gather"]
