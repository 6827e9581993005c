"""Conversations with tools whose model is the shipped one, in its worker process.

Real time: what is asserted is what was done and in which order, never how long something took nor
in which words. The model's temperature is 0 and what the callers say is chosen so that it calls.
"""

import contextlib
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any, cast

import pytest

from tests.fakes.call import GREETING, Running, Stage, live_call, make_config
from tests.server.harness import serving
from tests.test_handed_over_calls import PERSON, rings_in_vain, talk
from tests.tools.test_client import KEY, Service, service
from voxd.commands import HangUp, StartReply
from voxd.config import Config, Local
from voxd.contracts import FRAME_S, Engine
from voxd.engines.llm.llamacpp import Settings
from voxd.engines.local.compute import open_compute
from voxd.engines.registry import open_engines
from voxd.events import ClauseHeard, ClauseStarted, EndReason, PlaybackFinished, ToolReturned
from voxd.tools.client import PERHAPS_DONE, open_tools

pytestmark = [pytest.mark.weights, pytest.mark.timeout(120)]

MODEL = Path(__file__).parents[1] / "models/llm/SmolLM2-135M-Instruct.Q4_1.gguf"
BOOK: dict[str, Any] = {
    "description": "Books a table. Needs the number of people and the day.",
    "parameters": {
        "type": "object",
        "properties": {
            "people": {"enum": list(range(1, 13))},
            "day": {"enum": ["today", "tomorrow"]},
        },
        "required": ["people", "day"],
        "additionalProperties": False,
    },
}
WORDS = {"said": "What do you sell?", "reply": "We sell bread and cake, fresh every day."}
BOOKED = {
    "said": "A table for eight today.",
    "tool": "book_table",
    "arguments": {"people": 8, "day": "today"},
    "answer": "Booked, number 12.",
    "reply": "It is booked, your number is 12.",
}
ENDED = {"said": "Okay, bye then.", "tool": "end_call"}
PUT_THROUGH = {"said": "(I pressed 0 on the keypad.)", "tool": "transfer_call"}
ASK = "A table for four tomorrow, please."


def config_of(*examples: dict[str, Any], url: str = "http://127.0.0.1", **keys: Any) -> Config:
    """An agent that may do what its examples show.

    Args:
        keys: of the tool's table.
    """
    return make_config(
        tier={"llm": ["llamacpp"], "filler_after_s": 20.0},
        call={"last_net_s": 60, "idle_s": 120},  # a busy machine takes its time
        local=Local(silent_s=30),
        agent={
            "prompt": "You are the receptionist of a restaurant. Answer in one short sentence.",
            "greeting": GREETING,
            "temperature": 0,
            "max_tokens": 40,
            "tools": [it["tool"] for it in examples if "tool" in it],
            "examples": examples,
            "transfer": {"number": PERSON, "no_answer": "voicemail"},
        },
        tools={"book_table": {**BOOK, "url": url, **keys}},
        engines={"llamacpp": Settings(model=str(MODEL), sequences=2)},
    )


@contextlib.asynccontextmanager
async def opened_model(config: Config) -> AsyncIterator[Engine]:
    """The engine, its worker loaded."""
    async with (
        open_compute(config.local) as compute,
        open_engines(("llamacpp",), config, compute) as engines,
    ):
        await engines["llamacpp"].warm()
        yield engines["llamacpp"]


@contextlib.asynccontextmanager
async def opened(config: Config) -> AsyncIterator[Stage]:
    """A stage with the model, and the tools of its config."""
    async with opened_model(config) as engine, open_tools(config) as tools:
        yield Stage(config=config, more=[engine], tools=cast(Any, tools))


@contextlib.asynccontextmanager
async def booking(
    monkeypatch: pytest.MonkeyPatch, answer: Any, **keys: Any
) -> AsyncIterator[tuple[Running, Stage, Service]]:
    """A call behind its greeting, to an agent that books tables at a service that answers this."""
    monkeypatch.setenv("VOXD_TOOLS_SECRET", KEY)
    async with (
        service(answer) as there,
        opened(config_of(WORDS, BOOKED, url=there.url, **keys)) as stage,
        live_call(stage) as call,
    ):
        await call.wait_for(PlaybackFinished)
        yield call, stage, there


