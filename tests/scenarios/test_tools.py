"""Whole calls whose agent does something: asks a service, puts through, presses keys, hangs up."""

import asyncio
import random
from dataclasses import replace
from typing import Any

import pytest

from tests.dialog.tooled import AGENT, BOOK, DIGITS, END, TOOLS, TRANSFER
from tests.fakes.call import GREETING, Stage, live_call, make_config
from tests.fakes.language_model import FakeLanguageModel, Script, said
from tests.fakes.tools import FakeTools
from tests.scenarios.test_hang_up import assert_nothing_left
from voxd.audio.dtmf import encode_digits
from voxd.commands import CallTool, CommitReply, HangUp, Say, StartReply, Transfer
from voxd.contracts import FRAME_S
from voxd.errors import Category, EngineError, Phase
from voxd.events import (
    CallEnded,
    ClauseHeard,
    ClauseStarted,
    EndReason,
    PlaybackFinished,
    ReplyWritten,
    ToolCall,
    ToolReturned,
)

ASK = "A table for two please."
CONFIRMED = "Your table is booked."
SILENT_CALL: Script = (0.2, BOOK)
SPOKEN_CALL: Script = (0.1, "Let me ", "see. ", BOOK)


def stage_of(*scripts: Script, tools: FakeTools | None = None, **tables: Any) -> Stage:
    tables = {"agent": {**AGENT, "greeting": GREETING}, "tools": TOOLS, **tables}
    return Stage(
        llm=FakeLanguageModel(*scripts), config=make_config(**tables), tools=tools or FakeTools()
    )


def clauses(call: Any) -> list[str]:
    """What sounded, in order, without the greeting."""
    return [event.text for event in call.all(ClauseStarted)][1:]


async def test_slots_are_filled_the_service_is_asked_and_its_answer_told_in_words() -> None:
    stage = stage_of(said("How many people?"), SPOKEN_CALL, said(CONFIRMED))
    async with live_call(stage) as call:
        await call.wait_for(PlaybackFinished)
        await stage.line.say("I want a table.")
        await call.wait_for(PlaybackFinished, 2)
        await stage.line.say("For two.")
        await call.wait_for(ClauseHeard, 4)
    assert clauses(call) == ["How many people?", "Let me see.", CONFIRMED]
    assert stage.tools.asked == [("book", '{"people": 2}')]
    last = stage.llm.requests[-1].messages
    assert [(message.role, message.content) for message in last[-3:]] == [
        ("user", "For two."),
        ("assistant", "Let me see."),
        ("tool", stage.tools.content),
    ]
    assert [tool.name for tool in stage.llm.requests[0].tools] == list(AGENT["tools"])
    assert_nothing_left(stage)


async def test_a_silent_wait_is_bridged_by_a_filler_and_the_answer_follows_it() -> None:
    stage = stage_of(
        SILENT_CALL, said(CONFIRMED), tools=FakeTools(takes_s=1.0), tier={"filler_after_s": 2.0}
    )
    async with live_call(stage) as call:
        await call.wait_for(PlaybackFinished)
        await stage.line.say(ASK)
        await call.wait_for(PlaybackFinished, 3)
    filler = stage.config.phrases.fillers[0]
    assert clauses(call) == [filler, CONFIRMED]
    asked = next(at for at, item in call.call.journal.entries if isinstance(item, CallTool))
    bridged = call.all(ClauseStarted)[1]
    assert bridged.at - asked < 1.0  # while the service works


async def test_a_wrong_argument_is_put_right_by_the_model_and_nobody_hears_of_it() -> None:
    wrong = ToolCall("", "book", '{"people": "two"}')
    stage = stage_of((0.1, wrong), SILENT_CALL, said(CONFIRMED))
    async with live_call(stage) as call:
        await call.wait_for(PlaybackFinished)
        await stage.line.say(ASK)
        await call.wait_for(PlaybackFinished, 2)
    assert clauses(call) == [CONFIRMED]
    assert stage.tools.asked == [("book", '{"people": 2}')]


