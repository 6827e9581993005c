"""Tools in calls in turns: words, work, and what Twilio is told meanwhile."""

import asyncio

from tests.call.turns.calling import Caller, calling, turns_config, words_of
from tests.fakes.language_model import STALL, said
from voxd.call.turns.requests import Then
from voxd.commands import CallTool, TakeMessage, Transfer
from voxd.events import EndReason, ToolCall, ToolReturned
from voxd.twilio.turns import Spoken

LOOK_UP = {
    "url": "https://tools.example.com/hours",
    "description": "The opening hours of a day.",
    "parameters": {"type": "object", "properties": {"day": {"type": "string"}}},
}
OWN = turns_config(
    tier={"filler_after_s": 3.0},
    phrases={"en": {"fillers": ["One moment, please."]}},
    agent={"tools": ["look_up"]},
    tools={"look_up": LOOK_UP},
)
CALL = ToolCall("1", "look_up", '{"day": "Sunday"}')


def built_in(name: str, arguments: str = "{}") -> ToolCall:
    return ToolCall("1", name, arguments)


async def ask(caller: Caller) -> str:
    """One question to its whole answer, redirects followed."""
    await caller.dial()
    heard = [words_of(await caller.say("Are you open on Sunday?"))]
    while caller.answers[-1].then is Then.COME_BACK:
        heard.append(words_of(await caller.come_back()))
    return " ".join(part for part in heard if part)


async def test_a_tool_is_asked_and_its_answer_is_told_in_the_same_turn() -> None:
    async with calling((0.1, CALL), said("No, we are closed."), config=OWN) as caller:
        assert await ask(caller) == "No, we are closed."
        assert len(caller.all(CallTool)) == len(caller.all(ToolReturned)) == 1
        assert [m.role for m in caller.llm.requests[-1].messages] == [
            *("system", "user", "assistant", "tool"),
        ]


async def test_words_before_the_tool_are_said_while_it_works() -> None:
    script = (0.1, "Let me look. ", CALL)
    late = said("No, we are closed.", first_s=1.2)
    async with calling(script, late, config=OWN) as caller:
        assert await ask(caller) == "Let me look. No, we are closed."
        assert caller.answers[1].then is Then.COME_BACK
        assert caller.answers[1].spoken == (Spoken("Let me look."),)


async def test_a_tool_that_takes_its_time_is_bridged_by_a_filler() -> None:
    async with calling((0.1, CALL), (STALL,), config=OWN) as caller:
        await caller.dial()
        answer = await caller.say("Are you open on Sunday?")
        assert (words_of(answer), answer.then) == ("One moment, please.", Then.COME_BACK)


async def test_the_goodbye_is_said_to_its_last_word_before_the_line_drops() -> None:
    config = turns_config(agent={"tools": ["end_call"]})
    script = (0.1, "Goodbye and thank you. ", built_in("end_call"))
    async with calling(script, config=config) as caller:
        await caller.dial()
        answer = await caller.say("That was all.")
        assert (words_of(answer), answer.then) == ("Goodbye and thank you.", Then.END)
        assert answer.reason is EndReason.AGENT_HUNG_UP and answer.next_step is None
        assert await caller.task is EndReason.AGENT_HUNG_UP


async def test_a_call_that_ends_without_a_word_ends_with_the_goodbye() -> None:
    config = turns_config(agent={"tools": ["end_call"]})
    async with calling((0.1, built_in("end_call")), config=config) as caller:
        await caller.dial()
        answer = await caller.say("That was all.")
        assert (words_of(answer), answer.then) == (config.phrases.goodbye, Then.END)


async def test_a_transfer_is_what_follows_the_last_word() -> None:
    agent = {"tools": ["transfer_call"], "transfer": {"number": "+15550123"}}
    script = (0.1, "I connect you. ", built_in("transfer_call"))
    async with calling(script, config=turns_config(agent=agent)) as caller:
        await caller.dial()
        answer = await caller.say("A person, please.")
        assert (words_of(answer), answer.then) == ("I connect you.", Then.END)
        assert answer.next_step == caller.call.next_step == Transfer("+15550123")


async def test_a_message_is_recorded_after_the_call() -> None:
    script = (0.1, "Gladly. ", built_in("take_message"))
    config = turns_config(agent={"tools": ["take_message"]})
    async with calling(script, config=config) as caller:
        await caller.dial()
        answer = await caller.say("Take a message, please.")
        assert answer.then is Then.END and answer.next_step == TakeMessage()


async def test_keys_are_pressed_behind_the_words() -> None:
    config = turns_config(agent={"tools": ["send_digits"]})
    script = (0.1, "I press one. ", built_in("send_digits", '{"digits": "1"}'))
    async with calling(script, config=config) as caller:
        await caller.dial()
        answer = await caller.say("Press one.")
        assert answer.spoken == (Spoken("I press one."), Spoken(digits="1"))
        assert answer.then is Then.LISTEN


async def test_a_caller_who_hangs_up_leaves_no_tool_behind() -> None:
    async with calling((0.1, CALL), (STALL,), config=OWN) as caller:
        await caller.dial()
        await caller.say("Are you open on Sunday?")
    assert await asyncio.wait_for(caller.task, 1) is EndReason.CALLER_HUNG_UP
