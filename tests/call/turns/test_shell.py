"""Calls in turns: what Twilio is told, when, and what the brain believes happened."""

import asyncio
from typing import Any

import pytest

from tests.call.turns.calling import GREETING, Caller, calling, hang_up, turns_config, words_of
from tests.fakes.language_model import STALL, Script, said
from voxd.call.turns import answering
from voxd.call.turns.ear import Heard
from voxd.call.turns.patience import SLACK_S, SLOWEST, SPEECH_S
from voxd.call.turns.requests import Then, TurnAnswer
from voxd.commands import CommitReply, EndTurn, StartReply
from voxd.dialog.playout import SPOKEN_CHARACTERS_PER_S
from voxd.errors import Category, EngineError, Phase
from voxd.events import EndReason, EngineFailed, Event
from voxd.telemetry.latency import compute_turns

QUESTION = "When are you open?"
ANSWER = "We are open from nine to five."
QUICK = said(ANSWER)


def now() -> float:
    return asyncio.get_running_loop().time()


async def test_the_call_is_answered_by_the_greeting_at_once() -> None:
    async with calling(QUICK) as caller:
        at = now()
        answer = await caller.dial()
        assert (words_of(answer), answer.then, answer.step) == (GREETING, Then.LISTEN, 1)
        assert now() - at < 0.01


async def test_a_turn_is_answered_by_the_whole_reply() -> None:
    async with calling(QUICK) as caller:
        await caller.dial()
        answer = await caller.say(QUESTION)
        assert (words_of(answer), answer.then) == (ANSWER, Then.LISTEN)
        assert caller.prompts == [QUESTION]


async def test_five_turns_have_one_history() -> None:
    async with calling(said("One it is."), said("Two it is."), said("Three it is.")) as caller:
        await caller.dial()
        for turn in range(5):
            answer = await caller.say(f"Question {turn}?")
            assert answer.then is Then.LISTEN
        assert [(m.role, m.content) for m in caller.llm.requests[2].messages[1:]] == [
            ("user", "Question 0?"),
            ("assistant", "One it is."),
            ("user", "Question 1?"),
            ("assistant", "Two it is."),
            ("user", "Question 2?"),
        ]
        assert [end.turn for end in caller.all(EndTurn)] == [1, 2, 3, 4, 5]


async def test_voice_to_voice_is_from_the_result_to_its_answer() -> None:
    async with calling(said(ANSWER, first_s=0.3, token_s=0.01)) as caller:
        await caller.dial()
        await asyncio.sleep(3)
        at = now()
        await caller.say(QUESTION)
        took_ms = (now() - at) * 1000
        await asyncio.sleep(3)
        (turn,) = compute_turns(caller.call.journal.entries)
        assert turn.voice_to_voice_ms == pytest.approx(took_ms, abs=1)
        assert (turn.transcript, turn.reply) == (QUESTION, ANSWER)
        engines = (turn.stt_engine, turn.llm_engine, turn.tts_engine)
        assert engines == ("twilio", "fake-llm", "polly")
        assert not turn.is_premature


async def test_words_so_far_begin_the_reply_and_the_same_words_at_the_end_commit_it() -> None:
    async with calling(said(ANSWER, first_s=0.5)) as caller:
        await caller.dial()
        await asyncio.sleep(3)
        caller.begin_to_say("When are")
        await asyncio.sleep(0.2)
        caller.begin_to_say("when are you open")
        await asyncio.sleep(1.3)
        at = now()
        answer = await caller.say(QUESTION)
        assert words_of(answer) == ANSWER
        assert now() - at < 0.01
        assert len(caller.all(StartReply)) == len(caller.all(CommitReply)) == 1


async def test_a_reply_to_words_that_were_not_the_last_is_thrown_away() -> None:
    async with calling(said("Yes."), said("No.")) as caller:
        await caller.dial()
        caller.begin_to_say("When are you open")
        await asyncio.sleep(1)
        answer = await caller.say("When are you open on Sundays?")
        assert words_of(answer) == "No."
        assert caller.prompts == ["When are you open", "When are you open on Sundays?"]
        assert [turn.wasted_tokens for turn in compute_turns(caller.call.journal.entries)] != [0]


async def test_a_partial_of_another_step_is_nothing() -> None:
    async with calling(QUICK) as caller:
        await caller.dial()
        caller.call.hear_partial(0, "When")
        caller.call.hear_partial(9, "When")
        await asyncio.sleep(1)
        assert caller.llm.requests == []


