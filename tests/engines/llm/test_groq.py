"""What only Groq does, through its real SDK."""

import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from tests.engines.llm.loopback import MODEL, ask, listen, opened
from tests.servers.groq import open_server
from tests.servers.groq_script import Fault, Script, Trouble
from voxd.contracts import Usage
from voxd.engines.llm.groq import CAPABILITIES, Settings, encode_request, open_engine
from voxd.engines.llm.warm_connections import KEEPALIVE_S
from voxd.errors import Category, EngineError, Phase

ROOT = Path(__file__).parents[3]
Patch = pytest.MonkeyPatch


def test_the_request_has_room_for_reasoning_and_hides_it() -> None:
    request = encode_request(Settings(reasoning_tokens=200), MODEL, ask(max_tokens=150))
    assert request == {
        "model": MODEL,
        "messages": [
            {"role": "system", "content": "You are kind."},
            {"role": "user", "content": "Where are you?"},
        ],
        "stream": True,
        "temperature": 0.7,
        "max_completion_tokens": 350,
        "reasoning_effort": "low",
        "include_reasoning": False,
        "service_tier": "on_demand",
    }


def test_a_model_that_does_not_reason_is_not_asked_to() -> None:
    request = encode_request(Settings(reasoning_effort=""), "some-model", ask())
    assert not {"reasoning_effort", "include_reasoning"} & set(request)


async def test_reasoning_is_not_sent_and_does_not_eat_the_reply(monkeypatch: Patch) -> None:
    script = Script(reasoning=("hm",) * 100, reply=lambda _: ["la"] * 20)
    async with opened(monkeypatch, "groq", script) as (engine, server):
        text, usage = await listen(engine, ask(max_tokens=20))
        assert text == "la" * 20
        assert usage.finish_reason == "length"  # full; whether more was to come is not awaited
        assert server.replies[0].body["include_reasoning"] is False


async def test_each_request_is_as_the_sdk_makes_it_but_for_its_body(monkeypatch: Patch) -> None:
    async with opened(monkeypatch, "groq") as (engine, server):
        for max_tokens in (20, 1000, 30):
            await listen(engine, ask(max_tokens=max_tokens))
    first, second, third = server.replies
    assert [reply.body["max_completion_tokens"] for reply in server.replies] == [532, 1512, 542]
    assert second.headers.pop("Content-Length") != first.headers.pop("Content-Length")
    assert third.headers.pop("Content-Length")
    assert first.headers == second.headers == third.headers
    assert {"x-stainless-package-version", "authorization"} <= {
        name.lower() for name in first.headers
    }


async def test_usage_comes_without_asking(monkeypatch: Patch) -> None:
    async with opened(monkeypatch, "groq") as (engine, server):
        assert (await listen(engine))[1] == Usage(6, 0, 5, "stop")
        assert "stream_options" not in server.replies[0].body


async def test_a_reply_that_groq_stopped_is_an_error(monkeypatch: Patch) -> None:
    script = Script(fault=Fault(Trouble.STOPPED, after=2))
    async with opened(monkeypatch, "groq", script) as (engine, _):
        with pytest.raises(EngineError, match="stopped the reply") as caught:
            await listen(engine)
    assert (caught.value.category, caught.value.phase) == (Category.SERVER, Phase.STREAM)


async def test_a_setting_that_the_model_refuses_is_a_bad_request(monkeypatch: Patch) -> None:
    async with opened(monkeypatch, "groq", reasoning_effort="none") as (engine, _):
        with pytest.raises(EngineError, match="HTTP 400 reasoning_effort_invalid") as caught:
            await listen(engine)
    assert caught.value.category is Category.BAD_REQUEST


async def test_the_sdk_neither_retries_nor_drops_idle_connections(monkeypatch: Patch) -> None:
    async with opened(monkeypatch, "groq") as (engine, _):
        client: Any = engine._provider._client  # type: ignore[attr-defined]
        assert client.max_retries == 0
        assert client._client._transport.limits.keepalive_expiry == KEEPALIVE_S == 60.0


async def test_settings_of_the_sdk_in_the_environment_have_no_say(monkeypatch: Patch) -> None:
    monkeypatch.setenv("GROQ_BASE_URL", "http://127.0.0.1:1")
    async with opened(monkeypatch, "groq") as (engine, _):
        await engine.warm()


async def test_without_the_sdk_the_sentence_says_what_to_install(monkeypatch: Patch) -> None:
    monkeypatch.setitem(sys.modules, "groq", None)
    monkeypatch.delitem(sys.modules, "voxd.engines.llm.groq_client", raising=False)
    with pytest.raises(EngineError, match=r"voxd\[cloud\]"):
        async with opened(monkeypatch, "groq"):
            raise AssertionError("must not open")


def test_importing_the_engine_imports_no_sdk() -> None:
    code = "import sys, voxd.engines.llm.groq; print('groq' in sys.modules, 'httpx' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, check=True)
    assert done.stdout == b"False False\n"


@pytest.mark.parametrize("url", ["https://api.groq.com/openai/v1", "api.groq.com", "ftp://x"])
def test_a_base_url_with_a_path_is_refused(url: str) -> None:
    with pytest.raises(ValidationError):
        Settings(base_url=url)


def test_the_expectation_is_the_design_documents() -> None:
    assert CAPABILITIES.expected_latency_s == 0.220 and not CAPABILITIES.is_local


def test_the_defaults_are_those_of_the_shipped_config() -> None:
    shipped = tomllib.loads((ROOT / "config.toml").read_text())["engines"]["groq"]
    assert Settings(**shipped) == Settings()


async def test_a_key_that_fits_into_no_header_is_told_by_warm(monkeypatch: Patch) -> None:
    monkeypatch.setenv("GROQ_API_KEY", "\ufeffgsk_1")
    async with open_server() as server:
        settings = Settings(base_url=server.url)
        async with open_engine("groq", settings, None) as engine:  # type: ignore[arg-type]
            with pytest.raises(EngineError, match="characters that no key has") as refused:
                await engine.warm()
    assert refused.value.category is Category.AUTH
