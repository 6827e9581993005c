"""Calls in turns in which anything may happen: no request is left waiting, nothing is a bug."""

import asyncio
import random

import pytest

from tests.call.turns.calling import Caller, calling, turns_config
from tests.fakes.language_model import STALL, Script, said
from voxd.call.turns.ear import Heard
from voxd.call.turns.requests import Then
from voxd.errors import Category, EngineError, Phase
from voxd.events import ClauseStarted, ClauseWritten, EndReason, ToolCall

WORDS = ("Yes.", "When are you open?", "I would like to", "okay", "No, on Sunday the 3rd.", "Uh")
TOOL = {
    "url": "https://tools.example.com/hours",
    "description": "The opening hours.",
    "parameters": {"type": "object", "properties": {}},
}
CONFIG = turns_config(
    tier={"filler_after_s": 3.0, "speculation": 2},
    call={"max_call_s": 240.0, "warn_s": 30.0},
    phrases={"en": {"fillers": ["One moment, please.", "Let me see."]}},
    agent={"tools": ["look_up", "end_call", "send_digits"]},
    tools={"look_up": TOOL},
)


def a_script(chance: random.Random) -> Script:
    """One answer of the model: quick, slow, long, broken, silent, or with something to do."""
    text = " ".join(f"Sentence number {n} is this." for n in range(chance.randint(1, 6)))
    usual = said(text, chance.choice((0.05, 0.5, 2.2, 5.0)), chance.choice((0.01, 0.1)))
    phase = chance.choice((Phase.FIRST_RESULT, Phase.STREAM))
    fault = EngineError("fake-llm", Category.SERVER, phase, "scripted")
    call = chance.choice(
        (
            ToolCall("1", "look_up", "{}"),
            ToolCall("1", "send_digits", '{"digits": "12"}'),
            ToolCall("1", "look_up", "nonsense"),
            ToolCall("1", "end_call", "{}"),
        )
    )
    others: list[Script] = [
        (*usual, fault),
        (fault,),
        (0.1, " "),
        (STALL,),
        (0.1, call),
        (*usual, call),
    ]
    return usual if chance.random() < 0.6 else chance.choice(others)


async def step(caller: Caller, chance: random.Random) -> None:
    """One request of Twilio's, with what comes before it; each is answered within the limit."""
    loop = asyncio.get_running_loop()
    last = caller.answers[-1]
    await asyncio.sleep(chance.choice((0.0, 0.3, 2.0, 9.0)))
    heard: Heard | None = None
    if last.then is Then.LISTEN:
        speech = chance.choice(WORDS)
        for _ in range(chance.choice((0, 0, 1, 3))):
            caller.call.hear_partial(chance.choice((last.step, last.step, 0)), speech)
            await asyncio.sleep(chance.choice((0.0, 0.2, 0.5, 1.0)))
        results = (Heard(speech), Heard(speech), Heard(speech), Heard(), Heard(digits="1#"))
        heard = chance.choice(results)
    asked_at = loop.time()
    times = chance.choice((1, 1, 2))
    answers = await asyncio.gather(*(caller.call.answer(last.step, heard) for _ in range(times)))
    assert len(set(answers)) == 1
    assert loop.time() - asked_at <= CONFIG.twiml.answer_s + 0.01
    caller.answers.append(answers[0])


@pytest.mark.parametrize("seed", range(80))
async def test_whatever_happens_every_request_is_answered(seed: int) -> None:
    chance = random.Random(seed)
    scripts = [a_script(chance) for _ in range(20)]
    async with calling(*scripts, config=CONFIG) as caller:
        await caller.dial()
        for _ in range(chance.randint(3, 25)):
            if caller.answers[-1].then is Then.END:
                break
            await step(caller, chance)
        if caller.answers[-1].then is Then.END:
            assert await caller.task is caller.answers[-1].reason
    reason = await caller.task
    assert reason in (
        *(EndReason.AGENT_HUNG_UP, EndReason.CALLER_HUNG_UP, EndReason.ENGINES_FAILED),
    )
    started = [(event.reply_id, event.clause) for event in caller.all(ClauseStarted)]
    assert len(started) == len(set(started)), "a clause was said twice"
    written = {(event.reply_id, event.clause) for event in caller.all(ClauseWritten)}
    assert set(started) <= written
