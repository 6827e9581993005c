"""One call, live: events in by one inbox, commands out by one `match`.

Everything that runs for a call runs in one `TaskGroup` here: the line's reader, the ear, the
transcriber, the mouth and one task per reply. The loop over the inbox is the group's body; when
it ends, for whatever reason, the group's tasks are cancelled and awaited, and nothing of the
call is left. A bug in any of them ends this call and no other.

The brain never waits and neither do commands: each starts, stops or changes something at once.
A dropped reply is cancelled here and awaited by the group, never by the inbox loop.
"""

import asyncio
import logging
import time
from collections.abc import Coroutine
from typing import Any, Protocol

import uvloop

from voxd import commands as do
from voxd.call.inbox import Inbox
from voxd.call.judging import PauseJudging
from voxd.call.listener import Listener
from voxd.call.replier import Replier
from voxd.call.speaker import Speaker
from voxd.call.timers import Timers
from voxd.call.tooling import Tooling, press
from voxd.call.transcriber import Transcriber
from voxd.call.transport import Transport
from voxd.commands import Command
from voxd.contracts import LanguageModel, Priority
from voxd.events import CallEnded, CallStarted, DigitPressed, EndReason, Event
from voxd.letting_go import begin
from voxd.telemetry.journal import Journal
from voxd.telemetry.logs import bind_call
from voxd.twilio.media import Dtmf, Mark, Media, Stop

logger = logging.getLogger(__name__)

CLOSE_S = 2.0
"""At the end of a call its socket and its sequence each get this long to be given back."""


class Brain(Protocol):
    """What decides: `voxd.dialog.conversation.Conversation`, or a script in a test."""

    def handle(self, event: Event) -> list[Command]: ...


