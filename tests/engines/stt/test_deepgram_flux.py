"""Flux: what is asked for, what its messages mean, and whole turns over a real socket."""

import json
from typing import Any

import pytest
from pydantic import ValidationError

from tests.engines.stt.deepgram_setup import Caller, open_stt
from tests.servers.deepgram import open_server
from tests.servers.deepgram_script import Script, Utterance
from voxd.engines.stt import deepgram_flux
from voxd.engines.stt.deepgram_flux import Settings, decode_message, encode_listen
from voxd.engines.stt.deepgram_stream import Failure
from voxd.engines.stt.deepgram_words import read_message
from voxd.engines.stt.segments import Segment, Word
from voxd.engines.stt.transcript_tracker import Heard
from voxd.errors import Category
from voxd.events import TurnSignal

TURN: dict[str, Any] = {
    "type": "TurnInfo",
    "request_id": "r1",
    "sequence_id": 4,
    "event": "StartOfTurn",
    "turn_index": 0,
    "audio_window_start": 0.0,
    "audio_window_end": 1.3,
    "transcript": "hi",
    "words": [{"word": "hi", "confidence": 0.97, "start": 0.9, "end": 1.1}],
    "end_of_turn_confidence": 0.12,
}
"""From the vendor's documentation; nothing here was recorded from a live service."""

SEGMENT = Segment(0.0, 1.3, "hi", (Word("hi", 0.9, 1.1),))


def parse(message: dict[str, Any]) -> Any:
    """As it is read from the socket."""
    return read_message(json.dumps(message))


def test_a_message_means_the_same_as_the_sdk_reads_it() -> None:
    from deepgram.core.unchecked_base_model import construct_type
    from deepgram.listen.v2.socket_client import V2SocketClientResponse

    theirs = construct_type(type_=V2SocketClientResponse, object_=TURN)
    assert decode_message(theirs) == decode_message(parse(TURN)) is not None


@pytest.mark.parametrize(
    ("event", "signal"),
    [
        ("StartOfTurn", None),
        ("Update", None),
        ("EagerEndOfTurn", TurnSignal.EAGER_END),
        ("TurnResumed", TurnSignal.RESUMED),
        ("SomethingNew", None),
    ],
)
def test_every_event_but_the_last_is_an_interim(event: str, signal: TurnSignal | None) -> None:
    assert decode_message(parse(TURN | {"event": event})) == Heard(SEGMENT, signal=signal)


def test_an_end_of_turn_is_final() -> None:
    message = parse(TURN | {"event": "EndOfTurn", "trigger": "model", "words": []})
    assert decode_message(message) == Heard(
        Segment(0.0, 1.3, "hi"), is_final=True, signal=TurnSignal.END
    )


def test_an_end_that_we_forced_is_no_judgement() -> None:
    message = parse(TURN | {"event": "EndOfTurn", "trigger": "manual"})
    assert decode_message(message) == Heard(SEGMENT, is_final=True, is_requested=True)


def test_the_other_messages() -> None:
    error = parse({"type": "Error", "code": "INTERNAL_SERVER_ERROR"})
    assert decode_message(error) == Failure(Category.SERVER, "INTERNAL_SERVER_ERROR")
    for kind in ("Connected", "Warning", "ConfigureSuccess", "NovelThing"):
        assert decode_message(parse({"type": kind})) is None


@pytest.mark.parametrize(
    "message",
    [
        {"type": "TurnInfo"},
        TURN | {"transcript": None},
        TURN | {"audio_window_end": "late"},
    ],
)
def test_messages_that_are_not_whole_are_of_no_interest(message: dict[str, Any]) -> None:
    assert decode_message(parse(message)) is None


def test_the_query_is_what_the_settings_say() -> None:
    assert encode_listen(Settings(), "en") == {
        "model": "flux-general-en",
        "encoding": "mulaw",
        "sample_rate": 8000,
        "eot_threshold": 0.7,
        "eot_timeout_ms": 5000,
        "eager_eot_threshold": 0.5,
    }
    more = Settings(model="flux-general-multi", eager_eot_threshold=0, keyterms=("voxd",))
    query = encode_listen(more, "es")
    assert query["language_hint"] == ["es"]
    assert query["keyterm"] == ["voxd"]
    assert "eager_eot_threshold" not in query


