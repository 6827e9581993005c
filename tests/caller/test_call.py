"""Whole calls in real time against a scripted agent: order and counts, never speed."""

import asyncio
import json
from dataclasses import replace

import pytest

from tests.caller.agent import Agent, running
from tests.caller.placing import PLAN, TURN, call
from voxd.caller.call import place_calls
from voxd.caller.report import Outcome, TurnStatus


async def test_turns_are_answered_and_measured() -> None:
    agent = Agent()
    report = await call(agent, replace(PLAN, turns=(TURN, TURN)))
    assert report.outcome is Outcome.CONNECTED
    assert report.is_good
    assert [turn.status for turn in report.turns] == [TurnStatus.ANSWERED] * 2
    # The agent waits for 100 ms of quiet before it answers, so less cannot be.
    assert all(t.voice_to_voice_ms is not None and t.voice_to_voice_ms > 80 for t in report.turns)
    assert report.greeting_s is not None
    assert report.ended_by == "caller"
    assert report.after == ["Hangup"]
    assert report.holes == []
    assert report.warnings == []
    assert report.recording is not None
    assert report.recording[:, 0].any() and report.recording[:, 1].any()
    json.dumps(report.to_json())


async def test_interrupting_an_agent_that_goes_on_is_no_answer() -> None:
    agent = Agent(reply_ms=1600, answers=1)
    plan = replace(PLAN, turns=(TURN, TURN), interrupt_after_s=0.2)
    report = await call(agent, plan)
    assert [t.status for t in report.turns] == [TurnStatus.ANSWERED, TurnStatus.UNANSWERED]
    assert not report.is_good


async def test_silent_agent_leaves_the_turn_unanswered() -> None:
    report = await call(Agent(answers=0))
    assert report.turns[0].status is TurnStatus.UNANSWERED
    assert report.turns[0].voice_to_voice_ms is None


async def test_agent_that_speaks_too_soon_is_premature() -> None:
    report = await call(Agent(speaks_after_ms=100))
    assert report.turns[0].is_premature
    assert report.turns[0].status is TurnStatus.UNANSWERED


async def test_stop_in_a_reply_is_reported() -> None:
    report = await call(Agent(hole_ms=200), replace(PLAN, gap_s=0.4))
    assert len(report.holes) == 1
    assert report.is_good


@pytest.mark.parametrize("status", [403, 404, 503])
async def test_refused_handshake_is_twilios_error(status: int) -> None:
    report = await call(Agent(handshake_status=status))
    assert report.outcome is Outcome.FAILED
    assert report.problem.startswith("31920") and str(status) in report.problem


async def test_daemons_times_stand_beside_the_turn() -> None:
    turn = {"endpoint_ms": 400.0, "voice_to_voice_ms": 700, "transcript": "yes", "new": 1}
    report = await call(Agent(turns_json={"turns": [turn]}))
    assert report.turns[0].daemon is not None
    assert report.turns[0].daemon.transcript == "yes"
    assert report.turns[0].is_confirmed


async def test_calls_at_once_do_not_share_anything() -> None:
    agent = Agent()
    async with running(agent):
        loop_tasks = len(asyncio.all_tasks())
        reports = await place_calls(replace(PLAN, url=agent.url), 3, 0.02)
        assert len(asyncio.all_tasks()) == loop_tasks
    assert len({report.call_sid for report in reports}) == 3
    assert len({report.stream_sid for report in reports}) == 3
    assert all(report.is_good for report in reports)
