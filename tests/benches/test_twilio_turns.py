"""The simulated Twilio of calls in turns, against the real server with a scripted model."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from benches import twilio_turns, twiml
from benches.line import BenchFailed
from benches.twilio_turns import TurnsCaller
from tests.fakes.language_model import Script, said
from tests.server.harness import Server, serving
from tests.server.test_turns import turns_config
from tests.server.twilio_turns import PUBLIC, TOKEN
from voxd.config import Config


@pytest.fixture(autouse=True)
def quick_speakers(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(twilio_turns, "AGENT_CHARACTERS_PER_S", 1e6)
    monkeypatch.setattr(twilio_turns, "CALLER_CHARACTERS_PER_S", 200.0)
    monkeypatch.setattr(twilio_turns, "PARTIAL_S", 0.01)
    monkeypatch.setattr(twilio_turns, "_speech_timeout_s", lambda gather: 0.0)
    monkeypatch.setattr(twiml, "STAGGER_S", 0.01)


@asynccontextmanager
async def calling(
    script: Script, config: Config | None = None, token: str = TOKEN
) -> AsyncIterator[tuple[Server, TurnsCaller]]:
    async with serving(auth_token=TOKEN, config=config or turns_config()) as server:
        server.stage.llm.scripts = (script,)
        yield server, TurnsCaller(server.http, server.url, PUBLIC, token)


async def test_a_call_of_five_turns_is_led_and_hung_up() -> None:
    async with calling(said("Yes we are.", first_s=0.01)) as (server, caller):
        await caller.dial()
        turns = [await caller.say("Are you open today?") for _ in range(5)]
        assert [turn.said for turn in turns] == ["Yes we are."] * 5
        await caller.hang_up()
        assert not server.runtime.calls.is_active(
            caller.ids.call_sid
        ) or await server.runtime.calls.wait_finished(caller.ids.call_sid, 5)


async def test_redirects_are_followed() -> None:
    config = turns_config(
        tier={"filler_after_s": 3.0},
        phrases={"en": {"fillers": ["One moment."]}},
        twiml={"answer_s": 0.2},
    )
    async with calling(said("Yes we are.", first_s=0.4), config) as (_, caller):
        await caller.dial()
        turn = await caller.say("Are you open?", tells_partials=False)
        assert turn.requests[0].said == "One moment."
        assert turn.said.endswith("Yes we are.") and len(turn.requests) > 1


async def test_a_call_that_is_refused_is_no_measurement() -> None:
    async with calling(said("Yes.")) as (server, caller):
        server.state.drain()
        with pytest.raises(BenchFailed, match="not answered by a turn"):
            await caller.dial()


async def test_a_wrong_signature_is_no_measurement() -> None:
    async with calling(said("Yes."), token="wrong") as (_, caller):
        with pytest.raises(BenchFailed, match="403"):
            await caller.dial()


@pytest.mark.parametrize(
    ("document", "words"),
    [
        ("no xml", "12100"),
        ("<Response><Enqueue/></Response>", "Enqueue"),
        ('<Response><Gather speechModel="default" speechTimeout="auto"/></Response>', "13335"),
        ('<Response><Gather timeout="5.5" speechTimeout="1"/></Response>', "whole seconds"),
    ],
)
def test_what_twilio_would_refuse_is_refused(document: str, words: str) -> None:
    with pytest.raises(BenchFailed, match=words):
        twilio_turns._read(document)


async def test_calls_are_placed_and_each_has_its_turns() -> None:
    async with serving(auth_token=twiml.AUTH_TOKEN, config=turns_config()) as server:
        server.stage.llm.scripts = (said("Yes we are.", first_s=0.01),)
        options = twiml.Options(calls=3, turns=2, at_once=3)
        calls = await twiml._place_calls(server.url, options)
        assert [len(turns) for _, turns in calls] == [2, 2, 2]
        assert len({call_sid for call_sid, _ in calls}) == 3
        told = [server.runtime.calls.turns(call_sid) for call_sid, _ in calls]
        assert all(turns is not None and len(turns) == 2 for turns in told)
