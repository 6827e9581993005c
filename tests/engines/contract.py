"""What every engine must do: the claims that `test_contract` puts to each one.

The names of the functions are the claims. They know the engines by `voxd.contracts` alone; how
each one is opened, and how what is behind it can be made to die, is in `setups`. Claims of one
kind of engine are in that kind's folder.
"""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable

import orjson
import pytest

from tests.engines.llm import claims as llm
from tests.engines.setups import KEY, SPOKEN, Setup, Subject, leaving_nothing, until
from tests.engines.stt import claims as stt
from tests.engines.tts import claims as tts
from tests.engines.turn import claims as turn
from tests.engines.using import FIRST, use, working
from voxd.contracts import EngineState
from voxd.engines.registry import ENTRIES
from voxd.errors import Category, EngineError, Phase
from voxd.events import Kind

Claim = Callable[[Subject], Awaitable[None]]

METHODS = {
    Kind.STT: ("open_stream",),
    Kind.LLM: ("stream_reply", "prepare", "release"),
    Kind.TTS: ("open_speech",),
    Kind.TURN: ("judge",),
}


# --- while it is open -------------------------------------------------------------------------


async def it_is_what_the_registry_says(subject: Subject) -> None:
    entry, engine = ENTRIES[subject.name], subject.engine
    declared = engine.capabilities
    assert engine.name == subject.name
    assert (declared.kind, declared.is_local) == (entry.kind, entry.is_local)
    assert 0 < declared.expected_latency_s < 5
    assert all(isinstance(tag, str) and tag.islower() for tag in declared.languages)
    for method in METHODS[entry.kind]:
        assert callable(getattr(engine, method))


async def warm_may_be_asked_again_and_costs_nothing(subject: Subject) -> None:
    await subject.engine.warm()
    paid = subject.paid()
    async with leaving_nothing(subject):
        await subject.engine.warm()
        await asyncio.gather(*(subject.engine.warm() for _ in range(3)))
    assert subject.paid() == paid
    assert subject.engine.status().state is EngineState.HEALTHY


async def its_status_can_be_shown_to_anybody(subject: Subject) -> None:
    await use(subject)
    await until(lambda: subject.engine.status().active == 0)
    status = subject.engine.status()
    assert (status.name, status.kind) == (subject.name, ENTRIES[subject.name].kind)
    assert status.state is EngineState.HEALTHY
    assert status.queued == 0
    assert status.latency_p50_s is not None and status.latency_p95_s is not None
    assert 0 < status.latency_p50_s <= status.latency_p95_s
    shown = orjson.dumps(status)
    assert KEY.encode() not in shown and SPOKEN[FIRST].encode() not in shown


async def a_probe_tells_its_seconds_and_leaves_nothing(subject: Subject) -> None:
    await use(subject)
    async with leaving_nothing(subject):
        async with asyncio.timeout(30):
            assert 0 < await subject.engine.probe() < 30


async def a_cancelled_consumer_leaves_nothing(subject: Subject) -> None:
    await use(subject)
    async with leaving_nothing(subject):
        async with working(subject) as work:
            pass
        assert work.cancelled()
    await use(subject)


async def it_serves_again_after_what_is_behind_it_died(subject: Subject) -> None:
    await use(subject)
    async with working(subject) as work:
        subject.die()
        if ENTRIES[subject.name].kind is not Kind.STT:  # whose streams go on, or tell it in theirs
            await asyncio.wait([work])
    async with asyncio.timeout(60):
        while True:
            try:
                await use(subject)
                break
            except EngineError:
                await asyncio.sleep(0.05)
    await until(lambda: subject.busy() == 0)


# --- opened for the claim ---------------------------------------------------------------------


async def it_can_be_closed_in_mid_work_and_opened_again(setup: Setup) -> None:
    tasks = asyncio.all_tasks()
    for _ in range(2):
        async with contextlib.AsyncExitStack() as stack:
            subject = await stack.enter_async_context(setup(KEY))
            await subject.engine.warm()
            async with working(subject):
                await stack.aclose()
        await until(lambda: asyncio.all_tasks() == tasks)


async def a_key_that_is_wrong_or_missing_is_told_by_warm_and_not_shown(setup: Setup) -> None:
    for key in ("sk-wrong-0815", ""):
        async with setup(key) as subject:
            with pytest.raises(EngineError) as caught:
                await subject.engine.warm()
            assert caught.value.category is Category.AUTH
            assert caught.value.phase is Phase.CONNECT
            assert "sk-wrong" not in f"{caught.value!r} {caught.value.__cause__!r}"
            assert subject.engine.status().state is EngineState.EJECTED
            assert subject.paid() == 0


EVERY: tuple[Claim, ...] = (
    it_is_what_the_registry_says,
    warm_may_be_asked_again_and_costs_nothing,
    its_status_can_be_shown_to_anybody,
    a_probe_tells_its_seconds_and_leaves_nothing,
    a_cancelled_consumer_leaves_nothing,
)
BY_KIND: dict[Kind, tuple[Claim, ...]] = {
    Kind.STT: stt.CLAIMS,
    Kind.LLM: llm.CLAIMS,
    Kind.TTS: tts.CLAIMS,
    Kind.TURN: turn.CLAIMS,
}
LAST: tuple[Claim, ...] = (it_serves_again_after_what_is_behind_it_died,)
