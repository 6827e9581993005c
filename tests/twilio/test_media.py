import base64
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from voxd.errors import LineError
from voxd.twilio.media import (
    Connected,
    Dtmf,
    Mark,
    MarkName,
    Media,
    MediaProtocol,
    Start,
    Stop,
    decode_mark_name,
    encode_clear,
    encode_mark,
    encode_mark_name,
    encode_media,
)

SAMPLES = Path(__file__).resolve().parents[1] / "samples" / "twilio"
SPEECH = Path(__file__).resolve().parents[1] / "samples" / "speech"


def sample(name: str) -> str:
    return (SAMPLES / f"{name}.json").read_text()


def started() -> MediaProtocol:
    protocol = MediaProtocol()
    protocol.decode(sample("in-1-connected"))
    protocol.decode(sample("in-2-start"))
    return protocol


def message(event: str, number: int | None, body: dict[str, Any], sid: str = "MZ0001") -> str:
    numbered = {} if number is None else {"sequenceNumber": str(number)}
    return json.dumps({"event": event, "streamSid": sid, event: body} | numbered)


def mark(number: int | None, name: str = "m") -> str:
    return message("mark", number, {"name": name})


def refusal(protocol: MediaProtocol, text: str) -> str:
    with pytest.raises(LineError) as caught:
        protocol.decode(text)
    return str(caught.value)


def test_the_documented_messages_of_twilio_decode() -> None:
    protocol = MediaProtocol()
    mulaw = (SPEECH / "yes.ulaw").read_bytes()[1600:1760]
    parameters = {"bot": "frontdesk", "caller": "+15550100"}
    assert [protocol.decode(path.read_text()) for path in sorted(SAMPLES.glob("in-*.json"))] == [
        Connected(),
        Start("MZ0001", "CA0001", parameters),
        Media(0.02, mulaw),
        Dtmf("5"),
        Mark("t3:2"),
        Stop(),
    ]


def test_what_we_send_is_what_twilio_documents() -> None:
    mulaw = (SPEECH / "yes.ulaw").read_bytes()[1600:1760]
    assert json.loads(encode_media("MZ0001", mulaw)) == json.loads(sample("out-1-media"))
    assert json.loads(encode_mark("MZ0001", "t3:2")) == json.loads(sample("out-2-mark"))
    assert json.loads(encode_clear("MZ0001")) == json.loads(sample("out-3-clear"))


@given(mulaw=st.binary(max_size=1000))
def test_audio_that_is_encoded_arrives_unchanged(mulaw: bytes) -> None:
    payload = json.loads(encode_media("MZ0001", mulaw))["media"]["payload"]
    assert base64.b64decode(payload, validate=True) == mulaw


@given(ids=st.tuples(*[st.integers(0, 999_999_999)] * 3))
def test_a_mark_name_says_what_was_put_into_it(ids: tuple[int, int, int]) -> None:
    name = MarkName(*ids)
    assert decode_mark_name(encode_mark_name(name)) == name


@given(name=st.text(max_size=30))
def test_a_name_that_is_not_ours_says_nothing(name: str) -> None:
    decoded = decode_mark_name(name)
    assert decoded is None or encode_mark_name(decoded) == name


@pytest.mark.parametrize("name", ["", "r1.c1", "r1.c1.g1 ", "r-1.c1.g1", "r٣.c1.g1", "r1.c1.g1\n"])
def test_nearly_our_name_is_not_ours(name: str) -> None:
    assert decode_mark_name(name) is None


def test_messages_come_in_their_order() -> None:
    protocol = MediaProtocol()
    assert refusal(protocol, sample("in-2-start")) == "not_connected"
    protocol.decode(sample("in-1-connected"))
    assert refusal(protocol, sample("in-3-media")) == "not_started"
    assert refusal(protocol, sample("in-1-connected")) == "repeated"
    protocol.decode(sample("in-2-start"))
    assert refusal(protocol, sample("in-2-start")) == "repeated"
    protocol.decode(sample("in-6-stop"))
    assert refusal(protocol, sample("in-6-stop")) == "stopped"
    assert refusal(protocol, sample("in-3-media")) == "stopped"


def test_a_start_that_was_refused_may_come_again() -> None:
    protocol = MediaProtocol()
    protocol.decode(sample("in-1-connected"))
    assert refusal(protocol, sample("in-2-start").replace("CA0001", "")) == "bad_start"
    assert isinstance(protocol.decode(sample("in-2-start")), Start)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "not_json"),
        ("{", "not_json"),
        ('{"event": NaN}', "not_json"),
        ("[" * 5000, "not_json"),
        ("\ud800", "not_json"),
        ("7", "not_object"),
        ("null", "not_object"),
        ("[]", "not_object"),
        ("{}", "unknown_event"),
        ('{"event": "toString"}', "unknown_event"),
        ('{"event": ["media"]}', "unknown_event"),
        ('{"event": {"media": 1}}', "unknown_event"),
        (" " * 70_000, "too_large"),
        (message("mark", 2, {"name": "m"}, sid="MZ0002"), "wrong_stream"),
        ('{"event":"mark","sequenceNumber":"2","mark":{"name":"m"}}', "wrong_stream"),
        (mark(1), "repeated"),
        (mark(0), "out_of_order"),
        ('{"event":"mark","streamSid":"MZ0001","sequenceNumber":[]}', "bad_sequence"),
        ('{"event":"mark","streamSid":"MZ0001","sequenceNumber":"2"}', "bad_mark"),
    ],
)
def test_nonsense_is_refused_with_one_word_and_changes_nothing(text: str, reason: str) -> None:
    protocol = started()
    assert refusal(protocol, text) == reason
    assert protocol.decode(mark(2)) == Mark("m")


def test_a_message_that_was_refused_for_its_content_leaves_its_number_free() -> None:
    protocol = started()
    assert refusal(protocol, message("dtmf", 2, {"digit": "x"})) == "bad_dtmf"
    assert protocol.decode(message("dtmf", 2, {"digit": "1"})) == Dtmf("1")


def test_a_key_that_is_sent_twice_counts_once() -> None:
    protocol = started()
    key = message("dtmf", 2, {"digit": "1"})
    assert protocol.decode(key) == Dtmf("1")
    assert refusal(protocol, key) == "repeated"


def test_a_client_that_numbers_nothing_is_understood() -> None:
    protocol = started()
    assert [protocol.decode(mark(None)) for _ in range(3)] == [Mark("m")] * 3