async def test_arguments_that_stay_wrong_end_in_the_apology() -> None:
    stage = stage_of((0.1, ToolCall("", "book", "{")))
    async with live_call(stage) as call:
        await call.wait_for(PlaybackFinished)
        await stage.line.say(ASK)
        await call.wait_for(PlaybackFinished, 2)
    assert clauses(call) == [stage.config.phrases.too_slow]
    assert not stage.tools.asked


async def test_a_tool_that_fails_is_told_to_the_model() -> None:
    failing = FakeTools("No answer in time; it may have been done.", takes_s=4.0)
    stage = stage_of(SILENT_CALL, said("I could not reach them."), tools=failing)
    async with live_call(stage) as call:
        await call.wait_for(PlaybackFinished)
        await stage.line.say(ASK)
        await call.wait_for(PlaybackFinished, 2)
    assert clauses(call) == ["I could not reach them."]
    assert stage.llm.requests[-1].messages[-1].content == failing.content


async def test_a_goodbye_is_heard_to_its_last_word_before_the_line_drops() -> None:
    goodbye = "Thank you for calling. Goodbye!"
    stage = stage_of((0.1, *(f"{word} " for word in goodbye.split()), END))
    async with live_call(stage) as call:
        await call.wait_for(PlaybackFinished)
        await stage.line.say("That is all.")
        assert await call.ended() is EndReason.AGENT_HUNG_UP
    assert call.call.next_step is None
    assert " ".join(clauses(call)) == goodbye
    heard = call.all(ClauseHeard)
    assert len(heard) == 1 + len(clauses(call)) and not any(it.is_estimated for it in heard)
    ended_at = next(at for at, item in call.call.journal.entries if isinstance(item, HangUp))
    assert stage.line.played[-1].start + FRAME_S <= ended_at
    assert_nothing_left(stage)


async def test_a_caller_is_put_through_once_that_was_said() -> None:
    stage = stage_of((0.1, TRANSFER))
    async with live_call(stage) as call:
        await call.wait_for(PlaybackFinished)
        await stage.line.say("A person please.")
        assert await call.ended() is EndReason.AGENT_HUNG_UP
    assert clauses(call) == [stage.config.phrases.transferring]
    assert call.call.next_step == Transfer("+15550123")


async def test_keys_go_to_the_line_as_tones() -> None:
    stage = stage_of((0.1, DIGITS))
    async with live_call(stage) as call:
        await call.wait_for(PlaybackFinished)
        await stage.line.say("Press one.")
        await call.wait_for(ClauseHeard, 2)
        played = b"".join(frame.mulaw for frame in stage.line.played)
    assert encode_digits("1w#") in played
    assert len(call.all(StartReply)) == 1


# --- the caller does something meanwhile ------------------------------------------------------


async def test_a_caller_who_hangs_up_during_a_tool_leaves_nothing_behind() -> None:
    stage = stage_of(SILENT_CALL, tools=FakeTools(takes_s=3.0))
    async with live_call(stage) as call:
        await call.wait_for(PlaybackFinished)
        await stage.line.say(ASK)
        await call.wait_for(CallTool)
        await asyncio.sleep(0.5)
        stage.line.hang_up()
        assert await call.ended() is EndReason.CALLER_HUNG_UP
    assert not call.all(ToolReturned) and len(call.all(CallEnded)) == 1
    assert_nothing_left(stage)


@pytest.mark.parametrize("seed", range(5))
async def test_calls_cut_at_any_moment_of_a_tool_leave_nothing_behind(seed: int) -> None:
    moments = random.Random(seed)
    for number in range(20):
        stage = stage_of(SPOKEN_CALL, said(CONFIRMED), tools=FakeTools(takes_s=0.8))
        async with live_call(stage) as call:
            await call.wait_for(PlaybackFinished)
            await stage.line.say(ASK)
            await asyncio.sleep(moments.uniform(0.3, 4.0))
            if number % 2:
                stage.line.speak("Wait, one more thing.")
                await asyncio.sleep(moments.uniform(0.0, 2.0))
            stage.line.hang_up()
            assert await call.ended() is EndReason.CALLER_HUNG_UP
        assert_nothing_left(stage)
        assert len(call.all(ToolReturned)) <= len(call.all(CallTool)) <= len(stage.tools.asked) + 1