class LiveCall:
    """The shell of one call on a media stream; made by `voxd.call.build`."""

    def __init__(
        self,
        *,
        brain: Brain,
        transport: Transport,
        inbox: Inbox,
        listener: Listener,
        transcriber: Transcriber,
        judging: PauseJudging,
        replier: Replier,
        speaker: Speaker,
        tooling: Tooling,
        llm: LanguageModel,
        journal: Journal,
    ) -> None:
        self.journal = journal
        """Events and commands in order; complete once `run` has returned."""
        self.next_step: do.NextStep | None = None
        """What the brain wants done for the caller once the line is given up."""
        self._brain = brain
        self._transport = transport
        self._inbox = inbox
        self._listener = listener
        self._transcriber = transcriber
        self._judging = judging
        self._replier = replier
        self._speaker = speaker
        self._tooling = tooling
        self._llm = llm
        self._timers = Timers(inbox.post)
        self._replies: dict[int, asyncio.Task[None]] = {}
        """The task of each attempt or phrase that is being made."""
        self._asking: set[asyncio.Task[None]] = set()
        """Tools that have not answered."""
        self._preparing: asyncio.Task[None] | None = None
        self._judgement: asyncio.Task[None] | None = None
        """How the newest pause sounds is being judged."""
        self._has_prepared = False

    def request_shutdown(self) -> None:
        """End the call now; `run` returns `SHUTDOWN` soon."""
        self._inbox.post(CallEnded(_now(), EndReason.SHUTDOWN))

    def deliver(self, event: Event) -> None:
        """Take in what was learned elsewhere, such as by a webhook."""
        self._inbox.post(event)

    async def run(self) -> EndReason:
        """Hold the call to its end and return why it ended.

        Raises nothing but `CancelledError`, and leaves no task, sequence or timer behind.
        """
        reason = EndReason.SHUTDOWN  # what is true if this task is cancelled
        with bind_call(self._transport.call_sid):
            try:
                reason = await self._hold()
            except Exception:  # border: a bug ends this call, no other
                logger.exception("call ended by a bug")
                reason = EndReason.BUG
            finally:
                self._timers.close()
                self._speaker.close()
                self.journal.record(_now(), CallEnded(_now(), reason))
                await self._give_back()
        return reason

    async def _hold(self) -> EndReason:
        call_id, parameters = self._transport.call_sid, dict(self._transport.parameters)
        self._inbox.post(CallStarted(_now(), call_id, parameters))
        async with asyncio.TaskGroup() as tasks:
            parts = [
                begin(tasks, part)
                for part in (
                    self._read_line(),
                    self._listener.run(),
                    self._transcriber.run(),
                    self._speaker.run(),
                )
            ]
            reason = await self._think(tasks)
            others = (self._preparing, self._judgement, *self._asking)
            for task in (*parts, *self._replies.values(), *others):
                if task is not None:
                    task.cancel()
        return reason

    async def _think(self, tasks: asyncio.TaskGroup) -> EndReason:
        """Give the brain one event after the other, until the call is over."""
        while True:
            event = await self._inbox.take()
            if isinstance(event, CallEnded):
                self._brain.handle(event)
                return event.reason
            self.journal.record(event.at, event)
            for command in self._brain.handle(event):
                self.journal.record(_exactly_now(), command)
                if isinstance(command, do.HangUp):
                    self.next_step = command.next_step
                    self._brain.handle(CallEnded(_now(), command.reason))
                    return command.reason
                self._perform(command, tasks)

    def _perform(self, command: Command, tasks: asyncio.TaskGroup) -> None:
        """The one place where commands become effects."""
        match command:
            case do.Say(phrase=do.PhraseKind.FILLER):
                self._replier.fill(command)
            case do.Say(reply_id):
                voice = self._speaker.open(reply_id, is_reply=False, is_committed=True)
                self._start(reply_id, begin(tasks, self._replier.say(command, voice)))
            case do.StartReply(reply_id=reply_id, committed=committed):
                voice = self._speaker.open(reply_id, is_reply=True, is_committed=committed)
                self._start(reply_id, begin(tasks, self._replier.reply(command, voice)))
            case do.CommitReply(reply_id):
                self._speaker.commit(reply_id)
            case do.DropReply(reply_id):
                self._speaker.drop(reply_id)
                if reply_id in self._replies:
                    self._replies.pop(reply_id).cancel()
            case do.HoldPlayback(reply_id):
                self._speaker.hold(reply_id)
            case do.ResumePlayback(reply_id):
                self._speaker.resume(reply_id)
            case do.ClearPlayback():
                self._speaker.clear()
            case do.PreparePrompt():
                self._prepare(command, tasks)
            case do.Transcribe(speech_end):
                self._listener.transcribe(speech_end)
            case do.JudgeTurn(speech_end):
                if self._judgement is not None:
                    self._judgement.cancel()
                self._judgement = begin(tasks, self._judging.judge(speech_end))
            case do.CloseUtterance(until):
                self._listener.close_utterance(until)
            case do.AwaitPause(pause_s):
                self._listener.await_pause(pause_s)
            case do.StartTimer(timer, token, delay_s):
                self._timers.start(timer, token, delay_s)
            case do.StopTimer(timer):
                self._timers.stop(timer)
            case do.CallTool():
                asking = begin(tasks, self._tooling.ask(command))
                self._asking.add(asking)
                asking.add_done_callback(self._asking.discard)
            case do.SendDigits(reply_id):
                press(command, self._speaker.open(reply_id, is_reply=False, is_committed=True))
            case do.EndTurn():
                pass  # a note for the journal
            case _:
                raise TypeError(f"no such command: {type(command).__name__}")

    def _start(self, reply_id: int, task: asyncio.Task[None]) -> None:
        self._replies[reply_id] = task
        task.add_done_callback(lambda _: self._replies.pop(reply_id, None))

    def _prepare(self, command: do.PreparePrompt, tasks: asyncio.TaskGroup) -> None:
        """Only the newest prompt is worth reading ahead; the first is part of the set-up."""
        if self._preparing is not None:
            self._preparing.cancel()
        priority = Priority.SPECULATION if self._has_prepared else Priority.GREETING
        self._has_prepared = True
        self._preparing = begin(tasks, self._replier.prepare(command, priority))

    async def _read_line(self) -> None:
        """The line's messages to the ear, the mouth and the inbox."""
        now = asyncio.get_running_loop().time
        while True:
            if not self._inbox.has_room:
                await self._inbox.wait_for_room()
            message = await self._transport.receive()
            match message:
                case None:
                    self._inbox.post(CallEnded(_now(), self._transport.lost_reason))
                    return
                case Media(timestamp_s, mulaw):
                    self._listener.hear(timestamp_s, mulaw, now())
                case Mark(name):
                    self._speaker.mark_returned(name)
                case Dtmf(digit):
                    self._inbox.post(DigitPressed(_now(), digit))
                case Stop():
                    self._inbox.post(CallEnded(_now(), EndReason.CALLER_HUNG_UP))
                    return
                case _:
                    pass  # `connected` and `start` came before the call

    async def _give_back(self) -> None:
        """Free what outlives the tasks, side by side: none keeps another from it."""
        await asyncio.gather(
            self._within_limit(self._llm.release(self._transport.call_sid)),
            self._within_limit(self._transport.close()),
        )

    async def _within_limit(self, give_back: Coroutine[Any, Any, None]) -> None:
        try:
            async with asyncio.timeout(CLOSE_S):
                await give_back
        except Exception:  # border: the call is over, whatever this says
            logger.warning("call was not closed cleanly", exc_info=True)


def _now() -> float:
    return asyncio.get_running_loop().time()


def _exactly_now() -> float:
    """The loop's clock as it is, not as the loop last read it.

    uvloop reads it once a round and in whole milliseconds; a busy round takes several, and what is
    measured from a decision would begin before it.
    """
    loop = asyncio.get_running_loop()
    return time.monotonic() if isinstance(loop, uvloop.Loop) else loop.time()
