from dataclasses import replace

from tests.fakes.call import Stage, make_config
from voxd.config import Number
from voxd.runtime import Stage as Life
from voxd.server.admission import Need
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


async def test_a_call_that_we_had_placed_is_outbound() -> None:
    stage = Stage()
    state = ServerState(stage.config, Guard(DoorKeys(), ""))
    need = Need(is_stream=True, is_local=False)
    order = state.outbound.order("+15550123", "+15550100", Number(), need, 30.0, 0.0)
    assert order is not None
    assert state.outbound.meet(order.token, "CA1", state.directory, 1.0)
    assert (state.direction("CA1"), state.direction("CA2")) == ("outbound", "inbound")


async def test_a_change_leads_new_calls_and_keeps_places_that_are_held() -> None:
    stage = Stage()
    state = ServerState(stage.config, Guard(DoorKeys(), ""))
    state.open(stage.runtime)
    assert state.admission is not None
    held = state.admission.reserve("CA1")
    config = make_config(agent={"greeting": "Good evening."})
    state.change(replace(stage.runtime, config=config))
    assert state.config is config
    assert state.directory.recall("CA2").phrases.greeting == "Good evening."
    assert state.admission.reserve("CA2").stack.config.phrases.greeting == "Good evening."
    taken = state.admission.consume(held.token, "CA1")
    assert taken is not None and taken.stack.runtime is stage.runtime
    for reservation in (taken, state.admission.reserve("CA2")):
        reservation.stack.close()
    await stage.runtime.early.aclose()
