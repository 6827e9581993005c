from xml.etree import ElementTree

import pytest

from voxd.twilio.handover import (
    Dial,
    DialStatus,
    Record,
    Redirect,
    Step,
    read_dial_status,
    say_then,
)
from voxd.twilio.polly import choose_voice
from voxd.twilio.turns import Spoken

AFTER = "https://voice.example.com/twilio/after?step=x&y=1"
DIAL = Dial("+15550100", AFTER, ring_s=20)
RECORD = Record(AFTER, max_s=90, silence_s=4)
EN, ES = choose_voice("en", "neural"), choose_voice("es", "neural")


def verbs(document: str) -> list[ElementTree.Element]:
    root = ElementTree.fromstring(document)
    assert root.tag == "Response"
    return list(root)


def test_a_call_is_connected_and_we_are_told_how_that_went() -> None:
    (dial,) = verbs(say_then((), EN, DIAL))
    assert dial.tag == "Dial"
    assert dial.attrib == {
        "action": AFTER,
        "method": "POST",
        "timeout": "20",
        "answerOnBridge": "true",
    }
    (number,) = dial
    assert (number.tag, number.text) == ("Number", "+15550100")


def test_the_person_who_takes_over_may_see_another_number() -> None:
    (dial,) = verbs(say_then((), EN, Dial("+15550100", AFTER, 20, caller_id="+15550199")))
    assert dial.attrib["callerId"] == "+15550199"


def test_a_message_is_recorded_and_silence_ends_the_call() -> None:
    say, record, hangup = verbs(say_then(["Speak after the tone."], EN, RECORD))
    assert (say.text, say.attrib) == (
        "Speak after the tone.",
        {"voice": "Polly.Joanna-Neural", "language": "en-US"},
    )
    assert record.attrib == {
        "action": AFTER,
        "method": "POST",
        "maxLength": "90",
        "timeout": "4",
        "playBeep": "true",
        "finishOnKey": "#",
        "trim": "trim-silence",
    }
    assert hangup.tag == "Hangup"


def test_somebody_elses_document_goes_on() -> None:
    (redirect,) = verbs(say_then((), EN, Redirect("https://other.example.com/?a=1&b=2")))
    assert (redirect.tag, redirect.text) == ("Redirect", "https://other.example.com/?a=1&b=2")


@pytest.mark.parametrize("step", [DIAL, RECORD, Redirect("https://x"), None])
def test_whatever_is_said_first_is_escaped_and_in_its_language(step: Step) -> None:
    said = verbs(say_then(["<Hangup/> & \x00 más", "Adiós."], ES, step))
    assert [(verb.tag, verb.text) for verb in said[:2]] == [
        ("Say", "<Hangup/> &  más"),
        ("Say", "Adiós."),
    ]
    assert {verb.attrib["voice"] for verb in said[:2]} == {"Polly.Mia-Neural"}
    assert said[0].attrib["language"] == "es-MX"


def test_it_is_said_as_the_agent_speaks() -> None:
    slow = choose_voice("en", "neural", own="Polly.Amy-Neural", speed=0.9)
    say, _ = verbs(say_then(["One & all."], slow, None))
    (prosody,) = say
    assert (say.attrib, prosody.attrib) == ({"voice": "Polly.Amy-Neural"}, {"rate": "90%"})
    assert prosody.text == "One & all."


def test_what_was_left_to_say_comes_first_keys_among_it() -> None:
    spoken = (Spoken("One."), Spoken(digits="12"), Spoken("Two."))
    document = say_then(["Three."], EN, DIAL, spoken)
    assert [verb.tag for verb in verbs(document)] == ["Say", "Play", "Say", "Say", "Dial"]


def test_without_a_step_the_call_ends() -> None:
    assert [verb.tag for verb in verbs(say_then((), EN, None))] == ["Hangup"]


@pytest.mark.parametrize("word", ["busy", "no-answer", "failed", "canceled", "", "nonsense"])
def test_only_who_was_answered_has_talked(word: str) -> None:
    assert not read_dial_status(word).has_talked


def test_a_finished_talk_is_told_from_none() -> None:
    assert read_dial_status("completed").has_talked and DialStatus("answered").has_talked
