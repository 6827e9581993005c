"""Tools over real HTTP: signed, within the deadline, twice only where twice is once."""

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import orjson
import pytest
from aiohttp import web

from tests.dialog.playbook import TIER
from voxd.config import Config
from voxd.errors import ConfigError
from voxd.signing import HEADER, sign
from voxd.tools import client as client_module
from voxd.tools.client import (
    BROKE_OFF,
    PERHAPS_DONE,
    TOO_LATE,
    TOO_LONG,
    TOO_MANY,
    UNKNOWN,
    UNREACHABLE,
    ToolClient,
    check_tools_secret,
    open_tools,
)
from voxd.tools.exchange import MAX_BYTES, ToolAnswer

KEY = "tool-secret"
Patch = pytest.MonkeyPatch


@dataclass
class Service:
    """An operator's service: answers by script and remembers what it was asked."""

    answers: list[Any] = field(default_factory=list)
    """Status and body; "reset", "hang" or an answer that is one of many."""
    asked: list[tuple[dict[str, Any], dict[str, str]]] = field(default_factory=list)
    done: int = 0
    """Requests that were worked on to their end."""
    url: str = ""
    may_go_on: asyncio.Event = field(default_factory=asyncio.Event)

    async def answer(self, request: web.Request) -> web.Response:
        body = await request.read()
        unix_s = int(request.headers[HEADER].partition(",")[0].removeprefix("t="))
        assert request.headers[HEADER] == sign(KEY, body, unix_s)
        assert abs(time.time() - unix_s) < 60
        self.asked.append((orjson.loads(body), dict(request.headers)))
        answer = self.answers[min(len(self.asked), len(self.answers)) - 1]
        if answer == "reset":
            assert request.transport is not None
            request.transport.abort()
            raise ConnectionResetError
        if answer == "hang":
            await self.may_go_on.wait()
            answer = (200, b"late")
        self.done += 1
        return web.Response(status=answer[0], body=answer[1])


