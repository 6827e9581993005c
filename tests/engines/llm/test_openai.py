"""What only the OpenAI-compatible engine does: any server, by URL."""

import tomllib
from pathlib import Path

import pytest
from aiohttp import web
from pydantic import ValidationError

from tests.engines.llm.loopback import ask, listen, opened
from tests.servers.groq_script import Script
from voxd.contracts import Usage
from voxd.engines.llm.openai import Settings, encode_request, open_engine
from voxd.errors import Category, EngineError

ROOT = Path(__file__).parents[3]
Patch = pytest.MonkeyPatch


def test_the_request_asks_for_usage_and_has_nothing_of_groqs() -> None:
    request = encode_request(Settings(), "m", ask(max_tokens=150))
    assert request == {
        "model": "m",
        "messages": [
            {"role": "system", "content": "You are kind."},
            {"role": "user", "content": "Where are you?"},
        ],
        "stream": True,
        "stream_options": {"include_usage": True},
        "temperature": 0.7,
        "max_tokens": 150,
    }


def test_the_limit_goes_by_the_servers_word_and_has_room_for_reasoning() -> None:
    settings = Settings(limit_key="max_completion_tokens", reasoning_tokens=50)
    request = encode_request(settings, "m", ask(max_tokens=150))
    assert request["max_completion_tokens"] == 200 and "max_tokens" not in request


async def test_a_server_without_a_key_is_sent_none(monkeypatch: Patch) -> None:
    async with opened(monkeypatch, "openai", Script(key=""), credential="") as (engine, server):
        await engine.warm()
        assert (await listen(engine))[1] == Usage(6, 0, 5, "stop")
        assert len(server.exchanges) == 3


async def test_without_a_model_the_first_that_is_served_is_used(monkeypatch: Patch) -> None:
    script = Script(models=("only-one", "another"))
    async with opened(monkeypatch, "openai", script, model="") as (engine, server):
        await listen(engine)  # not warm: it is found on the way
        assert server.replies[0].body["model"] == "only-one"
        assert engine.status().detail["model"] == "only-one"
        script.models = ("another",)
        await engine.warm()
        assert engine.status().detail["model"] == "another"


async def test_a_server_without_models_is_told(monkeypatch: Patch) -> None:
    async with opened(monkeypatch, "openai", Script(models=()), model="") as (engine, _):
        with pytest.raises(EngineError, match="serves no model"):
            await engine.warm()


async def test_a_wrong_path_is_a_bad_request(monkeypatch: Patch) -> None:
    async with opened(monkeypatch, "openai") as (_, server):
        settings = Settings(base_url=f"{server.url}/v2")
        async with open_engine("openai", settings, None) as engine:  # type: ignore[arg-type]
            with pytest.raises(EngineError, match="HTTP 404") as caught:
                await engine.warm()
    assert caught.value.category is Category.BAD_REQUEST


@pytest.mark.parametrize("body", [b"<html>", b"5", b'{"data": 5}', b"", b"\xff"])
async def test_a_list_of_models_that_is_none_is_a_server_error(body: bytes) -> None:
    async def answer(_: web.Request) -> web.Response:
        return web.Response(body=body)

    app = web.Application()
    app.router.add_get("/v1/models", answer)
    runner = web.AppRunner(app)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        settings = Settings(base_url=f"http://127.0.0.1:{runner.addresses[0][1]}/v1/")
        async with open_engine("openai", settings, None) as engine:  # type: ignore[arg-type]
            with pytest.raises(EngineError):
                await engine.warm()
    finally:
        await runner.cleanup()


@pytest.mark.parametrize("url", ["127.0.0.1:8000", "http://", "http://host/v1?x=1", "ftp://host"])
def test_a_base_url_that_is_none_is_refused(url: str) -> None:
    with pytest.raises(ValidationError):
        Settings(base_url=url)


def test_the_defaults_are_those_of_the_shipped_config() -> None:
    shipped = tomllib.loads((ROOT / "config.toml").read_text())["engines"]["openai"]
    assert Settings(**shipped) == Settings()
