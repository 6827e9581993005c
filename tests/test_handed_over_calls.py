"""Calls that the agent gives away, from the caller's key to Twilio's last request: real HTTP and
WebSocket, scripted engines.

Real time: what is asserted is order, never how long something took.
"""

import asyncio
import json
from collections.abc import Mapping
from typing import Any, cast
from xml.etree import ElementTree

import aiohttp
import pytest

from tests.fakes.call import make_config
from tests.fakes.language_model import Script
from tests.server.harness import Server, connected, message, serving, start, stream_of
from tests.servers import groq
from tests.servers.groq_script import KEY, Answering, whole_call
from tests.servers.groq_script import Script as ModelScript
from voxd.engines.local.compute import LocalCompute
from voxd.engines.registry import open_engines, settings_types
from voxd.errors import Category, EngineError, Phase
from voxd.events import EndReason, ToolCall

PERSON = "+15550123"
CALL = {"CallSid": "CA1", "From": "+15550100", "To": "+15550199"}
TRANSFER: Script = ("Of course. ", ToolCall("1", "transfer_call", "{}"))
TAKE_MESSAGE: Script = ("Gladly. ", ToolCall("1", "take_message", "{}"))
END: Script = ("Bye. ", ToolCall("1", "end_call", "{}"))


def config_with(tables: Mapping[str, Any] | None = None, **agent: Any) -> Any:
    tools = ["end_call", "transfer_call", "take_message"]
    transfer = {"number": PERSON, "no_answer": "voicemail"}
    agent = {"greeting": "Hi.", "tools": tools, "transfer": transfer, **agent}
    return make_config(agent=agent, **(tables or {}))


async def talk(server: Server, *scripts: Script, presses: int = 1) -> EndReason | None:
    """The call's stream: the caller presses a key behind the greeting, and hears what follows.

    Args:
        presses: so many of the first sentences are answered by a key.
    """
    server.stage.llm.scripts = scripts
    token = stream_of((await server.post("/twilio/voice", CALL))[1])["token"]
    async with server.socket() as socket, asyncio.timeout(20):
        await socket.send_str(connected())
        await socket.send_str(start("CA1", token))
        number, marks = 1, 0
        async for raw in socket:
            if raw.type is not aiohttp.WSMsgType.TEXT:
                break
            sent = json.loads(raw.data)
            if sent["event"] != "mark":
                continue
            number, marks = number + 1, marks + 1
            await socket.send_str(message("mark", number, name=sent["mark"]["name"]))
            if marks <= presses:
                for digit in "0#":
                    number += 1
                    dtmf = {"track": "inbound_track", "digit": digit}
                    await socket.send_str(message("dtmf", number, **dtmf))
    return await server.runtime.calls.wait_finished("CA1", 5.0)


async def after(server: Server, **fields: str) -> list[str]:
    """What Twilio is told: `Say` with its words, other verbs by their names."""
    status, body = await server.post("/twilio/after", {**CALL, **fields})
    assert status == 200
    return [
        verb.text or "" if verb.tag == "Say" else verb.tag for verb in ElementTree.fromstring(body)
    ]


async def rings_in_vain(server: Server) -> None:
    """The caller was put through to somebody who does not answer, and leaves a message."""
    phrases = server.stage.config.phrases
    assert await after(server) == ["Dial"]
    assert await after(server, DialCallStatus="no-answer") == [
        *(phrases.no_answer, phrases.leave_message, "Record", "Hangup"),
    ]
    recorded = {"RecordingUrl": "https://x", "RecordingSid": "RE1", "RecordingDuration": "9"}
    assert await after(server, **recorded) == [phrases.message_taken, "Hangup"]


async def test_a_transfer_that_nobody_answers_ends_with_a_message() -> None:
    async with serving(config=config_with()) as server:
        assert await talk(server, TRANSFER) is EndReason.AGENT_HUNG_UP
        await rings_in_vain(server)


async def test_so_does_one_that_groq_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GROQ_API_KEY", KEY)
    transfer = Answering(("Of", " course."), (whole_call("transfer_call", "{}"),))
    async with groq.open_server(ModelScript(answer=lambda _: transfer)) as there:
        settings = settings_types()["groq"][1].model_validate({"base_url": there.url})
        config = config_with({"tier": {"llm": ["groq"]}, "engines": {"groq": settings}})
        async with (
            open_engines(("groq",), config, cast(LocalCompute, None)) as engines,
            serving(config=config, is_ready=False) as server,
        ):
            await engines["groq"].warm()
            server.stage.more = [engines["groq"]]
            server.state.open(server.stage.runtime)
            assert await talk(server) is EndReason.AGENT_HUNG_UP
            assert server.stage.tts.texts[-1] == "Of course."
            await rings_in_vain(server)


async def test_a_message_is_announced_once_and_recorded() -> None:
    async with serving(config=config_with()) as server:
        assert await talk(server, TAKE_MESSAGE) is EndReason.AGENT_HUNG_UP
        announced = [text for text in server.stage.tts.texts if "after the tone" in text]
        told = await after(server)
        phrases = server.stage.config.phrases
        assert announced + told == [phrases.leave_message, "Record", "Hangup"]


async def test_a_goodbye_is_the_end() -> None:
    async with serving(config=config_with()) as server:
        assert await talk(server, END) is EndReason.AGENT_HUNG_UP
        assert await after(server) == ["Hangup"]


async def test_when_nothing_answers_any_more_a_person_does_and_one_apology_is_enough() -> None:
    short = {"too_slow": "Sorry.", "hand_over": "Hold the line."}
    config = config_with(on_failure="transfer", phrases=short)
    broken = EngineError("fake-llm", Category.SERVER, Phase.FIRST_RESULT, "scripted")
    async with serving(config=config) as server:
        assert await talk(server, (broken,), presses=3) is EndReason.ENGINES_FAILED
        assert server.stage.tts.texts[-1] == "Hold the line."
        assert await after(server) == ["Dial"]
