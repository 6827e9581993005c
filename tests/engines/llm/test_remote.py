"""What both remote engines do, over real sockets: streams, ends, faults, connections."""

import asyncio
import contextlib
import socket
from typing import Any

import pytest

from tests.engines.llm.loopback import MODULES, ask, listen, opened, settings_for, until
from tests.servers.groq_script import Fault, Script, Trouble
from voxd.commands import Message
from voxd.contracts import EngineState, Priority, ReplyRequest, Usage
from voxd.engines.llm import warm_connections
from voxd.errors import Category, EngineError, Phase
from voxd.selection.health import EngineHealth

pytestmark = pytest.mark.parametrize("provider", ["groq", "openai"])
Patch = pytest.MonkeyPatch


async def test_a_reply_comes_token_by_token_and_ends_with_its_usage(
    provider: str, monkeypatch: Patch
) -> None:
    async with opened(monkeypatch, provider) as (engine, server):
        items = [item async for item in engine.stream_reply(ask("Where are you?"))]
    assert items[:-1] == ["You", " said:", " Where", " are", " you?"]
    assert items[-1] == Usage(6, 0, 5, "stop")
    body = server.replies[0].body
    assert body["temperature"] == 0.7 and body["stream"] is True
    assert [message["role"] for message in body["messages"]] == ["system", "user"]


async def test_text_beyond_the_limit_is_cut_and_the_request_ended(
    provider: str, monkeypatch: Patch
) -> None:
    script = Script(reply=lambda _: ["la"] * 400, token_s=0.001)
    async with opened(monkeypatch, provider, script, reasoning_tokens=1000) as (engine, server):
        text, usage = await listen(engine, ask(max_tokens=7))
        assert text == "la" * 7
        assert usage == Usage(0, 0, 7, "length")
        await until(lambda: server.unfinished == 0)
        assert len(server.replies[0].sent) < 400


async def test_a_reply_that_the_server_cut_says_so(provider: str, monkeypatch: Patch) -> None:
    script = Script(reasoning=("hm",) * 3, reply=lambda _: ["la"] * 9)
    async with opened(monkeypatch, provider, script, reasoning_tokens=0) as (engine, _):
        text, usage = await listen(engine, ask(max_tokens=5))
    assert text == "la" * 2 and usage.finish_reason == "length"


@pytest.mark.parametrize(
    "script",
    [
        Script(reply=lambda _: []),
        Script(reply=lambda _: ["\n", "  "]),
        Script(reasoning=("hm",) * 9, reply=lambda _: []),
        Script(reply=lambda _: [], tools=({"index": 0, "id": "t", "function": {"name": "f"}},)),
    ],
    ids=["nothing", "white space", "only reasoning", "only a tool call"],
)
async def test_an_answer_without_a_word_is_an_error(
    provider: str, script: Script, monkeypatch: Patch
) -> None:
    async with opened(monkeypatch, provider, script) as (engine, _):
        with pytest.raises(EngineError) as caught:
            await listen(engine)
    assert (caught.value.category, caught.value.phase) == (Category.SERVER, Phase.FIRST_RESULT)


async def test_tool_calls_beside_text_do_no_harm(provider: str, monkeypatch: Patch) -> None:
    pieces = (
        {"index": 0, "id": "t", "type": "function", "function": {"name": "f", "arguments": "{"}},
        {"index": 0, "function": {"arguments": "}"}},
    )
    async with opened(monkeypatch, provider, Script(tools=pieces)) as (engine, _):
        text, usage = await listen(engine)
    assert text.startswith("You said") and usage.finish_reason == "stop"