def clauses(call: Running) -> list[str]:
    """What sounded behind the greeting."""
    return [clause.text for clause in call.all(ClauseStarted)][1:]


def answers(call: Running, stage: Stage) -> list[str]:
    """The same without fillers, apologies and other stock phrases: what the model wrote."""
    stock = stage.config.phrases.model_dump().values()
    known = {text for it in stock for text in (it if isinstance(it, tuple) else (it,))}
    return [text for text in clauses(call) if text not in known]


async def hear_answer(call: Running, stage: Stage, behind: int = 0) -> None:
    """Return when an answer was heard, behind so many clauses of others and perhaps a filler."""
    finished = len(call.all(PlaybackFinished))
    while len(answers(call, stage)) <= behind:
        finished += 1
        await call.wait_for(PlaybackFinished, finished)


def told(call: Running) -> str:
    """The last thing the model was told."""
    return call.all(StartReply)[-1].messages[-1].content


async def test_slots_are_filled_and_the_caller_hears_an_answer(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async with booking(monkeypatch, (200, b"Booked, number 7.")) as (call, stage, there):
        await stage.line.say(ASK)
        await hear_answer(call, stage)
        ((asked, _),) = there.asked  # the service has checked the signature
        assert (asked["tool"], asked["call_sid"]) == ("book_table", stage.line.call_sid)
        assert asked["arguments"] == {"people": 4, "day": "tomorrow"}
        assert told(call) == "Booked, number 7."
        assert not any("{" in text for text in clauses(call))


async def test_a_refused_argument_is_told_to_the_model_with_the_reason(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    refusal = (422, b"Four are too many.")
    async with booking(monkeypatch, refusal) as (call, stage, there):
        await stage.line.say(ASK)
        await hear_answer(call, stage)
        assert len(there.asked) == 1
        assert told(call) == "Refused (422). Four are too many."


async def test_a_timeout_is_bridged_and_answered_and_the_call_goes_on(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async with booking(monkeypatch, "hang", deadline_s=2.0) as (call, stage, there):
        await stage.line.say(ASK)
        assert (await call.wait_for(ToolReturned)).content == PERHAPS_DONE.content
        await hear_answer(call, stage)
        filler, *_ = clauses(call)
        assert filler in stage.config.phrases.fillers
        assert told(call) == PERHAPS_DONE.content and len(there.asked) == 1
        there.may_go_on.set()
        await stage.line.agent_silent()
        await stage.line.say("What do you sell?")
        await hear_answer(call, stage, len(answers(call, stage)))


async def test_a_goodbye_is_heard_to_its_last_word_before_the_line_drops(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("VOXD_TOOLS_SECRET", KEY)
    async with opened(config_of(WORDS, ENDED)) as stage:
        async with live_call(stage) as call:
            await call.wait_for(PlaybackFinished)
            await stage.line.say("Goodbye.")
            assert await call.ended() is EndReason.AGENT_HUNG_UP
        assert clauses(call) and len(call.all(ClauseHeard)) == len(call.all(ClauseStarted))
        assert not any(heard.is_estimated for heard in call.all(ClauseHeard))  # marks came back
        ended_at = next(at for at, item in call.call.journal.entries if isinstance(item, HangUp))
        assert stage.line.played[-1].start + FRAME_S <= ended_at


async def test_a_transfer_that_nobody_answers_ends_with_a_message() -> None:
    config = config_of(WORDS, PUT_THROUGH)
    async with opened_model(config) as engine, serving(config=config, is_ready=False) as server:
        server.stage.more = [engine]
        server.state.open(server.stage.runtime)
        assert await talk(server) is EndReason.AGENT_HUNG_UP
        assert config.phrases.transferring in server.stage.tts.texts
        await rings_in_vain(server)
