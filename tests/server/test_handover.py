from typing import Any
from xml.etree import ElementTree

import pytest

from tests.fakes.call import make_config
from voxd.commands import TakeMessage, Transfer
from voxd.config import Config
from voxd.events import EndReason
from voxd.server.handover import after_dial, after_recording, what_follows
from voxd.twilio.handover import DialStatus

AFTER = "https://voice.example.com/twilio/after"
PERSON = "+15550123"


def told(document: str) -> list[str]:
    """`Say` with its words, other verbs by their names."""
    return [
        verb.text or "" if verb.tag == "Say" else verb.tag
        for verb in ElementTree.fromstring(document)
    ]


def config_with(**agent: Any) -> Config:
    return make_config(agent=agent)


HANGS_UP = config_with()
TRANSFERS = config_with(
    on_failure="transfer",
    transfer={"number": PERSON, "caller_id": "+15550199", "ring_s": 33},
)
RECORDS = config_with(on_failure="voicemail", voicemail={"max_s": 60, "silence_s": 3})
REDIRECTS = config_with(on_failure="redirect", redirect_url="https://other.example.com/twiml")
PHRASES = HANGS_UP.phrases


@pytest.mark.parametrize("reason", [EndReason.ENGINES_FAILED, EndReason.BUG, EndReason.LINE_LOST])
@pytest.mark.parametrize(
    ("config", "expected"),
    [
        (HANGS_UP, [PHRASES.failure, "Hangup"]),
        (TRANSFERS, [PHRASES.hand_over, "Dial"]),
        (RECORDS, [PHRASES.hand_over, PHRASES.leave_message, "Record", "Hangup"]),
        (REDIRECTS, [PHRASES.hand_over, "Redirect"]),
    ],
    ids=["hang_up", "transfer", "voicemail", "redirect"],
)
def test_when_nothing_answers_the_agents_last_resort_follows(
    config: Config, expected: list[str], reason: EndReason
) -> None:
    assert told(what_follows(config, reason, AFTER)) == expected
    # What the caller has heard already is not said again.
    again = what_follows(config, reason, AFTER, has_apologised=True)
    assert told(again) == expected[1:]


@pytest.mark.parametrize(
    "reason",
    [
        EndReason.AGENT_HUNG_UP,
        EndReason.CALLER_HUNG_UP,
        EndReason.PROTOCOL,
        EndReason.ANSWERED_BY_MACHINE,
        None,
    ],
)
@pytest.mark.parametrize("config", [HANGS_UP, TRANSFERS, RECORDS, REDIRECTS])
def test_a_call_that_ended_as_it_should_is_hung_up(
    config: Config, reason: EndReason | None
) -> None:
    assert told(what_follows(config, reason, AFTER)) == ["Hangup"]


def test_a_caller_who_is_cut_off_by_a_restart_is_handed_to_somebody() -> None:
    assert told(what_follows(HANGS_UP, EndReason.SHUTDOWN, AFTER)) == ["Hangup"]
    assert told(what_follows(TRANSFERS, EndReason.SHUTDOWN, AFTER)) == [PHRASES.hand_over, "Dial"]


def test_what_the_brain_ordered_comes_before_everything_else() -> None:
    order = Transfer("+15550777")
    document = what_follows(TRANSFERS, EndReason.AGENT_HUNG_UP, AFTER, order)
    (dial,) = ElementTree.fromstring(document)
    assert (dial.attrib["timeout"], dial.attrib["callerId"]) == ("33", "+15550199")
    assert dial.attrib["action"] == AFTER
    assert [number.text for number in dial] == ["+15550777"]


def test_a_message_that_the_agent_promised_is_recorded() -> None:
    document = what_follows(RECORDS, EndReason.AGENT_HUNG_UP, AFTER, TakeMessage())
    assert told(document) == [PHRASES.leave_message, "Record", "Hangup"]
    record = ElementTree.fromstring(document).find("Record")
    assert record is not None
    assert (record.attrib["maxLength"], record.attrib["timeout"]) == ("60", "3")


@pytest.mark.parametrize("status", [DialStatus.COMPLETED, DialStatus.ANSWERED])
def test_after_a_talk_the_call_is_over(status: DialStatus) -> None:
    assert told(after_dial(TRANSFERS, status, AFTER)) == ["Hangup"]


@pytest.mark.parametrize("status", [DialStatus.NO_ANSWER, DialStatus.BUSY, DialStatus.FAILED])
def test_nobody_answering_is_said(status: DialStatus) -> None:
    assert told(after_dial(TRANSFERS, status, AFTER)) == [PHRASES.no_answer, "Hangup"]
    with_voicemail = config_with(transfer={"number": PERSON, "no_answer": "voicemail"})
    assert told(after_dial(with_voicemail, status, AFTER)) == [
        *(PHRASES.no_answer, PHRASES.leave_message, "Record", "Hangup"),
    ]


def test_a_message_is_thanked_for() -> None:
    assert told(after_recording(RECORDS)) == [PHRASES.message_taken, "Hangup"]


def test_a_spanish_caller_is_told_in_spanish() -> None:
    spanish = config_with(language="es", greeting="")
    document = after_dial(spanish, DialStatus.BUSY, AFTER)
    assert 'voice="Polly.Mia-Neural">Lo siento, nadie puede atender' in document


@pytest.mark.parametrize(
    ("config", "voice"),
    [
        (make_config(), "Polly.Joanna-Neural"),
        (make_config(tier={"polly": "generative"}), "Polly.Joanna-Generative"),
        (config_with(voices={"polly": "Polly.Amy"}), "Polly.Amy"),
    ],
)
def test_the_voice_is_that_of_the_same_agents_turns(config: Config, voice: str) -> None:
    for document in (
        what_follows(config, EndReason.BUG, AFTER),
        what_follows(config, EndReason.AGENT_HUNG_UP, AFTER, TakeMessage()),
        after_dial(config, DialStatus.BUSY, AFTER),
        after_recording(config),
    ):
        say = ElementTree.fromstring(document).find("Say")
        assert say is not None and say.attrib["voice"] == voice
