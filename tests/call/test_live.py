"""The shell: every command has its effect, every fact reaches the brain, the end is clean."""

import asyncio
import gc
import weakref
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import pytest

from tests.fakes.call import Stage
from tests.fakes.language_model import STALL, FakeLanguageModel, said
from voxd import commands as do
from voxd.call.live import LiveCall
from voxd.commands import Command, Message, PhraseKind
from voxd.contracts import Priority
from voxd.events import (
    CallEnded,
    CallStarted,
    ClauseStarted,
    DigitPressed,
    EndReason,
    Event,
    PauseReached,
    PlaybackFinished,
    SpeechPaused,
    Timer,
    TimerFired,
    TranscriptReceived,
)

PROMPT = (Message("system", "Be kind."), Message("user", "Hello?"))
Rule = Callable[[Event], list[Command]]


class ScriptedBrain:
    """Answers each event as the test says; `order` gives commands at the test's own moment."""

    def __init__(self, rule: Rule) -> None:
        self._rule = rule
        self.events: list[Event] = []

    def handle(self, event: Event) -> list[Command]:
        self.events.append(event)
        return self._rule(event)

    def names(self) -> list[str]:
        return [type(event).__name__ for event in self.events]


class Shell:
    """A call with a scripted brain."""

    def __init__(self, stage: Stage, call: LiveCall, brain: ScriptedBrain) -> None:
        self.stage = stage
        self.call = call
        self.brain = brain
        self.task: asyncio.Task[EndReason]


@asynccontextmanager
async def shell(rule: Rule, stage: Stage | None = None) -> AsyncIterator[Shell]:
    stage = stage or Stage()
    call = stage.build()
    brain = ScriptedBrain(rule)
    call._brain = brain
    it = Shell(stage, call, brain)
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(stage.line.run())
        it.task = tasks.create_task(call.run())
        yield it
        if not it.task.done():
            stage.line.hang_up()
        async with asyncio.timeout(10):
            await asyncio.shield(it.task)


def on(kind: type[Event], *commands: Command) -> Rule:
    """Answer the first event of a type with these commands."""
    left = [list(commands)]

    def rule(event: Event) -> list[Command]:
        return left.pop() if isinstance(event, kind) and left else []

    return rule


def both(*rules: Rule) -> Rule:
    return lambda event: [command for rule in rules for command in rule(event)]


async def test_the_first_event_is_the_start_and_the_last_is_the_end() -> None:
    stage = Stage()
    stage.line.parameters = {"bot": "frontdesk"}
    async with shell(lambda _: [], stage) as it:
        await asyncio.sleep(1)
    first, last = it.brain.events[0], it.brain.events[-1]
    assert isinstance(first, CallStarted)
    assert (first.call_id, first.parameters) == ("CA0001", {"bot": "frontdesk"})
    assert isinstance(last, CallEnded)
    assert last.reason is EndReason.CALLER_HUNG_UP


def told_well() -> Stage:
    return Stage()


def in_mid_reply() -> Stage:
    return Stage(llm=FakeLanguageModel((0.1, "All right.", STALL)))


@pytest.mark.parametrize("make_stage", [told_well, in_mid_reply])
async def test_a_call_that_is_over_leaves_nothing_to_the_collector(
    make_stage: Callable[[], Stage],
) -> None:
    starts = (do.StartReply(1, 1, True, PROMPT), do.StartReply(1, 2, False, PROMPT))
    gc.disable()
    try:
        rule = both(
            on(CallStarted, *starts, do.StartTimer(Timer.IDLE, 1, 0.2)),
            on(TimerFired, do.DropReply(2)),
        )
        async with shell(rule, make_stage()) as it:
            await asyncio.sleep(0.6)
            call = it.call
            parts = [weakref.ref(part) for part in (call, call._speaker, call._transcriber)]
        del call, it
        await asyncio.sleep(0.1)
        assert [part() for part in parts] == [None] * 3
    finally:
        gc.enable()


