"""The engine of docs/engines.md is complete: it is taken from there, opened and asked."""

import json
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from tests.engines.llm.loopback import ask, listen
from voxd.contracts import Usage
from voxd.errors import Category, EngineError

DOCUMENT = Path(__file__).parents[3] / "docs" / "engines.md"
KEY = "a-key"


def example() -> dict[str, Any]:
    """The names of the module that the document shows."""
    blocks = re.findall(r"```python\n(.*?)```", DOCUMENT.read_text(encoding="utf-8"), re.DOTALL)
    source = next(block for block in blocks if "def open_engine(" in block)
    names: dict[str, Any] = {"__name__": "voxd.engines.llm.example"}
    exec(compile(source, str(DOCUMENT), "exec", dont_inherit=True), names)
    return names


@asynccontextmanager
async def service(asked: list[Any]) -> AsyncIterator[str]:
    """Speaks the wire that the example was made for."""

    def check(request: web.Request) -> None:
        if request.headers.get("Authorization") != f"Bearer {KEY}":
            raise web.HTTPUnauthorized

    async def models(request: web.Request) -> web.Response:
        check(request)
        return web.json_response({"data": [{"id": "small"}]})

    async def reply(request: web.Request) -> web.StreamResponse:
        check(request)
        asked.append(await request.json())
        response = web.StreamResponse()
        await response.prepare(request)
        usage = {"prompt_tokens": 6, "completion_tokens": 2}
        for piece in ({"text": "I am "}, {"text": "here."}, {"end": "stop", "usage": usage}):
            await response.write(json.dumps(piece).encode() + b"\n")
        return response

    app = web.Application()
    app.router.add_get("/models", models)
    app.router.add_post("/reply", reply)
    runner = web.AppRunner(app)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        yield f"http://127.0.0.1:{runner.addresses[0][1]}"
    finally:
        await runner.cleanup()


async def test_it_answers_and_counts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EXAMPLE_API_KEY", KEY)
    names, asked = example(), []
    async with service(asked) as url:
        settings = names["Settings"](base_url=url)
        async with names["open_engine"]("example", settings, None) as engine:
            await engine.warm()
            asked.clear()
            assert await listen(engine) == ("I am here.", Usage(6, 0, 2, "stop"))
    (body,) = asked
    assert [message["content"] for message in body["conversation"]] == [
        "You are kind.",
        "Where are you?",
    ]


async def test_a_wrong_key_is_told_and_not_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EXAMPLE_API_KEY", "another-key")
    names = example()
    async with service([]) as url:
        settings = names["Settings"](base_url=url)
        async with names["open_engine"]("example", settings, None) as engine:
            with pytest.raises(EngineError) as caught:
                await engine.warm()
            assert caught.value.category is Category.AUTH
            assert "another-key" not in str(caught.value)
            with pytest.raises(EngineError):
                await listen(engine, ask())