FAULTS: list[tuple[Fault, Category, Phase]] = [
    (Fault(Trouble.STATUS, status=400), Category.BAD_REQUEST, Phase.FIRST_RESULT),
    (Fault(Trouble.STATUS, status=401), Category.AUTH, Phase.FIRST_RESULT),
    (Fault(Trouble.STATUS, status=402), Category.QUOTA, Phase.FIRST_RESULT),
    (Fault(Trouble.STATUS, status=403), Category.AUTH, Phase.FIRST_RESULT),
    (Fault(Trouble.STATUS, status=404), Category.BAD_REQUEST, Phase.FIRST_RESULT),
    (Fault(Trouble.STATUS, status=413), Category.BAD_REQUEST, Phase.FIRST_RESULT),
    (Fault(Trouble.STATUS, status=429), Category.RATE_LIMIT, Phase.FIRST_RESULT),
    (Fault(Trouble.STATUS, status=498), Category.OVERLOADED, Phase.FIRST_RESULT),
    (Fault(Trouble.STATUS, status=500), Category.SERVER, Phase.FIRST_RESULT),
    (Fault(Trouble.STATUS, status=503), Category.SERVER, Phase.FIRST_RESULT),
    (Fault(Trouble.STALL_BEFORE_HEADERS), Category.TIMEOUT, Phase.FIRST_RESULT),
    (Fault(Trouble.STALL), Category.TIMEOUT, Phase.FIRST_RESULT),
    (Fault(Trouble.STALL, after=2), Category.TIMEOUT, Phase.STREAM),
    (Fault(Trouble.DROP), Category.CONNECTIVITY, Phase.FIRST_RESULT),
    (Fault(Trouble.DROP, after=2), Category.CONNECTIVITY, Phase.STREAM),
    (Fault(Trouble.END), Category.SERVER, Phase.FIRST_RESULT),
    (Fault(Trouble.END, after=2), Category.SERVER, Phase.STREAM),
    (Fault(Trouble.ERROR_EVENT), Category.SERVER, Phase.FIRST_RESULT),
    (Fault(Trouble.ERROR_EVENT, after=2), Category.SERVER, Phase.STREAM),
    (Fault(Trouble.ERROR_LINE, after=2), Category.SERVER, Phase.STREAM),
    (
        Fault(Trouble.ERROR_LINE, after=2, code="rate_limit_exceeded"),
        Category.RATE_LIMIT,
        Phase.STREAM,
    ),
    *(
        (Fault(Trouble.GARBAGE, after=2, garbage=garbage), Category.SERVER, Phase.STREAM)
        for garbage in (
            b"data: {\n\n",
            b"data: 5\n\n",
            b"data: \xff\xfe\n\n",
            b'data: {"choices": 7}\n\n',
            b'data: {"choices": [{"delta": {"content": {"a": 1}}}]}\n\n',
            b'event: error\ndata: "no object"\n\n',
            b"<html>login</html>",
        )
    ),
]


@pytest.mark.parametrize(
    ("fault", "category", "phase"),
    FAULTS,
    ids=lambda item: (
        f"{item.trouble.value} {item.status} {item.after}" if isinstance(item, Fault) else None
    ),
)
async def test_every_fault_has_its_category_and_phase_and_costs_one_reply(
    provider: str, fault: Fault, category: Category, phase: Phase, monkeypatch: Patch
) -> None:
    script = Script(fault=fault)
    stalls = category is Category.TIMEOUT
    limits = {"first_token_s": 0.5, "next_token_s": 0.3} if stalls else {}
    async with opened(monkeypatch, provider, script, **limits) as (engine, server):
        spoken = []
        with pytest.raises(EngineError) as caught:
            async for item in engine.stream_reply(ask()):
                spoken.append(item)
        error = caught.value
        assert (error.category, error.phase) == (category, phase)
        assert spoken == ["You", " said:"][: fault.after]
        assert error.__cause__ is not None and "You said" not in str(error)
        assert len(server.replies) == 1  # nothing was retried behind our back
        assert engine.status().active == 0
        script.fault = None
        assert (await listen(engine))[0].startswith("You said")
        await until(lambda: server.unfinished == 0)


async def test_a_rate_limit_tells_when_to_come_back(provider: str, monkeypatch: Patch) -> None:
    fault = Fault(Trouble.STATUS, status=429, code="rate_limit_exceeded", retry_after="7.5")
    async with opened(monkeypatch, provider, Script(fault=fault)) as (engine, server):
        with pytest.raises(EngineError) as caught:
            await listen(engine)
        assert caught.value.retry_after_s == 7.5
        assert len(server.exchanges) == 1


async def test_a_slow_start_is_bounded_even_when_useless_things_arrive(
    provider: str, monkeypatch: Patch
) -> None:
    script = Script(reasoning=("hm",) * 1000, token_s=0.01)
    async with opened(monkeypatch, provider, script, first_token_s=0.2) as (engine, _):
        with pytest.raises(EngineError) as caught:
            await listen(engine)
    assert (caught.value.category, caught.value.phase) == (Category.TIMEOUT, Phase.FIRST_RESULT)