@contextlib.asynccontextmanager
async def service(*answers: Any) -> AsyncIterator[Service]:
    it = Service(list(answers))
    app = web.Application()
    app.router.add_post("/tool", it.answer)
    runner = web.AppRunner(app, handler_cancellation=False, shutdown_timeout=0.1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    it.url = f"{site.name}/tool"
    try:
        yield it
    finally:
        await runner.cleanup()


@contextlib.asynccontextmanager
async def client(monkeypatch: Patch, url: str, **keys: Any) -> AsyncIterator[ToolClient]:
    monkeypatch.setenv("VOXD_TOOLS_SECRET", KEY)
    tool = {"url": url, "description": "x", "deadline_s": 5.0, **keys}
    config = Config(tiers={"free": TIER}, base_dir=Path(), tools={"book": tool})
    async with open_tools(config) as opened:
        assert opened is not None
        yield opened


async def ask(it: ToolClient, request_id: int = 1) -> ToolAnswer:
    return await it.ask("book", '{"people": 2}', "CA1", request_id)


async def test_a_tool_is_asked_with_its_arguments_signed_and_keyed(monkeypatch: Patch) -> None:
    async with service((200, b'{"ok": true}')) as there, client(monkeypatch, there.url) as it:
        assert await ask(it, 7) == ToolAnswer('{"ok":true}')
        ((body, headers),) = there.asked
        assert body == {"tool": "book", "arguments": {"people": 2}, "call_sid": "CA1"}
        assert headers["Idempotency-Key"] == "CA1-7"


@pytest.mark.parametrize("trouble", ["reset", (500, b"")], ids=["reset", "server error"])
async def test_only_what_is_idempotent_is_asked_again(monkeypatch: Patch, trouble: Any) -> None:
    async with service(trouble, (200, b"fine")) as there:
        async with client(monkeypatch, there.url, is_idempotent=True) as it:
            assert await ask(it) == ToolAnswer("fine")
        assert len(there.asked) == 2
        keys = {headers["Idempotency-Key"] for _, headers in there.asked}
        assert keys == {"CA1-1"}
    async with service(trouble, (200, b"fine")) as there, client(monkeypatch, there.url) as it:
        assert (await ask(it)).is_error
        assert len(there.asked) == 1


async def test_a_refusal_is_not_asked_again(monkeypatch: Patch) -> None:
    async with service((422, b"Too many people.")) as there:
        async with client(monkeypatch, there.url, is_idempotent=True) as it:
            assert await ask(it) == ToolAnswer("Refused (422). Too many people.", is_error=True)
        assert len(there.asked) == 1


@pytest.mark.parametrize(("is_idempotent", "told"), [(True, TOO_LATE), (False, PERHAPS_DONE)])
async def test_the_deadline_holds_and_says_what_is_known(
    monkeypatch: Patch, is_idempotent: bool, told: ToolAnswer
) -> None:
    keys = {"deadline_s": 0.1, "is_idempotent": is_idempotent}
    async with service("hang") as there, client(monkeypatch, there.url, **keys) as it:
        assert await ask(it) == told
        there.may_go_on.set()


async def test_a_service_that_is_away_or_breaks_off_is_an_answer(monkeypatch: Patch) -> None:
    async with client(monkeypatch, "http://127.0.0.1:1/tool") as it:
        assert await ask(it) == UNREACHABLE
    async with service("reset") as there, client(monkeypatch, there.url) as it:
        assert await ask(it) == BROKE_OFF


async def test_an_endless_answer_is_cut_off(monkeypatch: Patch) -> None:
    async with service((200, b"x" * (MAX_BYTES + 1))) as there:
        async with client(monkeypatch, there.url, is_idempotent=True) as it:
            assert await ask(it) == TOO_LONG
        assert len(there.asked) == 1


async def test_a_redirect_is_not_followed(monkeypatch: Patch) -> None:
    async with service((302, b"")) as there, client(monkeypatch, there.url) as it:
        assert (await ask(it)).content == "It failed (302)."


async def test_what_is_not_idempotent_goes_on_when_the_caller_hangs_up(monkeypatch: Patch) -> None:
    async with service("hang") as there, client(monkeypatch, there.url) as it:
        asking = asyncio.get_running_loop().create_task(ask(it))
        while not there.asked:
            await asyncio.sleep(0.001)
        asking.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await asking
        there.may_go_on.set()
        await it.aclose()
        assert there.done == 1


async def test_what_is_idempotent_ends_with_the_call(monkeypatch: Patch) -> None:
    async with service("hang") as there:
        async with client(monkeypatch, there.url, is_idempotent=True) as it:
            asking = asyncio.get_running_loop().create_task(ask(it))
            while not there.asked:
                await asyncio.sleep(0.001)
            asking.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await asking
            await asyncio.sleep(0)
            await asyncio.sleep(0)
            assert not it._asked
        there.may_go_on.set()


async def test_more_than_the_bound_is_refused_and_so_is_what_nobody_knows(
    monkeypatch: Patch,
) -> None:
    async with client(monkeypatch, "http://127.0.0.1:1/tool") as it:
        assert await it.ask("other", "{}", "CA1", 1) == UNKNOWN
        monkeypatch.setattr(client_module, "MOST_ASKED", 0)
        assert await ask(it) == TOO_MANY


async def test_without_the_secret_the_daemon_does_not_start(monkeypatch: Patch) -> None:
    monkeypatch.delenv("VOXD_TOOLS_SECRET", raising=False)
    tools = {"book": {"url": "https://example.com", "description": "x"}}
    config = Config(tiers={"free": TIER}, base_dir=Path(), tools=tools)
    assert [problem.key for problem in check_tools_secret(config)] == ["tools"]
    with pytest.raises(ConfigError):
        async with open_tools(config):
            raise AssertionError("must not open")
    bare = Config(tiers={"free": TIER}, base_dir=Path())
    async with open_tools(bare) as opened:
        assert opened is None


async def test_for_another_config_other_tools_are_asked_and_one_close_waits_for_all(
    monkeypatch: Patch,
) -> None:
    async with service((200, b"fine"), "hang") as there, client(monkeypatch, there.url) as it:
        other = it.for_config(Config(tiers={"free": TIER}, base_dir=Path()))
        assert await ask(other) == UNKNOWN
        tool = {"url": there.url, "description": "x"}
        same = it.for_config(Config(tiers={"free": TIER}, tools={"book": tool}))
        assert await ask(same) == ToolAnswer("fine")
        late = asyncio.get_running_loop().create_task(ask(same))
        while len(there.asked) < 2:
            await asyncio.sleep(0.005)
        asyncio.get_running_loop().call_later(0.05, there.may_go_on.set)
        await it.aclose()
        assert await late == ToolAnswer("late")
