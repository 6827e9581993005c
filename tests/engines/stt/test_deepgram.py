"""Nova: what is asked for, what its messages mean, and whole utterances over a real socket."""

import json
from typing import Any

import pytest
from pydantic import ValidationError

from tests.engines.stt.deepgram_setup import Caller, open_stt, settle
from tests.servers.deepgram import open_server
from tests.servers.deepgram_script import Script, Utterance
from voxd.contracts import TurnHints
from voxd.engines.stt import deepgram
from voxd.engines.stt.deepgram import Settings, decode_message, encode_listen
from voxd.engines.stt.deepgram_stream import Failure
from voxd.engines.stt.deepgram_words import read_message
from voxd.engines.stt.segments import Segment, Word
from voxd.engines.stt.transcript_tracker import Heard
from voxd.errors import Category
from voxd.events import TurnSignal

RESULTS: dict[str, Any] = {
    "type": "Results",
    "channel_index": [0, 1],
    "duration": 2.0,
    "start": 6.0,
    "is_final": True,
    "speech_final": True,
    "channel": {
        "alternatives": [
            {
                "transcript": "I'd like to book a table.",
                "confidence": 0.99,
                "words": [
                    {
                        "word": "i'd",
                        "start": 6.1,
                        "end": 6.3,
                        "confidence": 0.98,
                        "punctuated_word": "I'd",
                    }
                ],
            }
        ]
    },
    "from_finalize": False,
}
"""From the vendor's documentation; nothing here was recorded from a live service."""

SEGMENT = Segment(6.0, 8.0, "I'd like to book a table.", (Word("I'd", 6.1, 6.3),))


def parse(message: dict[str, Any]) -> Any:
    """As it is read from the socket."""
    return read_message(json.dumps(message))


def test_a_message_means_the_same_as_the_sdk_reads_it() -> None:
    from deepgram.core.unchecked_base_model import construct_type
    from deepgram.listen.v1.socket_client import V1SocketClientResponse

    theirs = construct_type(type_=V1SocketClientResponse, object_=RESULTS)
    assert decode_message(theirs) == decode_message(parse(RESULTS)) is not None


def test_a_final_at_deepgrams_own_pause_is_an_eager_end() -> None:
    assert decode_message(parse(RESULTS)) == Heard(
        SEGMENT, is_final=True, signal=TurnSignal.EAGER_END
    )


def test_a_final_that_was_asked_for_is_no_judgement() -> None:
    message = RESULTS | {"from_finalize": True}
    assert decode_message(parse(message)) == Heard(SEGMENT, is_final=True, is_requested=True)


def test_an_interim_is_no_final() -> None:
    message = RESULTS | {"is_final": False, "speech_final": False}
    assert decode_message(parse(message)) == Heard(SEGMENT)


def test_the_other_messages() -> None:
    end = parse({"type": "UtteranceEnd", "channel": [0, 1], "last_word_end": 7.9})
    assert decode_message(end) == Heard(signal=TurnSignal.END, last_word_end=7.9)
    started = parse({"type": "SpeechStarted", "channel": [0], "timestamp": 9.54})
    assert decode_message(started) == Heard(signal=TurnSignal.RESUMED)
    assert decode_message(parse({"type": "Metadata", "duration": 1.0})) is None
    ours = parse({"type": "Error", "variant": "SchemaError", "message": "{}"})
    assert decode_message(ours) == Failure(Category.BAD_REQUEST, "SchemaError")
    theirs = parse({"type": "Error"})
    assert decode_message(theirs) == Failure(Category.SERVER, "unnamed error")


@pytest.mark.parametrize(
    "message",
    [
        {"type": "NovelThing"},
        {"type": "Results"},
        {"type": "UtteranceEnd"},
        {"no": "type"},
        RESULTS | {"start": "soon"},
        RESULTS | {"channel": {}},
        RESULTS | {"channel": None},
        RESULTS | {"channel": {"alternatives": []}},
        RESULTS | {"channel": {"alternatives": [{"transcript": None}]}},
        RESULTS | {"channel": {"alternatives": ["x"]}},
    ],
)
def test_messages_that_are_not_whole_are_of_no_interest(message: dict[str, Any]) -> None:
    assert decode_message(parse(message)) is None


def test_the_query_is_what_the_settings_say() -> None:
    hints = TurnHints(utterance_end_s=0.5, vad_events=True)
    query = encode_listen(Settings(keyterms=("voxd",)), "es", hints)
    assert query == {
        "model": "nova-3",
        "language": "es",
        "encoding": "mulaw",
        "sample_rate": 8000,
        "channels": 1,
        "interim_results": True,
        "smart_format": True,
        "punctuate": True,
        "vad_events": True,
        "endpointing": 300,
        "utterance_end_ms": 1000,
        "keyterm": ["voxd"],
    }
    off = encode_listen(Settings(endpointing_s=0), "en", TurnHints(utterance_end_s=0))
    assert off["endpointing"] is False
    assert "utterance_end_ms" not in off and "keyterm" not in off
    late = encode_listen(Settings(), "en", TurnHints(utterance_end_s=1.2))
    assert (late["utterance_end_ms"], late["vad_events"]) == (1200, False)


def test_nova_2_takes_no_keyterms() -> None:
    with pytest.raises(ValidationError, match="keyterms need a nova-3 model"):
        Settings(model="nova-2", keyterms=("voxd",))


