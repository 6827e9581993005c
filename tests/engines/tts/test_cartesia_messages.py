"""Cartesia's messages, encoded and decoded; samples after the vendor's documentation."""

import base64

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from voxd.contracts import Delivery
from voxd.engines.tts.cartesia_messages import (
    Audio,
    Done,
    Failed,
    Flushed,
    WordTime,
    WordTimes,
    decode_message,
    encode_cancel,
    encode_clause,
    encode_delivery,
    encode_fields,
    judge_error,
)
from voxd.errors import Category

# From vendor documentation (Text to Speech (WebSocket), 2026-11); not recorded from the service.
CHUNK = (
    b'{"type":"chunk","context_id":"t7","data":"/38A","done":false,"status_code":206,'
    b'"step_time":41.3,"flush_id":1}'
)
TIMESTAMPS = (
    b'{"type":"timestamps","context_id":"t7","done":false,"status_code":206,'
    b'"word_timestamps":{"words":["Sure,"],"start":[0.0],"end":[0.31]}}'
)
FLUSH_DONE = (
    b'{"type":"flush_done","context_id":"t7","done":false,"flush_done":true,"flush_id":1,'
    b'"status_code":206}'
)
DONE = b'{"type":"done","context_id":"t7","done":true,"status_code":206}'
ERROR = (
    b'{"type":"error","context_id":"t7","done":true,"status_code":429,'
    b'"error_code":"concurrency_limited","title":"Too many concurrent requests",'
    b'"message":"...","request_id":"u:t7:v"}'
)
PHONEMES = (
    b'{"type":"phoneme_timestamps","context_id":"t7","done":false,"status_code":206,'
    b'"phoneme_timestamps":{"phonemes":["h"],"start":[0.0],"end":[0.1]}}'
)

FIELDS = encode_fields("sonic-3", "v", "en", has_word_times=True)


@pytest.mark.parametrize(
    ("raw", "message"),
    [
        (CHUNK, Audio("t7", b"\xff\x7f\x00")),
        (TIMESTAMPS, WordTimes("t7", (WordTime("Sure,", 0.0, 0.31),))),
        (FLUSH_DONE, Flushed("t7")),
        (DONE, Done("t7")),
        (ERROR, Failed("t7", Category.OVERLOADED, "429 concurrency_limited")),
        (PHONEMES, None),
        (b'{"type":"from the future"}', None),
    ],
)
def test_documented_messages_are_understood(raw: bytes, message: object) -> None:
    assert decode_message(raw) == message == decode_message(raw.decode())


def test_an_error_may_concern_all_contexts() -> None:
    assert decode_message(b'{"type":"error","done":true,"title":"Oh"}') == Failed(
        "", Category.SERVER, "500"
    )


def test_an_error_keeps_its_code_and_nothing_of_its_sentence() -> None:
    failed = judge_error("", 400, "Bad transcript: 'my card is 4111'")
    assert failed.message == "400" and failed.category is Category.BAD_REQUEST


@pytest.mark.parametrize(
    "raw",
    [
        b"{",
        b"\xff",
        b"[]",
        b"1",
        b'{"type":"chunk","data":"AA=="}',
        b'{"type":"chunk","context_id":7,"data":"AA=="}',
    ],
)
def test_nonsense_is_a_value_error_in_constant_words(raw: bytes) -> None:
    with pytest.raises(ValueError, match="^a message "):
        decode_message(raw)


@pytest.mark.parametrize("data", ['"#"', '"AAA"', "7", "null"])
def test_audio_that_is_none_fails_only_its_context(data: str) -> None:
    failed = decode_message(f'{{"type":"chunk","context_id":"t7","data":{data}}}')
    assert isinstance(failed, Failed) and failed.context_id == "t7"


@pytest.mark.parametrize(
    "times",
    [None, [], {}, {"words": ["a"], "start": 1, "end": [2]}, {"words": ["a"], "start": ["x"]}],
)
def test_word_times_that_are_none_cost_nothing(times: object) -> None:
    raw = orjson.dumps({"type": "timestamps", "context_id": "t7", "word_timestamps": times})
    assert decode_message(raw) in (None, WordTimes("t7", ()))


@given(st.binary())
def test_audio_survives_the_wire_untouched(mulaw: bytes) -> None:
    data = base64.b64encode(mulaw).decode()
    raw = orjson.dumps({"type": "chunk", "context_id": "t7", "data": data})
    assert decode_message(raw) == Audio("t7", mulaw)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**60), 2**60) | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
)
KEYS = ("type", "context_id", "data", "word_timestamps", "status_code", "error_code")
KINDS = st.sampled_from(["chunk", "timestamps", "flush_done", "done", "error"])


@given(st.fixed_dictionaries({"type": KINDS}, optional=dict.fromkeys(KEYS[1:], JSON)))
def test_any_object_is_decoded_or_a_value_error(body: dict[str, object]) -> None:
    try:
        decode_message(orjson.dumps(body))
    except ValueError as error:
        assert str(error).startswith("a message ")


def test_clauses_repeat_every_field_and_end_with_a_flush_but_for_the_last() -> None:
    clause, flush = encode_clause(FIELDS, "t7", "Sure,", is_last=False)
    (last,) = encode_clause(FIELDS, "t7", "Bye.", is_last=True)
    assert (clause["transcript"], clause["continue"]) == ("Sure, ", True)
    assert (flush["transcript"], flush["continue"], flush["flush"]) == ("", True, True)
    assert (last["transcript"], last["continue"]) == ("Bye.", False)
    own = {"transcript", "continue", "flush"}
    shared = {**FIELDS, "context_id": "t7"}
    for message in (clause, flush, last):
        assert {key: value for key, value in message.items() if key not in own} == shared


def test_the_output_is_the_lines_own_format_and_nothing_waits_at_the_server() -> None:
    assert FIELDS["output_format"] == {
        "container": "raw",
        "encoding": "pcm_mulaw",
        "sample_rate": 8000,
    }
    assert FIELDS["max_buffer_delay_ms"] == 0 and FIELDS["add_timestamps"] is True


def test_only_controls_that_were_turned_are_sent() -> None:
    assert "generation_config" not in FIELDS
    assert encode_delivery(Delivery(), 1.0, 1.0, "") == {}
    assert encode_delivery(Delivery(speed=1.1), 1.0, 1.0, "calm") == {
        "speed": 1.1,
        "emotion": "calm",
    }


def test_a_delivery_comes_on_the_engines_own_within_what_the_service_takes() -> None:
    delivery = Delivery("sad", 1.5, 0.5)
    assert encode_delivery(delivery, 1.2, 0.6, "calm") == {
        "speed": 1.5,
        "volume": 0.5,
        "emotion": "sad",
    }


def test_languages_without_spaces_get_none() -> None:
    fields = encode_fields("sonic-3", "v", "ja")
    assert encode_clause(fields, "t7", "はい。", is_last=False)[0]["transcript"] == "はい。"


def test_a_cancel_says_nothing_else() -> None:
    assert encode_cancel("t7") == {"context_id": "t7", "cancel": True}
