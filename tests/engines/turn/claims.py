"""What every judge of turns must do, beside what all engines must."""

import asyncio
import contextlib

from tests.engines.setups import Subject
from tests.engines.using import FIRST, NOW, SECOND, SILENCE, recorded
from voxd.contracts import LINE_RATE_HZ, Priority
from voxd.errors import EngineError


async def any_sound_has_a_probability(subject: Subject) -> None:
    for mulaw in (recorded(SECOND), b"", b"\x00", SILENCE * 50, recorded(FIRST) * 60):
        with contextlib.suppress(EngineError):
            assert 0 <= await subject.engine.judge("call", mulaw, NOW) <= 1
    assert await subject.engine.judge("call", recorded(FIRST), NOW) == await subject.engine.judge(
        "another", recorded(FIRST), Priority.SPECULATION
    )


async def several_turns_are_judged_at_once(subject: Subject) -> None:
    sounds = [recorded(FIRST), recorded(SECOND)[: LINE_RATE_HZ // 2]] * 3
    alone = [await subject.engine.judge("call", mulaw, NOW) for mulaw in sounds[:2]]
    judging = (subject.engine.judge(str(n), mulaw, NOW) for n, mulaw in enumerate(sounds))
    assert await asyncio.gather(*judging) == alone * 3


CLAIMS = (
    any_sound_has_a_probability,
    several_turns_are_judged_at_once,
)
