import base64
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from voxd.errors import LineError
from voxd.twilio.inbound import (
    MAX_PAYLOAD_BYTES,
    Dtmf,
    Mark,
    Media,
    read_dtmf,
    read_mark,
    read_media,
    read_sequence,
    read_start,
)

SAMPLE_FORMAT = {"encoding": "audio/x-mulaw", "sampleRate": 8000, "channels": 1}


def media(**changes: Any) -> dict[str, Any]:
    body = {"track": "inbound", "chunk": "1", "timestamp": "20", "payload": "/w=="} | changes
    return {"media": body}


def start(**changes: Any) -> dict[str, Any]:
    body = {"streamSid": "MZ1", "callSid": "CA1", "mediaFormat": SAMPLE_FORMAT} | changes
    return {"streamSid": "MZ1", "start": body}


def refusal(read: Any, message: dict[str, Any]) -> str:
    with pytest.raises(LineError) as caught:
        read(message)
    return str(caught.value)


@given(mulaw=st.binary(min_size=1, max_size=2000), timestamp_ms=st.integers(0, 10**8))
def test_audio_of_any_size_is_media(mulaw: bytes, timestamp_ms: int) -> None:
    payload = base64.b64encode(mulaw).decode()
    message = media(payload=payload, timestamp=str(timestamp_ms))
    assert read_media(message) == Media(timestamp_ms / 1000, mulaw)


@pytest.mark.parametrize(
    "payload",
    ["", "====", "a", "/w==\n", "/w", "ÿ", None, 7, [], "A" * (MAX_PAYLOAD_BYTES * 4 // 3 + 8)],
)
def test_a_payload_that_is_no_audio_is_refused(payload: object) -> None:
    assert refusal(read_media, media(payload=payload)) == "bad_payload"


@pytest.mark.parametrize(
    "timestamp",
    ["", "-1", "1.5", "1e3", "nan", "٣", "9" * 16, "700000000", None, True, -1, 1.5, []],
)
def test_a_timestamp_that_cannot_be_is_refused(timestamp: object) -> None:
    assert refusal(read_media, media(timestamp=timestamp)) == "bad_timestamp"


def test_a_number_as_json_has_it_is_taken_too() -> None:
    assert read_media(media(timestamp=40)).timestamp_s == 0.04


def test_only_the_inbound_track_is_heard() -> None:
    assert refusal(read_media, media(track="outbound")) == "wrong_track"
    assert refusal(read_media, {"media": []}) == "bad_media"


@pytest.mark.parametrize("digit", list("0123456789*#ABCD"))
def test_every_key_is_read(digit: str) -> None:
    assert read_dtmf({"dtmf": {"track": "inbound_track", "digit": digit}}) == Dtmf(digit)


@pytest.mark.parametrize("digit", ["", "10", "a", "E", "٣", 5, None, ["5"]])
def test_what_is_no_key_is_refused(digit: object) -> None:
    assert refusal(read_dtmf, {"dtmf": {"digit": digit}}) == "bad_dtmf"


def test_marks_have_names() -> None:
    assert read_mark({"mark": {"name": "t3:2"}}) == Mark("t3:2")
    for name in (None, 7, "x" * 257):
        assert refusal(read_mark, {"mark": {"name": name}}) == "bad_mark"


def test_a_start_gives_ids_and_texts() -> None:
    read = read_start(start(customParameters={"a": "1", "b": 2, "c": None}))
    assert (read.stream_sid, read.call_sid, read.parameters) == ("MZ1", "CA1", {"a": "1"})


@pytest.mark.parametrize(
    "changes",
    [
        {"streamSid": "MZ2"},
        {"callSid": None},
        {"callSid": "../../etc"},
        {"callSid": "C" * 65},
        {"callSid": ""},
        {"customParameters": []},
        {"mediaFormat": "mulaw"},
    ],
)
def test_a_start_that_names_no_call_is_refused(changes: dict[str, Any]) -> None:
    assert refusal(read_start, start(**changes)) == "bad_start"


@pytest.mark.parametrize(
    "change", [{"encoding": "audio/x-l16"}, {"sampleRate": 16000}, {"channels": 2}]
)
def test_another_format_is_refused(change: dict[str, Any]) -> None:
    assert refusal(read_start, start(mediaFormat=SAMPLE_FORMAT | change)) == "bad_format"


def test_a_format_may_say_more_than_we_know() -> None:
    read_start(start(mediaFormat=SAMPLE_FORMAT | {"bitsPerSample": 8}))


def test_a_sequence_number_may_be_missing_but_not_wrong() -> None:
    assert read_sequence({}) is None
    assert read_sequence({"sequenceNumber": "12"}) == 12
    assert refusal(read_sequence, {"sequenceNumber": "x"}) == "bad_sequence"
    assert refusal(read_sequence, {"sequenceNumber": 10**20}) == "bad_sequence"