@pytest.mark.parametrize(
    "settings",
    [
        {},
        {"model": "nova-2", "endpointing_s": 0},
        {"keyterms": ("voxd", "Main Street"), "smart_format": False},
    ],
)
async def test_what_is_asked_for_is_not_refused(settings: dict[str, Any]) -> None:
    async with open_server(Script()) as server, open_stt(deepgram, server, **settings) as stt:
        await stt.warm()
    query = server.connections[0].query
    assert query["model"] == [settings.get("model", "nova-3")]
    assert query.get("keyterm", []) == list(settings.get("keyterms", ()))
    assert query["encoding"] == ["mulaw"]


async def test_the_lines_bytes_arrive_untouched() -> None:
    async with open_server(Script()) as server, open_stt(deepgram, server) as stt:
        async with stt.open_stream("CA1", "en") as stream:
            caller = Caller(stream)
            await caller.final(caller.say(1.0))
    assert server.connections[0].audio_bytes == round(1.1 * 8000)


async def test_interims_come_while_the_caller_speaks_and_finalize_makes_them_final() -> None:
    script = Script(utterances=(Utterance("I would like to book a table please.", 2.4),))
    async with open_server(script) as server, open_stt(deepgram, server) as stt:
        async with stt.open_stream("CA1", "en") as stream:
            caller = Caller(stream)
            caller.speak(1.2)
            first = await caller.until(lambda item: item.text)
            answer = await caller.final(caller.say(1.2))
    assert (first.text, first.is_final) == ("I would like", False)
    assert answer.text == "I would like to book a table please."
    assert "Finalize" in server.connections[0].controls()


async def test_words_are_never_final_before_all_audio_is_covered() -> None:
    script = Script(utterances=(Utterance("Yes I am here and listening.", 2.9),), tail_s=0.3)
    async with open_server(script) as server, open_stt(deepgram, server) as stt:
        async with stt.open_stream("CA1", "en") as stream:
            caller = Caller(stream)
            end = caller.say(2.95)
            await caller.final(end)
    finals = [item for item in caller.got if item.is_final]
    assert [item.text for item in finals] == ["Yes I am here and listening."]
    assert all(item.through >= end for item in finals)


async def test_a_second_utterance_begins_without_the_first() -> None:
    script = Script(utterances=(Utterance("First one."), Utterance("Second one.")))
    async with open_server(script) as server, open_stt(deepgram, server) as stt:
        async with stt.open_stream("CA1", "en") as stream:
            caller = Caller(stream)
            end = caller.say(1.0)
            assert (await caller.final(end)).text == "First one."
            stream.forget(end)
            caller.rest(1.0)
            assert (await caller.final(caller.say(1.0))).text == "Second one."


async def test_the_caller_who_goes_on_is_heard_whole() -> None:
    script = Script(utterances=(Utterance("I want a table for four.", 2.0),))
    async with open_server(script) as server, open_stt(deepgram, server) as stt:
        async with stt.open_stream("CA1", "en") as stream:
            caller = Caller(stream)
            half = await caller.final(caller.say(1.0))
            whole = await caller.final(caller.say(1.0))
    assert half.text == "I want a"
    assert whole.text == "I want a table for four."


async def test_signals_of_a_turn_come_in_order_and_once() -> None:
    script = Script(utterances=(Utterance("Well. Good bye.", 3.0),))
    async with open_server(script) as server:
        async with open_stt(deepgram, server) as stt:
            async with stt.open_stream("CA1", "en", TurnHints(vad_events=True)) as stream:
                caller = Caller(stream)
                caller.speak(1.2)
                caller.rest(0.4)
                end = caller.speak(1.6)
                # An UtteranceEnd falls in here, for "Well.": the caller is heard speaking.
                await caller.until(lambda item: "Good" in item.text)
                caller.rest(0.4)
                stream.flush(end)
                caller.rest(2.6)
                await caller.until(lambda item: item.signal is TurnSignal.END)
    signals = [item.signal for item in caller.got if item.signal]
    assert signals == [
        TurnSignal.EAGER_END,
        TurnSignal.RESUMED,
        TurnSignal.EAGER_END,
        TurnSignal.END,
    ]


async def test_utterance_ends_of_silence_say_nothing() -> None:
    async with open_server(Script()) as server, open_stt(deepgram, server) as stt:
        async with stt.open_stream("CA1", "en") as stream:
            caller = Caller(stream)
            end = caller.say(1.0)
            await caller.final(end)
            stream.forget(end)
            caller.rest(12.0)
            await settle(lambda: server.connections[0].audio_bytes == round(13.1 * 8000))
            last = await caller.final(caller.say(1.0))
    kinds = [message["type"] for _, message in server.connections[0].sent]
    assert "UtteranceEnd" in kinds
    assert [item for item in caller.got if item.signal] == []
    assert last.text == "Hello there."


async def test_noise_gives_an_empty_final() -> None:
    async with open_server(Script(utterances=())) as server, open_stt(deepgram, server) as stt:
        async with stt.open_stream("CA1", "en") as stream:
            caller = Caller(stream)
            assert (await caller.final(caller.say(0.4))).text == ""


async def test_a_finalize_that_is_not_answered_is_answered_by_the_pause() -> None:
    async with open_server(Script(deaf_below_s=5.0)) as server:
        async with open_stt(deepgram, server) as stt:
            async with stt.open_stream("CA1", "en") as stream:
                caller = Caller(stream)
                end = caller.say(0.6)
                caller.rest(0.5)
                assert (await caller.final(end)).text == "Hello there."