# --- connecting -------------------------------------------------------------------------------


async def fail_to_connect(provider: str, url: str, monkeypatch: Patch) -> list[EngineError]:
    """What `warm` and a reply say of a server that cannot be reached."""
    monkeypatch.setenv("GROQ_API_KEY", "test-key")
    settings = settings_for(provider, url, connect_s=0.1)
    errors = []
    async with MODULES[provider].open_engine(provider, settings, None) as engine:
        for attempt in (engine.warm(), listen(engine)):
            with pytest.raises(EngineError) as caught:
                await attempt
            errors.append(caught.value)
    return errors


async def test_a_refused_connection(provider: str, monkeypatch: Patch) -> None:
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{closed.getsockname()[1]}"
        errors = await fail_to_connect(provider, url, monkeypatch)
    assert {(e.category, e.phase) for e in errors} == {(Category.CONNECTIVITY, Phase.CONNECT)}


async def test_a_name_that_nobody_knows(provider: str, monkeypatch: Patch) -> None:
    async def getaddrinfo(*_: Any, **__: Any) -> Any:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    monkeypatch.setattr(asyncio.get_running_loop(), "getaddrinfo", getaddrinfo)
    errors = await fail_to_connect(provider, "http://nobody.invalid", monkeypatch)
    assert {(e.category, e.phase) for e in errors} == {(Category.CONNECTIVITY, Phase.CONNECT)}


async def test_a_tls_handshake_that_hangs(provider: str, monkeypatch: Patch) -> None:
    with socket.socket() as silent:  # the kernel accepts, nobody answers
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        url = f"https://127.0.0.1:{silent.getsockname()[1]}"
        errors = await fail_to_connect(provider, url, monkeypatch)
    assert {(e.category, e.phase) for e in errors} == {(Category.TIMEOUT, Phase.CONNECT)}


# --- warm -------------------------------------------------------------------------------------


async def test_warm_opens_two_connections_and_asks_for_nothing_that_costs(
    provider: str, monkeypatch: Patch
) -> None:
    async with opened(monkeypatch, provider, Script(models_together=2)) as (engine, server):
        assert engine.status().state is EngineState.STARTING and server.exchanges == []
        await engine.warm()
        await engine.warm()
        assert engine.status().state is EngineState.HEALTHY
        assert server.connections == 2 and server.replies == []
        for _ in range(3):
            await listen(engine)
        assert server.connections == 2
        assert engine.status().latency_p50_s is not None


async def test_a_wrong_key_is_told_at_once(provider: str, monkeypatch: Patch) -> None:
    async with opened(monkeypatch, provider, Script(key="another")) as (engine, _):
        with pytest.raises(EngineError) as caught:
            await engine.warm()
    assert caught.value.category is Category.AUTH
    assert engine.status().state is EngineState.EJECTED
    assert "test-key" not in str(caught.value)


async def test_a_missing_key_is_told_without_asking(provider: str, monkeypatch: Patch) -> None:
    async with opened(monkeypatch, provider) as (_, server):
        monkeypatch.delenv("GROQ_API_KEY")
        settings = settings_for(provider, server.url)
        async with MODULES[provider].open_engine(provider, settings, None) as engine:
            for attempt in (engine.warm(), listen(engine)):
                with pytest.raises(EngineError, match="GROQ_API_KEY is not set") as caught:
                    await attempt
                assert caught.value.category is Category.AUTH
        assert server.exchanges == []


async def test_a_model_that_is_not_served_is_named(provider: str, monkeypatch: Patch) -> None:
    async with opened(monkeypatch, provider, model="llama-3.1-8b-instant") as (engine, _):
        with pytest.raises(EngineError, match=r"llama-3\.1-8b-instant") as caught:
            await engine.warm()
    assert caught.value.category is Category.AUTH


async def test_a_model_that_was_shut_down_fails_no_second_call(
    provider: str, monkeypatch: Patch
) -> None:
    async with opened(monkeypatch, provider) as (engine, server):
        await listen(engine)
        server.script.models = ("something-newer",)
        with pytest.raises(EngineError, match="model_not_found") as caught:
            await listen(engine)
        health = EngineHealth(engine.capabilities.expected_latency_s)
        health.record_error(0.0, caught.value.category)
        assert health.is_ejected_for_good
        assert engine.status().state is EngineState.EJECTED


