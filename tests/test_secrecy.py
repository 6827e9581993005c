"""What callers and agents say, who calls, and the keys are in no log line, however much is logged.

The real daemon at level `debug`, with the SDKs told to log everything they do as well, in calls
to the loopback providers: one that goes well, and one for each provider that fails and quotes
what it was asked.
"""

import asyncio
import contextlib
import json
import urllib.request
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from benches.daemon import run_daemon
from tests.servers import cartesia, deepgram, groq
from tests.servers.cartesia_script import Fault as VoiceFault
from tests.servers.cartesia_script import Script as VoiceScript
from tests.servers.cartesia_script import Trouble as VoiceTrouble
from tests.servers.deepgram_script import Fault as EarFault
from tests.servers.deepgram_script import Script as EarScript
from tests.servers.deepgram_script import Trouble as EarTrouble
from tests.servers.deepgram_script import Utterance
from tests.servers.groq_script import Fault as ModelFault
from tests.servers.groq_script import Script as ModelScript
from tests.servers.groq_script import Trouble as ModelTrouble
from voxd.audio.g711 import decode_mulaw
from voxd.caller.call import place_call
from voxd.caller.plan import CallPlan, build_turn
from voxd.caller.report import Outcome

SPEECH = Path(__file__).parent / "samples" / "speech" / "help-you-today.ulaw"
WORDS = "My secret is periwinkle."
REPLY = "Certainly, the vault opens with marmalade."
KEYS = {
    "DEEPGRAM_API_KEY": "dg-key-58131",
    "GROQ_API_KEY": "gsk-key-58132",
    "CARTESIA_API_KEY": "cartesia-key-58133",
}
CALLER, CALLED = "+15555550142", "+15555550143"
SECRETS = [
    *("periwinkle", "marmalade", "vault", "5555550142", "5555550143"),
    *KEYS.values(),
]
TALKATIVE = {"GROQ_LOG": "debug", "CARTESIA_LOG": "debug", "NO_PROXY": "127.0.0.1"}
"""What makes the SDKs log each request and each message."""
TIER = {"target_s": 3.0, "stt": ["deepgram"], "llm": ["groq"], "tts": ["cartesia"]}


@pytest.fixture
async def providers() -> AsyncIterator[tuple[Any, Any, Any]]:
    ear = EarScript((Utterance(WORDS),), KEYS["DEEPGRAM_API_KEY"])
    words = [word if number == 0 else f" {word}" for number, word in enumerate(REPLY.split())]
    model = ModelScript(key=KEYS["GROQ_API_KEY"], reply=lambda _: words)
    voice = VoiceScript(key=KEYS["CARTESIA_API_KEY"])
    async with (
        deepgram.open_server(ear) as one,
        groq.open_server(model) as two,
        cartesia.open_server(voice) as three,
    ):
        yield one, two, three


@pytest.mark.timeout(180)
async def test_no_log_line_holds_words_numbers_or_keys(
    providers: tuple[Any, Any, Any], tmp_path: Path
) -> None:
    ear, model, voice = providers
    overrides = {
        "tiers": {"cloud": TIER},
        "call.tier": "cloud",
        "agent.greeting": "Hello.",
        **{f"phrases.en.{name}": "Sorry." for name in ("did_not_catch", "too_slow", "failure")},
        "log.level": "debug",
        "log.format": "json",
        "engines.deepgram.base_url": ear.url,
        "engines.groq.base_url": model.url,
        "engines.cartesia.base_url": voice.url,
    }
    turn = build_turn("secret", decode_mulaw(SPEECH.read_bytes()).astype(np.int16))
    daemon = run_daemon(tmp_path, overrides, environment={**KEYS, **TALKATIVE})
    async with contextlib.AsyncExitStack() as stack:
        # Starting and stopping it waits for it, and it waits for the providers in this loop.
        running = await asyncio.to_thread(daemon.__enter__)
        stack.push_async_callback(asyncio.to_thread, daemon.__exit__, None, None, None)
        plan = CallPlan(
            (turn,), running.voice_url, from_number=CALLER, to_number=CALLED, turn_timeout_s=4.0
        )

        async def call() -> None:
            assert (await place_call(plan)).outcome is Outcome.CONNECTED

        await call()
        assert WORDS in model.replies[-1].body["messages"][-1]["content"]
        assert any("marmalade" in text for text in voice.transcripts)
        model.script.fault = ModelFault(ModelTrouble.STATUS, status=400, code="too_long")
        await call()
        model.script.fault = None
        voice.script.fault = VoiceFault(VoiceTrouble.ERROR, status=400)
        await call()
        voice.script.fault = None
        ear.script.fault = EarFault(EarTrouble.GARBAGE, at_s=1.0)
        await call()
        metrics = await asyncio.to_thread(_scrape, running.base_url)
    assert "voxd_failovers_total" in metrics
    assert [secret for secret in SECRETS if secret in metrics] == []
    log = running.log.read_text()
    assert [secret for secret in SECRETS if secret in log] == []
    lines = [json.loads(line) for line in log.splitlines() if line.startswith("{")]
    loggers = {line["logger"].partition(".")[0] for line in lines if line["level"] != "warning"}
    assert loggers <= {"voxd"}
    assert {"turn", "engine health changed"} <= {line["message"] for line in lines}


def _scrape(base_url: str) -> str:
    with urllib.request.urlopen(f"{base_url}/metrics", timeout=10) as answer:
        text: str = answer.read().decode()
        return text
