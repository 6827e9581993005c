"""The loopback Groq server is as strict as the original: each refusal is brought about here."""

import asyncio
import sys
from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import orjson
import pytest

from tests.servers.groq import GroqServer, open_server
from tests.servers.groq_script import KEY, Fault, Script, Trouble

CHAT = "/openai/v1/chat/completions"
GOOD: dict[str, Any] = {
    "model": "openai/gpt-oss-20b",
    "messages": [{"role": "user", "content": "Hi there"}],
    "stream": True,
}


@pytest.fixture
async def server() -> AsyncIterator[GroqServer]:
    async with open_server() as server:
        yield server


async def post(server: GroqServer, body: Any, path: str = CHAT, key: str = KEY) -> tuple[int, Any]:
    """Status, and either the error's code or the events of the stream."""
    async with (
        aiohttp.ClientSession(headers={"Authorization": f"Bearer {key}"}) as session,
        session.post(f"{server.url}{path}", json=body) as response,
    ):
        text = await response.text()
        if response.status == 200:
            return 200, text.split("\n\n")[:-1]
        return response.status, orjson.loads(text)["error"]["code"]


def choices(events: list[str]) -> list[Any]:
    return [orjson.loads(event.removeprefix("data: ")) for event in events[:-1]]


async def test_a_stream_has_the_documented_shape(server: GroqServer) -> None:
    status, events = await post(server, GOOD)
    chunks = choices(events)
    assert status == 200 and events[-1] == "data: [DONE]"
    assert chunks[0]["choices"][0]["delta"] == {"role": "assistant", "content": ""}
    assert chunks[0]["x_groq"] == {"id": "req_1"}
    assert [chunk["choices"][0]["delta"]["content"] for chunk in chunks[1:-1]] == [
        *("You", " said:", " Hi", " there")
    ]
    assert chunks[-1]["choices"][0]["finish_reason"] == "stop"
    assert chunks[-1]["x_groq"]["usage"]["completion_tokens"] == 4
    assert all("x_groq" not in chunk for chunk in chunks[1:-1])


async def test_a_usage_chunk_comes_when_asked(server: GroqServer) -> None:
    _, events = await post(server, {**GOOD, "stream_options": {"include_usage": True}})
    last = choices(events)[-1]
    assert last["choices"] == [] and last["usage"]["prompt_tokens"] == 2


async def test_reasoning_is_hidden_only_on_request_and_always_counts(server: GroqServer) -> None:
    server.script.reasoning = ("hm", "hm")
    _, shown = await post(server, GOOD)
    _, hidden = await post(server, {**GOOD, "include_reasoning": False})
    _, cut = await post(server, {**GOOD, "max_completion_tokens": 3})
    assert len(shown) == len(hidden) + 2
    assert choices(cut)[-1]["choices"][0]["finish_reason"] == "length"
    assert choices(hidden)[-1]["x_groq"]["usage"]["completion_tokens"] == 6


ASKED = {
    "role": "assistant",
    "content": "",
    "tool_calls": [
        {"id": "a", "type": "function", "function": {"name": "f", "arguments": "{}"}},
    ],
}


@pytest.mark.parametrize(
    ("change", "status"),
    [
        ({"model": "llama-3.1-8b-instant"}, 404),
        ({"messages": []}, 400),
        ({"messages": [{"role": "robot", "content": "Hi"}]}, 400),
        ({"messages": [{"role": "user", "content": None}]}, 400),
        ({"n": 2}, 400),
        ({"temperature": 2.5}, 400),
        ({"logprobs": True}, 400),
        ({"frequency_penalty": 1}, 400),
        ({"reasoning_effort": "none"}, 400),
        ({"include_reasoning": False, "reasoning_format": "hidden"}, 400),
        ({"tools": []}, 400),
        ({"tools": [{"type": "function", "function": {"name": "f"}}]}, 400),
        ({"messages": [{"role": "tool", "content": "ok", "tool_call_id": "a"}]}, 400),
        ({"messages": [ASKED]}, 400),
        ({"messages": [ASKED, {"role": "user", "content": "And?"}]}, 400),
        ({"messages": [ASKED, {"role": "tool", "content": "ok", "tool_call_id": "b"}]}, 400),
        ({"messages": [ASKED, {"role": "tool", "content": "ok", "tool_call_id": "a"}]}, 200),
    ],
    ids=repr,
)
async def test_what_groq_refuses_is_refused(
    server: GroqServer, change: dict[str, Any], status: int
) -> None:
    assert (await post(server, {**GOOD, **change}))[0] == status


async def test_other_keys_paths_and_bodies_are_refused(server: GroqServer) -> None:
    assert await post(server, GOOD, key="another") == (401, "invalid_api_key")
    assert await post(server, [1]) == (400, "json_invalid")
    async with aiohttp.ClientSession() as session:
        async with session.post(f"{server.url}/openai/v1{CHAT}", json=GOOD) as doubled:
            assert doubled.status == 404
        headers = {"Authorization": f"Bearer {KEY}"}
        async with session.post(f"{server.url}{CHAT}", data=b"{}", headers=headers) as untyped:
            assert untyped.status == 415


async def test_a_rate_limit_says_when_to_come_back(server: GroqServer) -> None:
    server.script.fault = Fault(Trouble.STATUS, status=429, code="tokens", retry_after="7")
    headers = {"Authorization": f"Bearer {KEY}"}
    async with (
        aiohttp.ClientSession(headers=headers) as session,
        session.post(f"{server.url}{CHAT}", json=GOOD) as response,
    ):
        assert (response.status, response.headers["retry-after"]) == (429, "7")


async def test_connections_and_times_are_written_down(server: GroqServer) -> None:
    for _ in range(2):
        await post(server, GOOD)
    first, second = server.replies
    assert (first.connection, second.connection, server.connections) == (1, 2, 2)
    times = [first.received_at, *(at for at, _ in first.sent)]
    assert times == sorted(times) and len(times) == 5


async def test_openais_dialect_knows_neither_groqs_path_nor_its_fields() -> None:
    async with open_server(Script(dialect="openai", key="")) as server:
        path = "/v1/chat/completions"
        _, events = await post(server, GOOD, path)
        assert all("x_groq" not in event for event in events)
        assert (await post(server, {**GOOD, "include_reasoning": False}, path))[0] == 400


async def test_it_can_be_started_by_hand() -> None:
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "tests.servers.groq", "--port", "0"), stdout=asyncio.subprocess.PIPE
    )
    try:
        assert process.stdout is not None
        line = await process.stdout.readline()
        assert b"groq on http://127.0.0.1:" in line and b"no model" in line
    finally:
        process.terminate()
        await process.wait()
