"""Short calls in real time to a scripted agent."""

from dataclasses import replace

import numpy as np

from tests.caller.agent import Agent, running
from voxd.caller.call import place_call
from voxd.caller.plan import CallPlan, build_turn
from voxd.caller.report import CallReport

VOICE = np.tile(np.array([8000, -8000], np.int16), 1600)  # 0.4 s
TURN = build_turn("yes", VOICE)
PLAN = CallPlan((TURN,), gap_s=0.15, turn_timeout_s=1.0)


async def call(agent: Agent, plan: CallPlan = PLAN) -> CallReport:
    """Serve the agent, place the call, return its report."""
    async with running(agent):
        return await place_call(replace(plan, url=agent.url))