async def test_warm_reports_a_server_that_is_ill(provider: str, monkeypatch: Patch) -> None:
    script = Script(models_fault=Fault(Trouble.STATUS, status=503))
    async with opened(monkeypatch, provider, script) as (engine, _):
        with pytest.raises(EngineError) as caught:
            await engine.warm()
        assert (caught.value.category, caught.value.phase) == (Category.SERVER, Phase.CONNECT)
        assert engine.status().state is EngineState.DEGRADED
        script.models_fault = None
        await engine.warm()
        assert engine.status().state is EngineState.HEALTHY


async def test_a_probe_is_a_small_real_reply_that_keeps_its_connection(
    provider: str, monkeypatch: Patch
) -> None:
    script = Script(models_together=2, first_token_s=0.02)
    async with opened(monkeypatch, provider, script, reasoning_tokens=0) as (engine, server):
        times = [await engine.probe() for _ in range(2)]
        assert all(seconds >= 0.02 for seconds in times)
        body = server.replies[0].body
        assert len(server.replies) == 2 and server.connections == 2
        assert body.get("max_tokens", body.get("max_completion_tokens")) <= 8
        script.fault = Fault(Trouble.STATUS, status=500)
        with pytest.raises(EngineError):
            await engine.probe()


async def test_prepare_only_makes_the_connections_warm_and_release_is_harmless(
    provider: str, monkeypatch: Patch
) -> None:
    async with opened(monkeypatch, provider, Script(models_together=2)) as (engine, server):
        messages = (Message("system", "You are kind."),)
        for _ in range(3):
            await engine.prepare("call", messages, Priority.GREETING)
        assert server.connections == 2 and len(server.exchanges) == 2
        await engine.release("call")
        await engine.release("never seen")


# --- leaving ----------------------------------------------------------------------------------


async def test_a_dropped_reply_ends_at_the_server_and_the_next_has_a_connection_waiting(
    provider: str, monkeypatch: Patch
) -> None:
    monkeypatch.setattr(warm_connections, "REFILL_PAUSE_S", 0.001)
    script = Script(reply=lambda _: ["la"] * 100_000, token_s=0.001, models_together=2)
    async with opened(monkeypatch, provider, script, reasoning_tokens=100) as (engine, server):
        await engine.warm()
        async with contextlib.aclosing(engine.stream_reply(ask())) as reply:
            assert await anext(reply) == "la"
        await until(lambda: server.unfinished == 0)
        script.reply = lambda _: ["fine"]
        await listen(engine)
        first, second = server.replies
        assert first.connection != second.connection and second.connection <= 2
        await until(lambda: server.connections >= 3)  # and the lost one was replaced


async def test_a_cancelled_consumer_leaves_nothing_behind(
    provider: str, monkeypatch: Patch
) -> None:
    script = Script(fault=Fault(Trouble.STALL, after=1))
    async with opened(monkeypatch, provider, script) as (engine, server):
        for _ in range(5):
            task = asyncio.get_running_loop().create_task(listen(engine))
            await until(lambda: server.unfinished == 1)
            assert engine.status().active == 1
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
            await until(lambda: server.unfinished == 0)
            assert engine.status().active == 0


async def test_many_replies_at_once_are_each_their_own(provider: str, monkeypatch: Patch) -> None:
    async with opened(monkeypatch, provider, Script(token_s=0.001)) as (engine, _):
        replies = await asyncio.gather(*(listen(engine, ask(f"number {n}")) for n in range(20)))
    assert [text for text, _ in replies] == [f"You said: number {n}" for n in range(20)]


async def test_half_a_character_in_a_prompt_is_a_bad_request(
    provider: str, monkeypatch: Patch
) -> None:
    async with opened(monkeypatch, provider) as (engine, server):
        with pytest.raises(EngineError) as caught:
            await listen(engine, ReplyRequest("call", 1, (Message("user", "\ud83d"),), 9, 0.7))
        assert caught.value.category is Category.BAD_REQUEST
        assert server.replies == []