async def test_a_request_that_twilio_repeats_makes_no_second_turn() -> None:
    async with calling(said(ANSWER, first_s=0.5)) as caller:
        await caller.dial()
        step = caller.answers[-1].step
        first, second = await asyncio.gather(
            caller.call.answer(step, Heard(QUESTION)), caller.call.answer(step, Heard(QUESTION))
        )
        assert first == second == await caller.call.answer(step, Heard(QUESTION))
        assert caller.prompts == [QUESTION]
        assert len(caller.all(EndTurn)) == 1


async def test_a_long_reply_begins_with_what_is_written_and_the_rest_is_fetched() -> None:
    script: Script = (0.1, "We are open today. ", 1.0, "Come in by the door. ", 0.5, "Bye now.")
    async with calling(script) as caller:
        await caller.dial()
        at = now()
        first = await caller.say(QUESTION)
        assert (words_of(first), first.then) == ("We are open today.", Then.COME_BACK)
        assert now() - at == pytest.approx(answering.WHOLE_S, abs=0.01)
        await asyncio.sleep(1.2)  # it is being said
        rest = await caller.come_back()
        assert (words_of(rest), rest.then) == ("Come in by the door. Bye now.", Then.LISTEN)
        await caller.say("Thanks.")
        assert caller.llm.requests[-1].messages[-2].content == (
            "We are open today. Come in by the door. Bye now."
        )


async def test_a_reply_that_ends_while_its_beginning_is_said_needs_no_more_words() -> None:
    async with calling((0.1, "We are open today. ", 1.0)) as caller:
        await caller.dial()
        assert (await caller.say(QUESTION)).then is Then.COME_BACK
        await asyncio.sleep(1.2)
        answer = await caller.come_back()
        assert (answer.spoken, answer.then) == ((), Then.LISTEN)


FILLED = turns_config(
    tier={"filler_after_s": 3.0},
    phrases={"en": {"fillers": ["One moment, please."]}},
)


async def test_a_late_reply_is_fetched_behind_a_filler_within_the_limit() -> None:
    async with calling(said(ANSWER, first_s=3.0), config=FILLED) as caller:
        await caller.dial()
        at = now()
        filler = await caller.say(QUESTION)
        assert (words_of(filler), filler.then) == ("One moment, please.", Then.COME_BACK)
        assert now() - at <= FILLED.twiml.answer_s
        await asyncio.sleep(1.2)
        answer = await caller.come_back()
        assert (words_of(answer), answer.then) == (ANSWER, Then.LISTEN)
        (turn,) = compute_turns(caller.call.journal.entries)
        assert turn.voice_to_voice_ms is not None and turn.voice_to_voice_ms > 3000
        await caller.say("Thanks.")
        assert "One moment" not in str(caller.llm.requests[-1].messages)


async def test_after_the_filler_every_request_is_answered_in_time_and_at_last_by_an_apology() -> (
    None
):
    async with calling((STALL,), config=FILLED) as caller:
        await caller.dial()
        begun = now()
        answer = await caller.say(QUESTION)
        while answer.then is Then.COME_BACK:
            assert now() - begun < FILLED.call.last_net_s + 4
            at = now()
            answer = await caller.come_back()
            assert now() - at <= FILLED.twiml.answer_s + answer.pause_s + 1.01
        assert words_of(answer) == FILLED.phrases.too_slow


async def test_without_fillers_a_late_reply_is_waited_for_in_silence() -> None:
    async with calling(said(ANSWER, first_s=2.5)) as caller:
        await caller.dial()
        answer = await caller.say(QUESTION)
        assert (answer.spoken, answer.then) == ((), Then.COME_BACK)
        assert answer.pause_s == answering.PAUSE_S
        assert words_of(await caller.come_back()) == ANSWER


async def test_silence_is_asked_about_and_ends_the_call_politely() -> None:
    async with calling(QUICK) as caller:
        config = caller.stage.config
        await caller.dial()
        for _ in range(config.call.reprompts):
            await asyncio.sleep(6)
            answer = await caller.be_silent()
            assert (words_of(answer), answer.then) == (config.phrases.reprompt, Then.LISTEN)
        await asyncio.sleep(6)
        answer = await caller.be_silent()
        assert (words_of(answer), answer.then) == (config.phrases.goodbye, Then.END)
        assert answer.reason is EndReason.AGENT_HUNG_UP
        assert await caller.task is EndReason.AGENT_HUNG_UP
        assert await caller.call.answer(answer.step - 1, Heard()) == answer


