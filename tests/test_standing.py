import asyncio
from dataclasses import replace
from typing import Any, cast

import pytest

from tests.fakes.call import Stage, make_config, make_runtime
from tests.test_app import RecordingNotifier
from voxd import standing
from voxd.errors import Category, EngineError, Phase
from voxd.runtime import background
from voxd.server.guard import Guard
from voxd.server.keys import DoorKeys
from voxd.server.state import ServerState
from voxd.standing import describe, keep_told
from voxd.telemetry.calls import RunningCall


def opened(stage: Stage) -> ServerState:
    state = ServerState(stage.config, Guard(DoorKeys(), ""))
    state.open(stage.runtime)
    return state


def break_off(stage: Stage, category: Category = Category.QUOTA) -> None:
    stage.runtime.board.record_error(EngineError(stage.llm.name, category, Phase.CONNECT, "x"))


async def test_it_says_what_it_does_and_who_is_not_well() -> None:
    stage = Stage()
    state = ServerState(stage.config, Guard(DoorKeys(), ""))
    assert describe(state) == "starting"
    state.open(stage.runtime)
    assert describe(state) == "serving 0 calls; 3 engines healthy"
    stage.runtime.calls.add("CA1", cast(RunningCall, stage.build()), cast(Any, None))
    break_off(stage)
    assert describe(state) == "serving 1 call; fake-llm ejected, 2 other engines healthy"
    state.drain()
    assert describe(state).startswith("draining 1 call;")


async def test_of_engines_that_were_not_opened_those_are_told_that_a_call_could_have() -> None:
    stage = Stage(config=make_config(tier={"tts": ["cartesia", "fake-tts"]}))
    runtime = make_runtime(stage)
    refused = {"cartesia": "no key", "groq": "no key"}
    runtime.board._refused.update(refused)
    state = ServerState(stage.config, Guard(DoorKeys(), ""))
    state.open(replace(runtime))
    assert describe(state) == "serving 0 calls; cartesia not used, 3 engines healthy"


async def test_systemd_is_told_of_changes_only(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(standing, "STATUS_S", 0.001)
    stage, notifier = Stage(), RecordingNotifier()
    async with asyncio.timeout(5), background(keep_told(opened(stage), notifier)):
        while not notifier.sent:
            await asyncio.sleep(0.001)
        await asyncio.sleep(0.02)
        break_off(stage)
        while len(notifier.sent) < 2:
            await asyncio.sleep(0.001)
    assert notifier.sent == [
        "STATUS=serving 0 calls; 3 engines healthy",
        "STATUS=serving 0 calls; fake-llm ejected, 2 other engines healthy",
    ]
