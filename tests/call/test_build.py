"""The objects of one call."""

import asyncio

from tests.fakes.call import Stage
from tests.fakes.line import FakeLine
from voxd.events import EndReason


async def test_two_calls_share_engines_and_nothing_else() -> None:
    stage = Stage()
    lines = [FakeLine(call_sid=f"CA{number}") for number in (1, 2)]
    calls = [stage.build(line) for line in lines]
    assert calls[0].journal is not calls[1].journal
    assert [call.journal.call_id for call in calls] == ["CA1", "CA2"]
    async with asyncio.TaskGroup() as tasks:
        running = [tasks.create_task(call.run()) for call in calls]
        for line in lines:
            tasks.create_task(line.run())
        await asyncio.sleep(2)
        lines[0].hang_up()
        await asyncio.sleep(0.5)
        assert running[0].done()
        assert not running[1].done()
        assert stage.llm.sequences == {"CA2"}
        lines[1].lose()
    assert [task.result() for task in running] == [EndReason.CALLER_HUNG_UP, EndReason.LINE_LOST]
