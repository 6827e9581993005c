"""The engine on a real worker process with the shipped weights."""

import asyncio
import contextlib
import os
import signal
import tomllib
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.engines.local.llama_setup import GREETING, SYSTEM, ask
from voxd.commands import Message, ToolSpec
from voxd.config import Config, Local, Tier
from voxd.contracts import EngineState, Priority, ReplyRequest, Usage
from voxd.engines.llm.llamacpp import LlamaCppLanguageModel, Settings, open_engine
from voxd.engines.local.compute import open_compute
from voxd.engines.registry import Services
from voxd.errors import Category, EngineError
from voxd.events import ToolCall

ROOT = Path(__file__).parents[3]
TIER = Tier(target_s=3, stt=("faster-whisper",), llm=("llamacpp",), tts=("piper",))


def reply_to(call_id: str, messages: tuple[Message, ...], max_tokens: int = 12) -> ReplyRequest:
    return ReplyRequest(call_id, 1, messages, max_tokens, 0.0)


async def listen(engine: LlamaCppLanguageModel, request: ReplyRequest) -> tuple[str, Usage]:
    items = [item async for item in engine.stream_reply(request)]
    usage = items.pop()
    assert isinstance(usage, Usage)
    return "".join(str(item) for item in items), usage


@pytest.fixture
async def engine() -> AsyncIterator[LlamaCppLanguageModel]:
    config = Config(tiers={"free": TIER}, base_dir=ROOT, local=Local(silent_s=10))
    settings = Settings(sequences=2, context_tokens=512)
    # The worker has a task group: the fixture's task must be the one that leaves it.
    opened: asyncio.Future[LlamaCppLanguageModel] = asyncio.get_running_loop().create_future()
    closing = asyncio.Event()

    async def hold() -> None:
        async with (
            open_compute(config.local) as compute,
            open_engine("llamacpp", settings, Services(config, compute)) as language_model,
        ):
            await language_model.warm()
            opened.set_result(language_model)
            await closing.wait()

    holder = asyncio.get_running_loop().create_task(hold())
    await asyncio.wait([holder, opened], return_when=asyncio.FIRST_COMPLETED)
    if holder.done():
        holder.result()
    yield opened.result()
    closing.set()
    await holder


def in_use(engine: LlamaCppLanguageModel) -> int:
    return int(engine.status().detail["sequences_in_use"])


@pytest.mark.weights
async def test_a_call_from_its_prompt_to_its_release(engine: LlamaCppLanguageModel) -> None:
    assert engine.status().state is EngineState.HEALTHY and in_use(engine) == 0
    await engine.prepare("a", (SYSTEM, GREETING), Priority.GREETING)
    text, usage = await listen(engine, reply_to("a", ask("Where are you?")))
    assert text and usage.cached_tokens > 30 and usage.completion_tokens <= 12
    assert usage.finish_reason in ("stop", "length")
    assert in_use(engine) == 1
    await engine.release("a")
    await engine.release("a")
    assert in_use(engine) == 0 and not engine._jobs


@pytest.mark.weights
async def test_two_calls_are_answered_together_with_their_own_replies(
    engine: LlamaCppLanguageModel,
) -> None:
    questions = ("What time do you close?", "My order has not arrived.")
    replies = await asyncio.gather(
        *(listen(engine, reply_to(c, ask(q))) for c, q in zip("ab", questions, strict=True))
    )
    assert replies[0][0] != replies[1][0]


@pytest.mark.weights
async def test_a_dropped_reply_ends_and_the_next_goes_on_from_it(
    engine: LlamaCppLanguageModel,
) -> None:
    async with contextlib.aclosing(
        engine.stream_reply(reply_to("a", ask("Where are you?"), 300))
    ) as stream:
        async for _ in stream:
            break
    assert not engine._jobs["a"]
    _, usage = await listen(engine, reply_to("a", ask("Where are you now?")))
    assert usage.cached_tokens > 40


