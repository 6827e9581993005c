"""A call in turns to the real daemon with its real language model, offline, as Twilio leads one.

Real time: what is asserted is order and counts, never how long something took.
"""

import asyncio
from collections.abc import Iterator

import aiohttp
import pytest

from benches import twilio_turns
from benches.daemon import Daemon, run_daemon
from benches.twilio_turns import TurnsCaller
from benches.twiml import API_TOKEN, AUTH_TOKEN, PUBLIC_URL, fetch_turns

pytestmark = [pytest.mark.weights, pytest.mark.timeout(300)]

QUESTIONS = (
    "Hello, when are you open?",
    "Where can I find you?",
    "Can I bring my dog?",
    "What does it cost?",
    "Thank you very much.",
)


@pytest.fixture(scope="module")
def daemon(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Daemon]:
    overrides = {
        "agent.max_tokens": 24,
        "tiers.free.transport": "twiml",
        "server.public_url": PUBLIC_URL,
    }
    environment = {"TWILIO_AUTH_TOKEN": AUTH_TOKEN, "VOXD_API_TOKEN": API_TOKEN}
    directory = tmp_path_factory.mktemp("turns")
    with run_daemon(directory, overrides, environment=environment) as running:
        yield running


async def test_five_turns_are_answered_by_the_local_model(
    daemon: Daemon, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(twilio_turns, "AGENT_CHARACTERS_PER_S", 150.0)
    monkeypatch.setattr(twilio_turns, "CALLER_CHARACTERS_PER_S", 40.0)
    async with aiohttp.ClientSession() as http:
        caller = TurnsCaller(http, daemon.base_url, PUBLIC_URL, AUTH_TOKEN)
        await caller.dial()
        turns = [await caller.say(question) for question in QUESTIONS]
        await caller.hang_up()
    told = await asyncio.to_thread(fetch_turns, daemon, caller.ids.call_sid)
    assert [turn["transcript"] for turn in told] == list(QUESTIONS)
    assert all(turn["voice_to_voice_ms"] is not None for turn in told)
    assert {turn["llm_engine"] for turn in told} == {"llamacpp"}
    for turn, figures in zip(turns, told, strict=True):
        assert turn.said and figures["reply"]
    async with asyncio.timeout(10):
        while (await asyncio.to_thread(daemon.health))["calls"]:
            await asyncio.sleep(0.05)