async def test_a_held_reply_sounds_only_after_its_commit() -> None:
    rule = both(
        on(CallStarted, do.StartReply(1, 1, False, PROMPT), do.StartTimer(Timer.IDLE, 1, 3.0)),
        on(TimerFired, do.CommitReply(1)),
    )
    async with shell(rule) as it:
        await asyncio.sleep(2.9)
        assert it.stage.line.played == []
        await asyncio.sleep(0.3)
        assert it.stage.line.played
        await asyncio.sleep(2)
    assert "PlaybackFinished" in it.brain.names()


async def test_a_dropped_reply_stops_being_made_without_holding_up_the_inbox() -> None:
    stage = Stage(llm=FakeLanguageModel((0.1, "We are open. ", STALL), said("Yes.")))
    rule = both(
        on(CallStarted, do.StartReply(1, 1, True, PROMPT)),
        on(ClauseStarted, do.DropReply(1), do.ClearPlayback(), do.StartReply(1, 2, True, PROMPT)),
    )
    async with shell(rule, stage) as it:
        await asyncio.sleep(0.5)
        assert stage.llm.active == 0
        await asyncio.sleep(2)
    finished = [event for event in it.brain.events if isinstance(event, PlaybackFinished)]
    assert [event.reply_id for event in finished] == [2]
    assert stage.line.sent[0] == "clear"


async def test_phrases_wait_for_what_is_playing() -> None:
    rule = on(
        CallStarted,
        do.Say(1, "First.", PhraseKind.GREETING),
        do.Say(2, "Second.", PhraseKind.REPROMPT),
    )
    async with shell(rule) as it:
        await asyncio.sleep(3)
    started = [event for event in it.brain.events if isinstance(event, ClauseStarted)]
    assert [(event.text, event.is_reply) for event in started] == [
        ("First.", False),
        ("Second.", False),
    ]
    bytes_heard = [byte for byte, _ in it.stage.line.heard()]
    assert bytes_heard == [it.stage.tts.byte_of("First."), it.stage.tts.byte_of("Second.")]


async def test_the_first_prompt_is_part_of_the_set_up_and_later_ones_replace_it() -> None:
    stage = Stage()
    stage.llm.prepare_s = 1.0
    asked: list[Priority] = []
    prepare = stage.llm.prepare

    async def note(call_id: str, messages: tuple[Message, ...], priority: Priority) -> None:
        asked.append(priority)
        await prepare(call_id, messages, priority)

    stage.llm.prepare = note  # type: ignore[method-assign, assignment]
    longer = (*PROMPT, Message("assistant", "Yes."))
    rule = both(
        on(CallStarted, do.PreparePrompt(PROMPT), do.StartTimer(Timer.IDLE, 1, 0.5)),
        on(TimerFired, do.PreparePrompt(longer)),
    )
    async with shell(rule, stage):
        await asyncio.sleep(3)
    assert asked == [Priority.GREETING, Priority.SPECULATION]
    assert stage.llm.prepared == [longer]


async def test_speech_pause_transcript_and_awaited_pause_reach_the_brain_in_order() -> None:
    def rule(event: Event) -> list[Command]:
        match event:
            case SpeechPaused(speech_end=speech_end):
                return [do.Transcribe(speech_end), do.AwaitPause(0.6)]
            case PauseReached(speech_end=speech_end):
                return [do.EndTurn(1, speech_end, "complete"), do.CloseUtterance(speech_end)]
        return []

    async with shell(rule) as it:
        await asyncio.sleep(0.5)
        await it.stage.line.say("Hello.", 1.0)
        await asyncio.sleep(2)
    assert it.brain.names()[1:-1] == [
        "SpeechStarted",
        "SpeechPaused",
        "TranscriptReceived",
        "PauseReached",
    ]
    transcript = it.brain.events[3]
    assert isinstance(transcript, TranscriptReceived)
    assert transcript.text == "Hello."


async def test_timers_are_started_replaced_and_stopped() -> None:
    rule = on(
        CallStarted,
        do.StartTimer(Timer.IDLE, 1, 1.0),
        do.StartTimer(Timer.IDLE, 2, 2.0),
        do.StartTimer(Timer.LAST_NET, 3, 1.0),
        do.StopTimer(Timer.LAST_NET),
    )
    async with shell(rule) as it:
        await asyncio.sleep(5)
    fired = [event for event in it.brain.events if isinstance(event, TimerFired)]
    assert [event.token for event in fired] == [2]


