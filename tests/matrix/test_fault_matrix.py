"""The fault matrix: every failure of every provider in the middle of a call, through the real SDKs.

In each: the call goes on, the caller waits at most 1.5 s longer than without the fault and hears
no longer hole, the question reaches a model whole and never otherwise, every word of the answer is
heard once. Judged by what the line was given, in virtual time; `scripts/bench failover` brings the
same faults about around the daemon, in real time, with the shipped models behind the providers.
"""

import asyncio
from collections.abc import Sequence

import pytest

from benches.faults import NETWORK, SCENARIOS, TLS
from benches.gate import Certificate
from benches.stand import INTO_SPEECH_S
from tests.fakes.call import Running, live_call
from tests.matrix.cloud import AGAIN, Cloud, next_call, open_cloud
from tests.scenarios.duet import ANSWER, MAX_EXTRA_S, QUESTION, Turn, ask
from voxd.commands import CommitReply, StartReply
from voxd.events import EngineFailed, EngineSwitched, Kind, PlaybackFinished

pytestmark = pytest.mark.timeout(120)

KINDS = {"stt": Kind.STT, "llm": Kind.LLM, "tts": Kind.TTS}
RESOLVED_S = 15.0
"""aiohttp knows an address for 10 s; then a name that is gone is missed at the next connection."""
ALL = [
    pytest.param(stage, fault, id=f"{stage}-{fault}")
    for stage, faults in SCENARIOS.items()
    for fault in faults
    if fault != NETWORK
]


async def talk(stage: Cloud, call: Running, scenario: tuple[str, str] | None) -> list[Turn]:
    """Two turns; the fault comes in the middle of the first one's question."""
    await call.wait_for(PlaybackFinished)
    async with asyncio.TaskGroup() as tasks:
        asking = tasks.create_task(ask(stage, call))
        await asyncio.sleep(INTO_SPEECH_S)
        if scenario is not None:
            await bring_about(stage, scenario)
    return [asking.result(), await ask(stage, call, AGAIN)]


async def bring_about(stage: Cloud, scenario: tuple[str, str]) -> None:
    await SCENARIOS[scenario[0]][scenario[1]](stage)  # type: ignore[arg-type]


@pytest.fixture(scope="module")
def normal() -> list[Turn]:
    """Both turns when nothing fails; filled by the first test."""
    return []


async def test_without_a_fault_everything_is_served_by_the_providers(normal: list[Turn]) -> None:
    async with open_cloud() as stage, live_call(stage) as call:
        normal += await talk(stage, call, None)
        assert not call.all(EngineSwitched)
        assert asked(call) == [QUESTION, AGAIN]
    assert [turn.words for turn in normal] == [ANSWER.split()] * 2


@pytest.mark.parametrize(("failing", "fault"), ALL)
async def test_a_fault_costs_at_most_a_second_and_a_half_and_no_word(
    failing: str, fault: str, normal: list[Turn], certificate: Certificate
) -> None:
    assert normal, "the test before has to run as well"
    async with open_cloud(certificate if fault == TLS else None) as stage:
        await asyncio.sleep(RESOLVED_S)
        async with live_call(stage) as call:
            turns = await talk(stage, call, (failing, fault))
        switches = call.all(EngineSwitched)
    stages = KINDS if failing == "all" else failing.split("+")
    assert {switch.kind for switch in switches} == {KINDS[each] for each in stages}
    show(failing, fault, turns, normal, switches)
    assert turns[0].silence_s - normal[0].silence_s <= MAX_EXTRA_S
    assert turns[0].hole_s <= MAX_EXTRA_S
    # What the first turn found out the second does not pay for.
    assert turns[1].silence_s <= normal[1].silence_s + 0.1
    assert turns[1].hole_s < 0.05
    assert [turn.words for turn in turns] == [ANSWER.split()] * 2
    assert asked(call) == [QUESTION, AGAIN]
    assert {QUESTION, AGAIN} <= set(stage.prompts)
    assert not call.all(EngineFailed)


def asked(call: Running) -> list[str]:
    """The caller's words of each turn that was answered; guesses that were dropped are not here."""
    committed = {commit.reply_id for commit in call.all(CommitReply)}
    return [
        reply.messages[-1].content
        for reply in call.all(StartReply)
        if reply.committed or reply.reply_id in committed
    ]


def show(
    failing: str,
    fault: str,
    turns: Sequence[Turn],
    normal: Sequence[Turn],
    switches: Sequence[EngineSwitched],
) -> None:
    """A line of the table, for who wants to see it."""
    extra_s = turns[0].silence_s - normal[0].silence_s
    next_s = turns[1].silence_s - normal[1].silence_s
    taken = " ".join(switch.taken for switch in switches)
    print(
        f"{failing:8} {fault:12} silence {extra_s:+.2f} s, hole {turns[0].hole_s:.2f} s, "
        f"next turn {next_s:+.2f} s, {taken}"
    )


# --- the network goes, in a long call --------------------------------------------------------


async def test_a_call_of_ten_turns_goes_on_without_a_network_and_so_does_the_next(
    normal: list[Turn],
) -> None:
    async with open_cloud() as stage:
        async with live_call(stage) as call:
            await call.wait_for(PlaybackFinished)
            for number in range(10):
                await ask(stage, call, (QUESTION, AGAIN)[number % 2])
            async with asyncio.TaskGroup() as tasks:
                asking = tasks.create_task(ask(stage, call))
                await asyncio.sleep(INTO_SPEECH_S)
                await bring_about(stage, ("all", NETWORK))
            turn = asking.result()
            assert turn.silence_s - normal[0].silence_s <= MAX_EXTRA_S
            assert turn.words == ANSWER.split()
            switched = {switch.kind: switch.taken for switch in call.all(EngineSwitched)}
            assert switched == {kind: f"spare-{kind}" for kind in KINDS.values()}
            assert asked(call)[-1] == QUESTION
            assert stage.spare_llm.requests[-1].messages[-1].content == QUESTION
        again = next_call(stage)
        async with live_call(again) as call:
            await call.wait_for(PlaybackFinished)
            turn = await ask(again, call)
            assert turn.words == ANSWER.split()
            assert turn.silence_s <= normal[0].silence_s + 0.1
            assert not call.all(EngineSwitched)
