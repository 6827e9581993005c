import base64
import json
from typing import Any

import pytest

from voxd.caller.messages import (
    AgentClear,
    AgentMark,
    AgentMedia,
    Outbox,
    ProtocolFault,
    decode_message,
    encode_payload,
)

SID = "MZ0001"
GOOD_MEDIA = {"event": "media", "streamSid": SID, "media": {"payload": "//8="}}
GOOD_MARK = {"event": "mark", "streamSid": SID, "mark": {"name": "t3:2"}}


def outbox() -> Outbox:
    return Outbox(SID, "AC0001", "CA0001", {"bot": "frontdesk", "caller": "+15550100"})


def test_messages_are_twilios_documented_samples() -> None:
    box = outbox()
    assert json.loads(box.connected()) == {
        "event": "connected",
        "protocol": "Call",
        "version": "1.0.0",
    }
    media_format = {"encoding": "audio/x-mulaw", "sampleRate": 8000, "channels": 1}
    assert json.loads(box.start()) == {
        "event": "start",
        "sequenceNumber": "1",
        "streamSid": SID,
        "start": {
            "streamSid": SID,
            "accountSid": "AC0001",
            "callSid": "CA0001",
            "tracks": ["inbound"],
            "mediaFormat": media_format,
            "customParameters": {"bot": "frontdesk", "caller": "+15550100"},
        },
    }
    assert json.loads(box.media("AAAA", 20)) == {
        "event": "media",
        "sequenceNumber": "2",
        "streamSid": SID,
        "media": {"track": "inbound", "chunk": "1", "timestamp": "20", "payload": "AAAA"},
    }
    assert json.loads(box.dtmf("5")) == {
        "event": "dtmf",
        "sequenceNumber": "3",
        "streamSid": SID,
        "dtmf": {"track": "inbound_track", "digit": "5"},
    }
    assert json.loads(box.mark('q"\n')) == {
        "event": "mark",
        "sequenceNumber": "4",
        "streamSid": SID,
        "mark": {"name": 'q"\n'},
    }
    assert json.loads(box.media("AAAA", 40))["media"]["chunk"] == "2"
    assert json.loads(box.stop()) == {
        "event": "stop",
        "sequenceNumber": "6",
        "streamSid": SID,
        "stop": {"accountSid": "AC0001", "callSid": "CA0001"},
    }


def test_frame_is_216_characters_of_base64() -> None:
    payload = encode_payload(bytes(range(160)))
    assert len(payload) == 216
    assert base64.b64decode(payload) == bytes(range(160))


def test_the_three_events_of_the_server_are_read() -> None:
    assert decode_message(json.dumps(GOOD_MEDIA), SID) == AgentMedia(b"\xff\xff")
    assert decode_message(json.dumps(GOOD_MARK), SID) == AgentMark("t3:2")
    clear = {"event": "clear", "streamSid": SID}
    assert decode_message(json.dumps(clear), SID) == AgentClear()


def changed(message: dict[str, Any], **change: Any) -> str:
    return json.dumps({key: value for key, value in (message | change).items() if value != "-"})


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("{", "not JSON"),
        ("[1]", "not a JSON object"),
        ("null", "not a JSON object"),
        ("{}", "unknown event None"),
        (changed(GOOD_MEDIA, event="hello"), "unknown event 'hello'"),
        (changed(GOOD_MEDIA, event=["media"]), "unknown event"),
        (changed(GOOD_MEDIA, streamSid="MZ2"), "media: wrong streamSid"),
        (changed(GOOD_MEDIA, streamSid="-"), "media: missing field 'streamSid'"),
        (changed(GOOD_MEDIA, media="-"), "media: missing field 'media'"),
        (changed(GOOD_MEDIA, sequenceNumber="1"), "media: unexpected field 'sequenceNumber'"),
        (changed(GOOD_MEDIA, media="x"), "media: 'media' is not an object"),
        (changed(GOOD_MEDIA, media={"payload": 5}), "'payload' is not a non-empty string"),
        (changed(GOOD_MEDIA, media={"payload": ""}), "'payload' is not a non-empty string"),
        (changed(GOOD_MEDIA, media={"payload": "//8"}), "payload is not base64"),
        (changed(GOOD_MEDIA, media={"payload": "//8=\n"}), "payload is not base64"),
        (changed(GOOD_MEDIA, media={"payload": "é"}), "payload is not base64"),
        (changed(GOOD_MEDIA, media={"payload": "UklGRgAA"}), "WAV header"),
        (
            changed(GOOD_MEDIA, media={"payload": "//8=", "track": "outbound"}),
            "media.media: unexpected field 'track'",
        ),
        (changed(GOOD_MARK, mark={}), "mark.mark: missing field 'name'"),
        (changed(GOOD_MARK, event="clear"), "clear: unexpected field 'mark'"),
    ],
)
def test_what_twilio_would_ignore_is_a_fault(text: str, fault: str) -> None:
    with pytest.raises(ProtocolFault) as caught:
        decode_message(text, SID)
    assert fault in str(caught.value)