@pytest.mark.weights
async def test_release_while_a_reply_is_read_leaves_nothing(engine: LlamaCppLanguageModel) -> None:
    reader = asyncio.gather(
        listen(engine, reply_to("a", ask("Where are you?"), 300)), return_exceptions=True
    )
    while not engine._jobs.get("a"):
        await asyncio.sleep(0)
    await engine.release("a")
    assert isinstance((await reader)[0], EngineError)
    assert not engine._jobs
    for call_id in "bc":  # both sequences are free again
        await engine.prepare(call_id, (SYSTEM,), Priority.GREETING)


@pytest.mark.weights
async def test_more_calls_than_sequences_are_refused_as_overloaded(
    engine: LlamaCppLanguageModel,
) -> None:
    for call_id in "ab":
        await engine.prepare(call_id, (SYSTEM,), Priority.GREETING)
    with pytest.raises(EngineError) as caught:
        await engine.prepare("c", (SYSTEM,), Priority.GREETING)
    assert caught.value.category is Category.OVERLOADED
    assert in_use(engine) == 2


@pytest.mark.weights
async def test_a_prompt_that_never_fits_is_a_bad_request(engine: LlamaCppLanguageModel) -> None:
    with pytest.raises(EngineError) as caught:
        await listen(engine, reply_to("a", ask("word " * 700)))
    assert caught.value.category is Category.BAD_REQUEST


@pytest.mark.weights
async def test_a_killed_worker_costs_the_prefix_and_not_the_call(
    engine: LlamaCppLanguageModel,
) -> None:
    await listen(engine, reply_to("a", ask("Where are you?")))
    os.kill(int(engine.status().detail["pid"]), signal.SIGKILL)
    _, usage = await listen(engine, reply_to("a", ask("Where are you?")))
    assert usage.cached_tokens == 0 and usage.completion_tokens > 0
    assert engine.status().restarts == 1 and in_use(engine) == 1


def test_the_defaults_are_those_of_the_shipped_config() -> None:
    shipped = tomllib.loads((ROOT / "config.toml").read_text())["engines"]["llamacpp"]
    assert Settings(**shipped) == Settings()
    assert set(shipped) == set(Settings.model_fields)


@pytest.mark.weights
async def test_after_a_restart_the_next_call_finds_the_system_prompt_read(
    engine: LlamaCppLanguageModel,
) -> None:
    await engine.prepare("a", (SYSTEM,), Priority.GREETING)
    await engine.release("a")
    os.kill(int(engine.status().detail["pid"]), signal.SIGKILL)
    while not engine._reread._task:
        await asyncio.sleep(0.01)
    await asyncio.wait([engine._reread._task])
    assert in_use(engine) == 0
    _, usage = await listen(engine, reply_to("b", ask("Where are you?")))
    assert usage.cached_tokens > 30


@pytest.mark.weights
async def test_after_a_restart_a_running_call_finds_its_conversation_read(
    engine: LlamaCppLanguageModel,
) -> None:
    question = ask("Where are you?")
    _, first = await listen(engine, reply_to("a", question))
    os.kill(int(engine.status().detail["pid"]), signal.SIGKILL)
    while not engine._reread._task:
        await asyncio.sleep(0.01)
    await asyncio.wait([engine._reread._task])
    _, usage = await listen(engine, reply_to("a", question))
    assert usage.cached_tokens > first.prompt_tokens - 10


@pytest.mark.weights
async def test_a_call_of_a_tool_comes_whole_and_its_text_is_never_shown(
    engine: LlamaCppLanguageModel,
) -> None:
    tool = ToolSpec("end_call", "Hangs up.", '{"type": "object", "properties": {}}')
    called = Message("assistant", "", tool_calls=(ToolCall("c", "end_call", "{}"),))
    told = Message("tool", "Done.", tool_call_id="c")
    # A small model that has seen this writes it again.
    before = [it for word in ("Bye.", "Goodbye.") for it in (Message("user", word), called, told)]
    system = Message("system", "Be kind.", tools=(tool,))
    messages = (system, *before, called, Message("user", "Bye bye."))
    items = [item async for item in engine.stream_reply(reply_to("a", messages, 40))]
    await engine.release("a")
    *signs, call, usage = items
    assert set(signs) == {""}
    assert call == ToolCall("", "end_call", "{}")
    assert isinstance(usage, Usage) and usage.finish_reason == "stop"
