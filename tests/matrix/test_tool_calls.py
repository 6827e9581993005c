"""Conversations with tools: Groq's own SDK on one wire, the operator's service on the other."""

import contextlib
import json
from collections.abc import AsyncIterator, Callable
from typing import Any, cast

import pytest

from tests.dialog.tooled import AGENT, TOOLS
from tests.fakes.call import GREETING, Running, Stage, live_call, make_config
from tests.servers import groq
from tests.servers.groq_script import KEY, Answering, whole_call
from tests.servers.groq_script import Script as ModelScript
from tests.tools.test_client import KEY as TOOLS_KEY
from tests.tools.test_client import Service, service
from voxd.commands import HangUp, Transfer
from voxd.engines.local.compute import LocalCompute
from voxd.engines.registry import open_engines, settings_types
from voxd.events import ClauseHeard, ClauseStarted, EndReason, PlaybackFinished
from voxd.tools.client import open_tools

pytestmark = pytest.mark.timeout(60)

Messages = list[dict[str, Any]]
Answer = Callable[[Messages], Answering]


def words(text: str) -> Answering:
    first, *rest = text.split(" ")
    return Answering((first, *(f" {word}" for word in rest)))


def calls(name: str, **arguments: Any) -> Answering:
    return Answering(tools=(whole_call(name, json.dumps(arguments)),))


@contextlib.asynccontextmanager
async def opened(
    monkeypatch: pytest.MonkeyPatch, answer: Answer, *answers: Any
) -> AsyncIterator[tuple[Stage, groq.GroqServer, Service]]:
    """A stage whose model is at the loopback Groq and whose tool is at a loopback service."""
    monkeypatch.setenv("GROQ_API_KEY", KEY)
    monkeypatch.setenv("VOXD_TOOLS_SECRET", TOOLS_KEY)
    async with contextlib.AsyncExitStack() as stack:
        there = await stack.enter_async_context(service(*(answers or ((200, b"Done."),))))
        script = ModelScript(answer=answer, first_token_s=0.2)
        server = await stack.enter_async_context(groq.open_server(script))
        settings = settings_types()["groq"][1].model_validate({"base_url": server.url})
        config = make_config(
            tier={"llm": ["groq"]},
            agent={**AGENT, "greeting": GREETING},
            tools={name: {**tool, "url": there.url} for name, tool in TOOLS.items()},
            engines={"groq": settings},
        )
        opening = open_engines(("groq",), config, cast(LocalCompute, None))
        engines = await stack.enter_async_context(opening)
        await engines["groq"].warm()
        stage = Stage(config=config)
        stage.more = [engines["groq"]]
        stage.tools = cast(Any, await stack.enter_async_context(open_tools(config)))
        yield stage, server, there


def said_by_agent(call: Running) -> list[str]:
    return [clause.text for clause in call.all(ClauseStarted)][1:]


async def test_slots_are_filled_over_two_turns(monkeypatch: pytest.MonkeyPatch) -> None:
    def answer(messages: Messages) -> Answering:
        last = messages[-1]
        if last["role"] == "tool":
            return words(f"Your reference is {json.loads(last['content'])['reference']}.")
        if "two" in last["content"]:
            return calls("book", people=2)
        return words("For how many people?")

    async with opened(monkeypatch, answer, (200, b'{"reference": "K7"}')) as (stage, model, there):
        async with live_call(stage) as call:
            await call.wait_for(PlaybackFinished)
            await stage.line.say("I want a table.")
            await call.wait_for(PlaybackFinished, 2)
            await stage.line.say("For two people.")
            await call.wait_for(PlaybackFinished, 3)
        assert said_by_agent(call) == ["For how many people?", "Your reference is K7."]
        (asked, _), *more = there.asked
        assert not more
        assert (asked["tool"], asked["arguments"]) == ("book", {"people": 2})
        offered = [tool["function"]["name"] for tool in model.replies[-1].body["tools"]]
        assert offered == list(AGENT["tools"])


async def test_an_invalid_argument_never_leaves_the_house(monkeypatch: pytest.MonkeyPatch) -> None:
    def answer(messages: Messages) -> Answering:
        last = messages[-1]
        if last["role"] != "tool":
            return calls("book", people="a few")
        if "must be of type integer" in last["content"]:
            return calls("book", people=3)
        return words("It is booked.")

    async with opened(monkeypatch, answer) as (stage, _, there):
        async with live_call(stage) as call:
            await call.wait_for(PlaybackFinished)
            await stage.line.say("A table for a few.")
            await call.wait_for(PlaybackFinished, 2)
        assert said_by_agent(call) == ["It is booked."]
        assert [asked["arguments"] for asked, _ in there.asked] == [{"people": 3}]


async def test_a_service_that_hangs_is_told_as_such(monkeypatch: pytest.MonkeyPatch) -> None:
    def answer(messages: Messages) -> Answering:
        last = messages[-1]
        if last["role"] == "tool":
            assert "may have been done" in last["content"]
            return words("I could not reach them.")
        return calls("book", people=2)

    async with opened(monkeypatch, answer, "hang") as (stage, _, there):
        async with live_call(stage) as call:
            await call.wait_for(PlaybackFinished)
            await stage.line.say("A table for two.")
            await call.wait_for(PlaybackFinished, 2)
        assert said_by_agent(call)[-1] == "I could not reach them."
        assert len(there.asked) == 1
        there.may_go_on.set()


async def test_a_goodbye_is_heard_before_the_line_drops(monkeypatch: pytest.MonkeyPatch) -> None:
    goodbye = Answering(("Thank", " you.", " Goodbye!"), calls("end_call").tools)
    async with opened(monkeypatch, lambda _: goodbye) as (stage, _, _):
        async with live_call(stage) as call:
            await call.wait_for(PlaybackFinished)
            await stage.line.say("That is all.")
            assert await call.ended() is EndReason.AGENT_HUNG_UP
        assert " ".join(said_by_agent(call)) == "Thank you. Goodbye!"
        assert len(call.all(ClauseHeard)) == len(call.all(ClauseStarted))
        assert call.all(HangUp) == [HangUp(EndReason.AGENT_HUNG_UP)]


async def test_a_caller_is_put_through(monkeypatch: pytest.MonkeyPatch) -> None:
    async with opened(monkeypatch, lambda _: calls("transfer_call")) as (stage, _, _):
        async with live_call(stage) as call:
            await call.wait_for(PlaybackFinished)
            await stage.line.say("Let me talk to a person.")
            assert await call.ended() is EndReason.AGENT_HUNG_UP
        assert call.call.next_step == Transfer("+15550123")
        assert said_by_agent(call) == [stage.config.phrases.transferring]
