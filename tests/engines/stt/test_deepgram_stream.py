"""Signs of life, limits, ends and failures of a stream, over real sockets."""

import asyncio
import logging

import pytest

from tests.engines.stt.deepgram_setup import BEGIN, SILENCE, TONE, Caller, open_stt, settle
from tests.servers.deepgram import open_server
from tests.servers.deepgram_script import Fault, Script, Trouble, Utterance
from voxd.engines.stt import deepgram, deepgram_flux, deepgram_stream
from voxd.engines.stt.send_queue import MAX_BYTES
from voxd.errors import Category, EngineError, Phase


async def failure(caller: Caller) -> EngineError:
    """The error that ends the iteration."""
    with pytest.raises(EngineError) as caught:
        await caller.until(lambda item: False)
    return caught.value


async def test_a_stream_opened_before_the_call_is_kept_alive(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(deepgram_stream, "KEEP_ALIVE_S", 0.02)
    async with open_server(Script(idle_s=1.0)) as server, open_stt(deepgram, server) as stt:
        async with stt.open_stream("CA1", "en") as stream:
            await settle(lambda: len(server.connections[0].received) >= 3)
            caller = Caller(stream)
            speech_end = caller.say(1.0)
            answer = await caller.final(speech_end)
    assert server.connections[0].controls()[:3] == ["KeepAlive"] * 3
    assert answer.text == "Hello there."


async def test_flux_gets_silence_that_does_not_shift_audio_time(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(deepgram_stream, "KEEP_ALIVE_S", 0.02)
    async with open_server(Script(idle_s=1.0)) as server, open_stt(deepgram_flux, server) as stt:
        async with stt.open_stream("CA1", "en") as stream:
            await settle(lambda: server.connections[0].audio_bytes >= 3 * 640)
            monkeypatch.setattr(deepgram_stream, "KEEP_ALIVE_S", 4.0)
            caller = Caller(stream)
            caller.speak(0.8)
            caller.rest(0.8)
            answer = await caller.until(lambda item: item.is_final)
    assert server.connections[0].controls() == ["CloseStream"]
    assert BEGIN < answer.through <= caller.now


async def test_without_a_sign_of_life_the_server_closes() -> None:
    async with open_server(Script(idle_s=0.05)) as server, open_stt(deepgram, server) as stt:
        async with stt.open_stream("CA1", "en") as stream:
            error = await failure(Caller(stream))
    assert (error.category, error.phase) == (Category.TIMEOUT, Phase.STREAM)
    assert "net0001" in str(error)


@pytest.mark.parametrize("trouble", [Trouble.MUTE, Trouble.STALL])
@pytest.mark.parametrize("module", [deepgram, deepgram_flux])
async def test_a_stall_before_the_first_result_ends_the_stream(module, trouble) -> None:  # type: ignore[no-untyped-def]
    async with open_server(Script(fault=Fault(trouble))) as server:
        async with open_stt(module, server, result_s=0.2) as stt:
            async with stt.open_stream("CA1", "en") as stream:
                caller = Caller(stream)
                caller.say(0.5)
                error = await failure(caller)
    assert (error.category, error.phase) == (Category.TIMEOUT, Phase.FIRST_RESULT)


async def test_a_stall_in_mid_stream_ends_the_stream() -> None:
    script = Script(fault=Fault(Trouble.MUTE, after_results=1))
    async with open_server(script) as server, open_stt(deepgram, server, result_s=0.2) as stt:
        async with stt.open_stream("CA1", "en") as stream:
            caller = Caller(stream)
            await caller.final(caller.say(0.6))
            caller.say(1.0)
            error = await failure(caller)
    assert (error.category, error.phase) == (Category.TIMEOUT, Phase.STREAM)


async def test_a_stall_between_words_and_their_final_ends_the_stream() -> None:
    script = Script(fault=Fault(Trouble.MUTE, after_results=1))
    async with open_server(script) as server, open_stt(deepgram, server, result_s=0.2) as stt:
        async with stt.open_stream("CA1", "en") as stream:
            caller = Caller(stream)
            caller.say(0.9)
            words = await caller.until(lambda item: item.text)
            error = await failure(caller)
    assert not words.is_final
    assert (error.category, error.phase) == (Category.TIMEOUT, Phase.STREAM)


@pytest.mark.parametrize(
    ("trouble", "category"),
    [
        (Trouble.DROP, Category.CONNECTIVITY),
        (Trouble.CLOSE, Category.SERVER),
        (Trouble.GARBAGE, Category.SERVER),
        (Trouble.ERROR, Category.SERVER),
    ],
)
@pytest.mark.parametrize("module", [deepgram, deepgram_flux])
async def test_a_failure_in_mid_stream_ends_it_once_and_quietly(  # type: ignore[no-untyped-def]
    module, trouble: Trouble, category: Category, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    script = Script(fault=Fault(trouble, after_results=1, at_s=0.4))
    async with open_server(script) as server, open_stt(module, server) as stt:
        async with stt.open_stream("CA1", "en") as stream:
            caller = Caller(stream)
            caller.say(1.2)
            error = await failure(caller)
            for _ in range(500):
                stream.push(SILENCE, caller.now)
                stream.flush(caller.now)
                stream.forget(caller.now)
    assert error.category is category
    ours = [item for item in caplog.records if item.name.startswith(("voxd", "deepgram"))]
    assert ours == []


async def test_unknown_and_odd_messages_do_no_harm() -> None:
    script = Script(unknown_every=1, fault=Fault(Trouble.ODD_RESULTS))
    async with open_server(script) as server:
        for module in (deepgram, deepgram_flux):
            async with open_stt(module, server) as stt:
                async with stt.open_stream("CA1", "en") as stream:
                    caller = Caller(stream)
                    caller.say(0.8)
                    caller.rest(0.8)
                    assert (await caller.until(lambda item: item.is_final)).text == "Hello there."


async def test_a_network_that_takes_nothing_ends_the_stream_and_never_blocks() -> None:
    async with open_server(Script()) as server, open_stt(deepgram, server) as stt:
        async with stt.open_stream("CA1", "en") as stream:
            caller = Caller(stream)
            for _ in range(MAX_BYTES // len(TONE) + 1):  # the sender never gets to run
                stream.push(TONE, caller.now)
            error = await failure(caller)
    assert error.category is Category.TIMEOUT
    assert "not taken" in str(error)


async def test_half_a_minute_is_replayed_at_once_and_heard_whole() -> None:
    script = Script(utterances=(Utterance("It was a long story indeed.", 27.0),))
    async with open_server(script) as server, open_stt(deepgram, server) as stt:
        async with stt.open_stream("CA1", "en") as stream:
            caller = Caller(stream)
            answer = await caller.final(caller.say(29.0))
            sent = [word for _, word in server.connections[0].received if word.startswith("audio")]
    assert answer.text == "It was a long story indeed."
    assert server.connections[0].audio_bytes == round(29.1 * 8000)
    assert len(sent) < 400


async def test_a_bug_in_decoding_ends_the_stream_only(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def break_down(message: object) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr(deepgram, "decode_message", break_down)
    async with open_server(Script()) as server, open_stt(deepgram, server) as stt:
        async with stt.open_stream("CA1", "en") as stream:
            caller = Caller(stream)
            caller.say(1.0)
            error = await failure(caller)
    assert error.category is Category.SERVER
    assert isinstance(error.__cause__, ZeroDivisionError)
    assert "bug in a stream" in caplog.messages


async def test_leaving_says_goodbye_and_leaves_no_task() -> None:
    async with open_server(Script()) as server, open_stt(deepgram, server) as stt:
        before = asyncio.all_tasks()
        async with stt.open_stream("CA1", "en") as stream:
            Caller(stream).say(0.5)
            await settle(lambda: server.connections[0].audio_bytes)
        await settle(lambda: server.open == 0)
        assert [task for task in asyncio.all_tasks() - before if "tests" not in repr(task)] == []
    assert server.connections[0].controls()[-1] == "CloseStream"
    assert server.connections[0].closed_with == 1000
