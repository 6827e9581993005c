"""The engine through the real SDK on a loopback server: keys, connections, status."""

import subprocess
import sys

import pytest

from tests.engines.tts.cartesia_setup import REQUEST, hear, on_loopback
from tests.servers.cartesia_script import Refusal, Script
from voxd.contracts import EngineState
from voxd.engines.tts.cartesia import CAPABILITIES, Settings
from voxd.errors import Category, EngineError, Phase


async def test_warming_costs_no_synthesis_and_is_idempotent() -> None:
    async with on_loopback() as (engine, server):
        assert engine.status().state is EngineState.STARTING
        for _ in range(3):
            await engine.warm()
        assert engine.status().state is EngineState.HEALTHY
        assert server.connections == 1 and not server.heard


async def test_a_probe_speaks_one_syllable_and_leaves_nothing_behind() -> None:
    async with on_loopback(Script(first_audio_s=0.05)) as (engine, server):
        assert 0.04 < await engine.probe() < 5
        assert engine.speaking == 0
        assert server.connections == 1


@pytest.mark.parametrize(("key", "attempts"), [("wrong", 1), ("", 0), ("schlüssel", 0)])
async def test_a_bad_key_is_told_at_once(key: str, attempts: int) -> None:
    async with on_loopback(key=key) as (engine, server):
        with pytest.raises(EngineError) as caught:
            await engine.warm()
        assert caught.value.category is Category.AUTH and caught.value.phase is Phase.CONNECT
        assert engine.status().state is EngineState.EJECTED
        assert server.attempts == attempts


@pytest.mark.parametrize(
    ("status", "category"),
    [
        (401, Category.AUTH),
        (402, Category.QUOTA),
        (403, Category.AUTH),
        (404, Category.BAD_REQUEST),
        (429, Category.RATE_LIMIT),
        (500, Category.SERVER),
        (503, Category.SERVER),
        (0, Category.CONNECTIVITY),  # dropped in mid-handshake
        (-1, Category.TIMEOUT),
    ],
)
async def test_a_refused_connection_says_why(status: int, category: Category) -> None:
    script = Script(refusal=Refusal(status, retry_after="7" if status == 429 else ""))
    async with on_loopback(script, connect_s=0.2) as (engine, server):
        with pytest.raises(EngineError) as caught:
            async with engine.open_speech(REQUEST):
                raise AssertionError("must not open")
        error = caught.value
        assert (error.engine, error.category, error.phase) == ("cartesia", category, Phase.CONNECT)
        assert error.retry_after_s == (7.0 if status == 429 else None)
        assert error.__cause__ is not None and server.attempts == 1
        script.refusal = None
        await engine.warm()
        assert engine.status().state is EngineState.HEALTHY


@pytest.mark.parametrize("url", ["http://127.0.0.1:1", "http://nowhere.invalid"])
async def test_a_server_that_is_not_there_is_a_matter_of_connectivity(url: str) -> None:
    async with on_loopback(base_url=url) as (engine, _):
        with pytest.raises(EngineError) as caught:
            await engine.warm()
        assert caught.value.category is Category.CONNECTIVITY
        assert engine.status().state is EngineState.DEGRADED


async def test_the_status_knows_recent_latencies_and_holds_no_secret() -> None:
    async with on_loopback() as (engine, _):
        async with engine.open_speech(REQUEST) as stream:
            await hear(stream, "Hello.", is_last=True)
        status = engine.status()
        assert status.latency_p50_s is not None and status.latency_p50_s > 0
        assert status.detail["connections"] == 1 and "test-key" not in str(status)


def test_importing_the_engine_imports_no_sdk() -> None:
    code = (
        "import sys, voxd.engines.tts.cartesia; "
        "print({'cartesia', 'websockets', 'httpx'} & {m.split('.')[0] for m in sys.modules})"
    )
    assert subprocess.run([sys.executable, "-c", code], capture_output=True).stdout == b"set()\n"


def test_capabilities_and_defaults_agree() -> None:
    assert CAPABILITIES.languages == Settings().languages and "en" in CAPABILITIES.languages
    assert not CAPABILITIES.is_local