@pytest.mark.parametrize("eager", [0.2, 0.8])
def test_eager_is_not_above_the_end(eager: float) -> None:
    with pytest.raises(ValidationError, match="eager_eot_threshold must be"):
        Settings(eager_eot_threshold=eager)


@pytest.mark.parametrize(
    "settings",
    [
        {},
        {"model": "flux-general-multi", "keyterms": ("voxd", "Main Street")},
        {"eager_eot_threshold": 0},
    ],
)
async def test_what_is_asked_for_is_not_refused(settings: dict[str, Any]) -> None:
    async with open_server(Script()) as server, open_stt(deepgram_flux, server, **settings) as stt:
        await stt.warm()
    assert len(server.connections) == 1


async def test_a_turn_ends_eagerly_and_then_for_good() -> None:
    async with open_server(Script()) as server, open_stt(deepgram_flux, server) as stt:
        async with stt.open_stream("CA1", "en") as stream:
            caller = Caller(stream)
            caller.say(1.0)
            caller.rest(1.0)
            await caller.until(lambda item: item.signal is TurnSignal.END)
    told = [(item.text, item.is_final, item.signal) for item in caller.got if item.signal]
    assert told == [
        ("Hello there.", False, TurnSignal.EAGER_END),
        ("Hello there.", True, TurnSignal.END),
    ]
    assert server.connections[0].controls() == ["CloseStream"]


async def test_a_turn_that_is_resumed_is_heard_whole() -> None:
    script = Script(utterances=(Utterance("I want a table for four.", 2.4),))
    async with open_server(script) as server, open_stt(deepgram_flux, server) as stt:
        async with stt.open_stream("CA1", "en") as stream:
            caller = Caller(stream)
            caller.speak(1.2)
            caller.rest(0.4)
            caller.speak(1.2)
            caller.rest(1.0)
            last = await caller.until(lambda item: item.signal is TurnSignal.END)
    signals = [item.signal for item in caller.got if item.signal]
    assert signals == [
        TurnSignal.EAGER_END,
        TurnSignal.RESUMED,
        TurnSignal.EAGER_END,
        TurnSignal.END,
    ]
    assert last.text == "I want a table for four."


async def test_a_flush_is_answered_by_the_newest_words_as_they_may_still_change() -> None:
    async with open_server(Script()) as server, open_stt(deepgram_flux, server) as stt:
        async with stt.open_stream("CA1", "en") as stream:
            caller = Caller(stream)
            end = caller.say(1.0)
            caller.rest(0.2)
            answer = await caller.until(lambda item: item.through >= end)
    assert (answer.text, answer.is_final) == ("Hello there.", False)


async def test_a_forced_end_makes_the_flush_final_and_the_words_go_on() -> None:
    script = Script(utterances=(Utterance("I want a table for four.", 2.0),))
    async with open_server(script) as server:
        async with open_stt(deepgram_flux, server, force_end_turn=True) as stt:
            async with stt.open_stream("CA1", "en") as stream:
                caller = Caller(stream)
                half = await caller.final(caller.say(1.0))
                whole = await caller.final(caller.say(1.0))
    assert (half.text, half.signal) == ("I want a", None)
    assert (whole.text, whole.signal) == ("I want a table for four.", None)
    assert server.connections[0].controls() == ["ForceEndTurn", "ForceEndTurn", "CloseStream"]


async def test_words_forgotten_in_mid_turn_do_not_come_back() -> None:
    script = Script(utterances=(Utterance("First part now the second.", 2.5),), end_s=5.0)
    async with open_server(script) as server, open_stt(deepgram_flux, server) as stt:
        async with stt.open_stream("CA1", "en") as stream:
            caller = Caller(stream)
            end = caller.say(1.0)
            caller.rest(0.2)
            assert (await caller.until(lambda item: item.through >= end)).text == "First part"
            stream.forget(end)
            end = caller.say(1.2)
            caller.rest(0.4)
            await caller.until(lambda item: item.text == "now the second.")
    assert all("First" not in item.text for item in caller.got[-2:])


async def test_noise_is_settled_by_the_silence_after_it() -> None:
    async with open_server(Script(utterances=())) as server, open_stt(deepgram_flux, server) as stt:
        async with stt.open_stream("CA1", "en") as stream:
            caller = Caller(stream)
            end = caller.say(0.4)
            caller.rest(1.0)
            assert (await caller.final(end)).text == ""
