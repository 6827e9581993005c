"""The engine warms without cost, and its status tells how it is."""

import pytest

from tests.engines.stt.deepgram_setup import Caller, open_stt
from tests.servers.deepgram import open_server
from tests.servers.deepgram_script import Fault, Refusal, Script, Trouble
from voxd.contracts import EngineState
from voxd.engines.stt import deepgram, deepgram_flux
from voxd.errors import Category, EngineError, Phase


@pytest.mark.parametrize("module", [deepgram, deepgram_flux])
async def test_warming_sends_no_audio_and_may_be_repeated(module) -> None:  # type: ignore[no-untyped-def]
    async with open_server(Script()) as server, open_stt(module, server) as stt:
        assert stt.status().state is EngineState.STARTING
        await stt.warm()
        await stt.warm()
        assert stt.status().state is EngineState.HEALTHY
    assert [connection.audio_bytes for connection in server.connections] == [0, 0]


@pytest.mark.parametrize("module", [deepgram, deepgram_flux])
@pytest.mark.parametrize("deaf_below_s", [0.0, 5.0])
async def test_a_probe_is_a_little_silence_transcribed(module, deaf_below_s) -> None:  # type: ignore[no-untyped-def]
    script = Script(deaf_below_s=deaf_below_s)
    async with open_server(script) as server, open_stt(module, server) as stt:
        assert await stt.probe() > 0
    assert server.connections[0].audio_bytes == 4000
    assert server.connections[0].controls()[-1] == "CloseStream"


@pytest.mark.parametrize("module", [deepgram, deepgram_flux])
async def test_a_probe_of_a_mute_provider_fails(module) -> None:  # type: ignore[no-untyped-def]
    script = Script(fault=Fault(Trouble.MUTE))
    async with open_server(script) as server, open_stt(module, server, result_s=0.2) as stt:
        with pytest.raises(EngineError) as caught:
            await stt.probe()
    assert (caught.value.category, caught.value.phase) == (Category.TIMEOUT, Phase.FIRST_RESULT)


async def test_a_bad_key_is_told_at_once_and_does_not_pass(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("DEEPGRAM_API_KEY", "wrong")
    async with open_server(Script()) as server, open_stt(deepgram, server) as stt:
        with pytest.raises(EngineError) as caught:
            await stt.warm()
        assert caught.value.category is Category.AUTH
        assert stt.status().state is EngineState.EJECTED
    assert server.attempts == 1


async def test_a_missing_key_does_not_keep_the_engine_from_opening(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delenv("DEEPGRAM_API_KEY")
    async with open_server(Script()) as server, open_stt(deepgram, server) as stt:
        with pytest.raises(EngineError) as caught:
            async with stt.open_stream("CA1", "en"):
                pytest.fail("it opened")
        assert caught.value.category is Category.AUTH


async def test_a_passing_refusal_degrades_until_the_next_success() -> None:
    script = Script(refusals=[Refusal(503)])
    async with open_server(script) as server, open_stt(deepgram, server) as stt:
        with pytest.raises(EngineError):
            await stt.warm()
        assert stt.status().state is EngineState.DEGRADED
        await stt.warm()
        assert stt.status().state is EngineState.HEALTHY
        assert stt.status().detail == {"connections": 1, "refusals": 1}


async def test_status_counts_streams_and_shows_latencies() -> None:
    async with open_server(Script()) as server, open_stt(deepgram, server) as stt:
        assert stt.status().latency_p50_s is None
        async with stt.open_stream("CA1", "en") as stream:
            caller = Caller(stream)
            await caller.final(caller.say(0.8))
            assert stt.status().active == 1
        assert stt.status().active == 0
        latency_s = stt.status().latency_p50_s
        assert latency_s is not None and latency_s > 0