async def test_silence_at_once_is_a_silence_too() -> None:
    async with calling(QUICK) as caller:
        await caller.dial()
        assert words_of(await caller.be_silent()) == caller.stage.config.phrases.reprompt
        assert words_of(await caller.say(QUESTION)) == ANSWER


async def test_words_that_came_to_nothing_are_a_silence() -> None:
    async with calling(QUICK) as caller:
        await caller.dial()
        caller.begin_to_say("Uh")
        await asyncio.sleep(0.2)
        assert words_of(await caller.be_silent()) == caller.stage.config.phrases.reprompt


async def test_keys_are_a_turn() -> None:
    async with calling(QUICK) as caller:
        await caller.dial()
        assert words_of(await caller.press("12")) == ANSWER
        assert caller.prompts == ["(I pressed 1 2 on the keypad.)"]


async def test_who_interrupts_has_heard_what_had_begun() -> None:
    config = turns_config(tier={"interruptions": True})
    long = "We are open from nine to five on weekdays. On Sundays we are closed all day long."
    async with calling(said(long, token_s=0.001), config=config) as caller:
        await caller.dial()
        await asyncio.sleep(3)
        await caller.say(QUESTION)
        await asyncio.sleep(1.5)
        caller.begin_to_say("Stop")
        await asyncio.sleep(1)
        await caller.say("Stop it.")
        assert caller.llm.requests[-1].messages[-2].content == (
            "We are open from nine to five on weekdays."
        )


async def test_without_interruptions_all_of_it_was_heard() -> None:
    long = "We are open from nine to five on weekdays. On Sundays we are closed all day long."
    async with calling(said(long, token_s=0.001)) as caller:
        await caller.dial()
        await caller.say(QUESTION)
        caller.begin_to_say("Stop")
        await caller.say("Stop it.")
        assert caller.llm.requests[-1].messages[-2].content == long


def failing(*begun: Any) -> Script:
    return (*begun, EngineError("fake-llm", Category.SERVER, Phase.FIRST_RESULT, "scripted"))


async def test_a_model_that_fails_is_apologised_for_and_in_the_end_the_call_is_over() -> None:
    async with calling(failing(0.1)) as caller:
        phrases = caller.stage.config.phrases
        await caller.dial()
        answers: list[TurnAnswer] = []
        while not answers or answers[-1].then is Then.LISTEN:
            answers.append(await caller.say(QUESTION))
        assert words_of(answers[0]) == phrases.too_slow
        assert answers[-1].reason is EndReason.ENGINES_FAILED
        assert len(caller.all(EngineFailed)) == len(answers) == 3
        assert await caller.task is EndReason.ENGINES_FAILED


async def test_a_model_that_says_nothing_is_covered_by_a_phrase() -> None:
    async with calling((0.1, "  ")) as caller:
        await caller.dial()
        answer = await caller.say(QUESTION)
        assert words_of(answer) == caller.stage.config.phrases.did_not_catch


async def test_the_longest_call_ends_with_a_goodbye_at_the_next_request() -> None:
    config = turns_config(call={"max_call_s": 20.0})
    async with calling(QUICK, config=config) as caller:
        await caller.dial()
        await asyncio.sleep(21)
        assert not caller.task.done()
        answer = await caller.say(QUESTION)
        assert (words_of(answer), answer.then) == (config.phrases.goodbye, Then.END)
        assert caller.llm.requests == []


async def ends_within(caller: Caller, limit_s: float) -> None:
    """Twilio asks no more: the call is over after that, and not long before."""
    await asyncio.sleep(limit_s * 0.8)
    assert not caller.task.done()
    await asyncio.sleep(limit_s * 0.2 + 0.01)
    assert caller.task.done()
    assert await caller.task is EndReason.LINE_LOST


async def test_a_caller_who_hangs_up_and_tells_nobody_does_not_hold_a_place_for_long() -> None:
    async with calling(QUICK) as caller:
        twiml = caller.stage.config.twiml
        await caller.dial()
        limits_s = twiml.silence_s + twiml.speech_timeout_s
        words_s = SLOWEST * len(GREETING) / SPOKEN_CHARACTERS_PER_S
        await ends_within(caller, words_s + limits_s + SLACK_S)