async def test_keys_reach_the_brain() -> None:
    async with shell(lambda _: []) as it:
        it.stage.line.press("4#")
        await asyncio.sleep(0.5)
    keys = [event.digit for event in it.brain.events if isinstance(event, DigitPressed)]
    assert keys == ["4", "#"]


async def test_a_hang_up_ends_the_call_with_its_reason_and_closes_the_line() -> None:
    rule = on(CallStarted, do.HangUp(EndReason.ENGINES_FAILED), do.ClearPlayback())
    async with shell(rule) as it:
        assert await asyncio.shield(it.task) is EndReason.ENGINES_FAILED
    assert it.stage.line.is_closed
    assert it.brain.names() == ["CallStarted", "CallEnded"]
    assert it.stage.line.sent == []


async def test_a_brain_that_raises_ends_the_call_as_a_bug() -> None:
    def rule(event: Event) -> list[Command]:
        if isinstance(event, DigitPressed):
            raise KeyError("scripted bug")
        return []

    async with shell(rule) as it:
        await asyncio.sleep(0.2)
        it.stage.line.press("1")
        assert await asyncio.shield(it.task) is EndReason.BUG
    assert it.stage.line.is_closed
    assert it.stage.stt.open_streams == []


async def test_a_command_nobody_knows_is_a_bug() -> None:
    async with shell(on(CallStarted, Command())) as it:
        assert await asyncio.shield(it.task) is EndReason.BUG


async def test_a_shutdown_before_the_start_ends_the_call_at_once() -> None:
    stage = Stage()
    call = stage.build()
    call.request_shutdown()
    assert await call.run() is EndReason.SHUTDOWN


async def test_the_journal_holds_events_and_commands_in_order() -> None:
    rule = on(CallStarted, do.StartTimer(Timer.IDLE, 1, 0.5), do.StopTimer(Timer.MAX_CALL))
    async with shell(rule) as it:
        await asyncio.sleep(1)
    entries = it.call.journal.entries
    assert [type(item).__name__ for _, item in entries] == [
        "CallStarted",
        "StartTimer",
        "StopTimer",
        "TimerFired",
        "CallEnded",
    ]
    times = [at for at, _ in entries]
    assert times == sorted(times)


async def test_an_engine_that_does_not_let_go_cannot_keep_a_call() -> None:
    stage = Stage()

    async def hang(call_id: str) -> None:
        await asyncio.sleep(STALL)

    stage.llm.release = hang  # type: ignore[method-assign]
    async with shell(lambda _: [], stage) as it:
        await asyncio.sleep(0.5)
        stage.line.hang_up()
        async with asyncio.timeout(5):
            assert await asyncio.shield(it.task) is EndReason.CALLER_HUNG_UP
    assert stage.line.is_closed


async def test_a_flood_of_keys_neither_fills_the_inbox_nor_starves_others() -> None:
    async with shell(lambda _: []) as it:
        await asyncio.sleep(0.1)
        it.stage.line.press("5" * 5000)
        await asyncio.sleep(0.5)
        keys = [event for event in it.brain.events if isinstance(event, DigitPressed)]
        assert len(keys) == 5000
        assert not it.task.done()


async def test_what_the_call_held_is_given_back_side_by_side() -> None:
    stage = Stage()
    together = asyncio.Barrier(2)
    closed: list[str] = []

    async def release(call_id: str) -> None:
        await together.wait()
        closed.append("sequence")
        raise OSError("lost")

    async def close() -> None:
        await together.wait()
        closed.append("socket")

    stage.llm.release = release  # type: ignore[method-assign]
    stage.line.close = close  # type: ignore[method-assign]
    async with shell(lambda _: [], stage) as it:
        stage.line.hang_up()
        await it.task
    assert sorted(closed) == ["sequence", "socket"]
