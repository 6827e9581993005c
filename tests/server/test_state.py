from tests.fakes.call import Stage
from voxd.runtime import Stage as Life
from voxd.server.guard import Guard
from voxd.server.keys import DoorKeys
from voxd.server.state import ServerState


async def test_calls_are_taken_from_the_opening_to_the_drain() -> None:
    stage = Stage()
    state = ServerState(stage.config, Guard(DoorKeys(), ""))
    assert (state.stage, state.admission) == (Life.STARTING, None)
    state.open(stage.runtime)
    assert state.stage is Life.READY
    assert state.admission is not None
    state.drain()
    assert state.stage is Life.DRAINING
    assert state.runtime is stage.runtime