@pytest.mark.parametrize("interruptions", [True, False], ids=["may interrupt", "may not"])
async def test_other_words_during_a_tool_get_a_reply_and_the_tool_is_asked_once(
    interruptions: bool,
) -> None:
    stage = stage_of(
        SILENT_CALL,
        said("Yes, we have parking."),
        said(CONFIRMED),
        tools=FakeTools(takes_s=4.0),
        interruptions=interruptions,
    )
    async with live_call(stage) as call:
        await call.wait_for(PlaybackFinished)
        await stage.line.say(ASK)
        await call.wait_for(CallTool)
        await asyncio.sleep(0.3)
        await stage.line.say("And have you got parking?")
        await call.wait_for(PlaybackFinished, 2)
        await call.wait_for(ToolReturned)
        await call.wait_for(PlaybackFinished, 3)
    assert clauses(call) == ["Yes, we have parking.", CONFIRMED]
    assert len(stage.tools.asked) == 1
    contents = [message.content for message in stage.llm.requests[-1].messages]
    assert stage.tools.content in contents


async def test_okay_during_a_tool_is_no_new_question() -> None:
    stage = stage_of(SILENT_CALL, said(CONFIRMED), tools=FakeTools(takes_s=3.0))
    async with live_call(stage) as call:
        await call.wait_for(PlaybackFinished)
        await stage.line.say(ASK)
        await call.wait_for(CallTool)
        await asyncio.sleep(0.3)
        await stage.line.say("Okay.", 0.4)
        await call.wait_for(PlaybackFinished, 2)
    assert clauses(call) == [CONFIRMED]
    assert [start.turn for start in call.all(StartReply)] == [1, 1]


# --- speculation and failover -----------------------------------------------------------------


async def test_a_guess_asks_no_tool_before_its_commit() -> None:
    waits = {"wait_complete_s": 1.0, "wait_unknown_s": 1.0, "wait_incomplete_s": 1.5}
    stage = stage_of(SILENT_CALL, said(CONFIRMED), tier={"speculation": 2, **waits})
    async with live_call(stage) as call:
        await call.wait_for(PlaybackFinished)
        await stage.line.say(ASK)
        await call.wait_for(ReplyWritten, 2)
        assert not stage.tools.asked and not call.all(CommitReply)
        await call.wait_for(PlaybackFinished, 2)
    order = [type(item) for _, item in call.call.journal.entries]
    assert order.index(CommitReply) < order.index(CallTool)
    assert clauses(call) == [CONFIRMED] and len(stage.tools.asked) == 1


async def test_a_guess_that_the_caller_takes_back_asks_nothing() -> None:
    waits = {"wait_complete_s": 1.0, "wait_unknown_s": 1.0, "wait_incomplete_s": 1.5}
    stage = stage_of(SILENT_CALL, said("For four, then."), tier={"speculation": 2, **waits})
    async with live_call(stage) as call:
        await call.wait_for(PlaybackFinished)
        await stage.line.say(ASK)
        await call.wait_for(ReplyWritten, 2)
        await stage.line.say("No, make that four.")
        await call.wait_for(PlaybackFinished, 2)
    assert not stage.tools.asked and not call.all(CallTool)


async def test_the_next_model_calls_the_tool_when_the_first_one_fails() -> None:
    failing = EngineError("fake-llm", Category.SERVER, Phase.FIRST_RESULT, "scripted")
    spare = FakeLanguageModel(SILENT_CALL, said(CONFIRMED), name="spare-llm")
    spare.capabilities = replace(spare.capabilities, is_local=False)  # it gets the whole prompt
    stage = stage_of((0.1, failing), tier={"llm": ["fake-llm", "spare-llm"]})
    stage.more = [spare]
    async with live_call(stage) as call:
        await call.wait_for(PlaybackFinished)
        await stage.line.say(ASK)
        await call.wait_for(PlaybackFinished, 2)
    assert clauses(call) == [CONFIRMED] and len(stage.tools.asked) == 1
    assert spare.requests[0].tools == stage.llm.requests[0].tools
    assert not [it for it in call.all(Say) if it.text == stage.config.phrases.too_slow]
