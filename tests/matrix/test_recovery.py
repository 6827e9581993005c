"""What one call found out about a provider, the next one knows; and when it is well again, too."""

import asyncio
import contextlib
from collections.abc import AsyncIterator

import pytest

from benches.faults import ENGINES
from benches.gate import Manner
from tests.fakes.call import live_call
from tests.matrix.cloud import Cloud, next_call, open_cloud
from tests.matrix.test_fault_matrix import talk
from tests.scenarios.duet import ANSWER, ask
from voxd.engines.prober import Prober
from voxd.events import EngineSwitched, PlaybackFinished
from voxd.runtime import background
from voxd.selection.health import EJECTION_S

pytestmark = pytest.mark.timeout(120)

FAULTS = ("401", "500", "no-result", "reset", "tls-hang", "handshake")
"""Such that a further attempt would show at the gate or at the provider."""


def attempts(stage: Cloud, engine: str) -> tuple[int, int]:
    """Connections to a provider, and what it was asked."""
    asked = {
        "deepgram": stage.ear.attempts,
        "groq": len(stage.model.exchanges),
        "cartesia": len(stage.voice.heard) + stage.voice.attempts,
    }
    return stage.gates[engine].connections, asked[engine]


@pytest.mark.parametrize("failing", ENGINES)
@pytest.mark.parametrize("fault", FAULTS)
async def test_a_provider_that_is_down_costs_the_next_call_not_one_connection(
    failing: str, fault: str
) -> None:
    async with open_cloud() as stage:
        async with live_call(stage) as call:
            await talk(stage, call, (failing, fault))
        before = attempts(stage, ENGINES[failing])
        again = next_call(stage)
        async with live_call(again) as call:
            await call.wait_for(PlaybackFinished)
            assert (await ask(again, call)).words == ANSWER.split()
            assert not call.all(EngineSwitched)
        assert attempts(stage, ENGINES[failing]) == before


@contextlib.asynccontextmanager
async def probed(stage: Cloud) -> AsyncIterator[None]:
    """The stage's engines are probed, as the daemon has it."""
    board = stage.runtime.board
    async with background(Prober(stage.engines, board, stage.config.health).run()):
        yield


@pytest.mark.parametrize("failing", ENGINES)
async def test_a_provider_that_recovers_is_used_again_within_its_probe_interval(
    failing: str,
) -> None:
    engine = ENGINES[failing]
    async with open_cloud() as stage, probed(stage):
        async with live_call(stage) as call:
            await talk(stage, call, (failing, "handshake"))
        stage.gates[engine].manner = Manner.PASS
        await asyncio.sleep(EJECTION_S * 2 + stage.config.health.probe_s)
        again = next_call(stage)
        async with live_call(again) as call:
            await call.wait_for(PlaybackFinished)
            before = attempts(stage, engine)
            assert (await ask(again, call)).words == ANSWER.split()
            assert not call.all(EngineSwitched)
            assert attempts(stage, engine) != before or failing == "stt"
        assert stage.runtime.board.chain((engine,), "en").names == (engine,)
        assert stage.runtime.board.is_healthy(engine)