async def test_words_so_far_say_that_the_caller_is_still_there() -> None:
    async with calling(QUICK) as caller:
        await caller.dial()
        for number in range(6):
            await asyncio.sleep(20)
            caller.begin_to_say(f"and {number}")
        assert not caller.task.done()
        twiml = caller.stage.config.twiml
        await ends_within(caller, twiml.silence_s + twiml.speech_timeout_s + SLACK_S)


async def test_where_no_words_so_far_come_the_longest_speech_is_waited_for() -> None:
    async with calling(QUICK) as caller:
        await caller.dial()
        await caller.say(QUESTION)
        await asyncio.sleep(SPEECH_S + SLACK_S)
        assert not caller.task.done()
        assert words_of(await caller.say(QUESTION)) == ANSWER


async def test_a_caller_who_is_gone_while_a_filler_is_said_is_noticed() -> None:
    async with calling((STALL,), config=FILLED) as caller:
        await caller.dial()
        filler = await caller.say(QUESTION)
        assert filler.then is Then.COME_BACK
        words_s = SLOWEST * len(words_of(filler)) / SPOKEN_CHARACTERS_PER_S
        await ends_within(caller, words_s + filler.pause_s + SLACK_S)


async def test_a_call_that_twilio_never_asks_about_is_over_too() -> None:
    async with calling(QUICK) as caller:
        await ends_within(caller, SLACK_S)


async def test_a_caller_who_hangs_up_leaves_nothing_behind() -> None:
    async with calling((STALL,)) as caller:
        await caller.dial()
        async with asyncio.TaskGroup() as tasks:
            waiting = tasks.create_task(caller.call.answer(1, Heard(QUESTION)))
            await asyncio.sleep(0.5)
            assert caller.llm.active == 1
            hang_up(caller.call)
        assert waiting.result().then is Then.END
        assert await caller.task is EndReason.CALLER_HUNG_UP
        assert caller.llm.active == 0 and not caller.llm.sequences


async def test_a_shutdown_ends_the_call() -> None:
    async with calling(QUICK) as caller:
        await caller.dial()
        caller.call.request_shutdown()
        assert await caller.task is EndReason.SHUTDOWN


async def test_a_bug_ends_the_call_and_answers_whoever_waits(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async with calling(QUICK) as caller:
        await caller.dial()

        def break_down(event: Event) -> Any:
            raise ZeroDivisionError

        monkeypatch.setattr(caller.call._brain, "handle", break_down)
        answer = await caller.call.answer(1, Heard(QUESTION))
        assert (answer.then, answer.reason) == (Then.END, EndReason.BUG)
        assert await caller.task is EndReason.BUG


async def test_the_prompt_is_read_while_the_greeting_is_heard() -> None:
    async with calling(QUICK) as caller:
        await caller.dial()
        await asyncio.sleep(0.1)
        assert [prompt[0].role for prompt in caller.llm.prepared] == ["system"]


async def test_a_request_that_comes_while_the_call_is_being_closed_is_answered() -> None:
    async with calling(QUICK) as caller:
        await caller.dial()
        hang_up(caller.call)
        await caller.task
        answer = await asyncio.wait_for(caller.call.answer(1, Heard(QUESTION)), 1)
        assert (answer.then, answer.reason) == (Then.END, EndReason.CALLER_HUNG_UP)


async def test_a_warning_that_falls_due_while_twilio_listens_may_be_answered() -> None:
    """The silence was before it."""
    config = turns_config(call={"max_call_s": 60.0, "warn_s": 50.0, "reprompts": 1})
    async with calling(QUICK, config=config) as caller:
        await caller.dial()
        await asyncio.sleep(11)
        answer = await caller.be_silent()
        assert (words_of(answer), answer.then) == (config.phrases.time_warning, Then.LISTEN)
        await asyncio.sleep(6)
        assert words_of(await caller.be_silent()) == config.phrases.reprompt
        await asyncio.sleep(6)
        assert words_of(await caller.be_silent()) == config.phrases.goodbye


async def test_what_is_decided_while_twilio_listens_is_said_before_the_answer() -> None:
    config = turns_config(call={"max_call_s": 60.0, "warn_s": 50.0})
    async with calling(QUICK, config=config) as caller:
        await caller.dial()
        await asyncio.sleep(11)  # the warning is due, and nobody can say it
        caller.begin_to_say("When are")
        await asyncio.sleep(1)
        answer = await caller.say(QUESTION)
        assert words_of(answer) == f"{config.phrases.time_warning} {ANSWER}"
        assert caller.prompts == [QUESTION]
