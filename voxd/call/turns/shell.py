"""The shell of one call in turns: the brain's events in, its commands out.

Everything that runs for a call runs in one `TaskGroup` here, as in `voxd.call.live`; a bug ends
this call and no other. When requests are answered, and by what, is `TurnAnswering`'s.
"""

import asyncio
import logging
from collections.abc import Mapping

from voxd import commands as do
from voxd.call.inbox import Inbox
from voxd.call.timers import Timers
from voxd.call.tooling import Tooling
from voxd.call.turns.answering import TurnAnswering
from voxd.call.turns.ear import Heard
from voxd.call.turns.requests import TurnAnswer
from voxd.call.turns.work import TurnWork
from voxd.call.turns.writer import TurnWriter
from voxd.commands import Command
from voxd.config import Agent
from voxd.contracts import LanguageModel
from voxd.dialog.conversation import Conversation
from voxd.events import CallEnded, CallStarted, EndReason, Event, Timer, TurnJudged
from voxd.telemetry.journal import Journal
from voxd.telemetry.logs import bind_call

logger = logging.getLogger(__name__)

CLOSE_S = 2.0
"""At the end of a call its sequence gets this long to be given back."""


class TurnCall:
    """Made by `voxd.call.turns.build`, kept by `voxd.server.turn_calls`."""

    def __init__(
        self,
        call_id: str,
        parameters: Mapping[str, str],
        *,
        journal: Journal,
        brain: Conversation,
        inbox: Inbox,
        answering: TurnAnswering,
        llm: LanguageModel,
        tooling: Tooling,
        agent: Agent,
    ) -> None:
        """
        Args:
            parameters: what is known of the call; untrusted text.
        """
        self.call_id = call_id
        self.journal = journal
        """Events and commands in order; complete once `run` has returned."""
        self._parameters = dict(parameters)
        self._brain = brain
        self._inbox = inbox
        self._answering = answering
        self._script, self._ear, self._mouth = answering.script, answering.ear, answering.mouth
        self._llm = llm
        self._tooling = tooling
        self._timers = Timers(inbox.post)
        self._writer = TurnWriter(call_id, agent, llm, inbox.post, _now, answering.consider)
        self._work: TurnWork
        """There as long as the call is held."""

    # --- from outside -------------------------------------------------------------------------

    async def run(self) -> EndReason:
        """Hold the call to its end and return why it ended.

        Raises nothing but `CancelledError`, and leaves no task, sequence or timer behind.
        """
        reason = EndReason.SHUTDOWN  # what is true if this task is cancelled
        with bind_call(self.call_id):
            try:
                reason = await self._hold()
            except Exception:  # border: a bug ends this call, no other
                logger.exception("call ended by a bug")
                reason = EndReason.BUG
            finally:
                self.journal.record(_now(), CallEnded(_now(), reason))
                self._answering.finish(reason)
                self._timers.close()
                await self._give_back()
        return reason

    async def answer(self, step: int, heard: Heard | None = None) -> TurnAnswer:
        """What Twilio is to do next.

        Args:
            step: the request's number, from the answer that brought it about; the first is 0.
            heard: what the caller said or pressed; None: Twilio comes back for more.
        """
        return await self._answering.answer(step, heard)

    @property
    def last_answer(self) -> TurnAnswer | None:
        """What Twilio was told last."""
        return self._answering.last_answer

    @property
    def next_step(self) -> do.NextStep | None:
        """What the brain wants done for the caller after the end."""
        return self._answering.next_step

    def hear_partial(self, step: int, text: str, number: int | None = None) -> None:
        """The words so far, while Twilio listens for the result that is step `step`.

        Args:
            number: their place among the partials of that listening, if Twilio told it.
        """
        self._answering.hear_partial(step, text, number)

    def request_shutdown(self) -> None:
        """End the call now; `run` returns `SHUTDOWN` soon."""
        self._inbox.post(CallEnded(_now(), EndReason.SHUTDOWN))

    def deliver(self, event: Event) -> None:
        """Take in what was learned elsewhere, such as by a webhook."""
        self._inbox.post(event)

    # --- the brain ----------------------------------------------------------------------------

    async def _hold(self) -> EndReason:
        self._inbox.post(CallStarted(_now(), self.call_id, self._parameters))
        self._answering.begin()
        async with asyncio.TaskGroup() as tasks:
            self._work = TurnWork(tasks, self._writer, self._tooling)
            reason = await self._think()
            self._work.cancel()
        return reason

    async def _think(self) -> EndReason:
        """Give the brain one event after the other, until the call is over."""
        while True:
            event = await self._inbox.take()
            if isinstance(event, CallEnded):
                self._brain.handle(event)
                return self._answering.end or event.reason
            self.journal.record(event.at, event)
            for command in self._brain.handle(event):
                self.journal.record(_now(), command)
                self._perform(command)
            self._answering.consider()

    def _perform(self, command: Command) -> None:
        """The one place where commands become effects."""
        match command:
            case do.Say():
                self._say(command)
            case do.StartReply():
                self._start(command)
            case do.CommitReply(reply_id):
                if (part := self._script.find(reply_id)) is not None:
                    part.voice.commit()
            case do.DropReply(reply_id):
                self._drop(reply_id)
            case do.PreparePrompt():
                self._work.prepare(command)
            case do.Transcribe(speech_end):
                self._ear.transcribe(speech_end)
            case do.JudgeTurn(speech_end):
                self._inbox.post(TurnJudged(_now(), speech_end, None))
            case do.AwaitPause(pause_s):
                self._ear.await_pause(pause_s)
            case do.SendDigits():
                self._press(command)
            case do.CallTool():
                self._work.ask(command)
            case do.StartTimer(Timer.IDLE, token):
                self._ear.await_silence(token)
            case do.StartTimer(Timer.DIGITS, token):
                self._ear.end_digits(token)
            case do.StartTimer(Timer.PLAYBACK) | do.StopTimer(Timer.PLAYBACK):
                pass  # Twilio's playback needs no watching
            case do.StartTimer(timer, token, delay_s):
                self._timers.start(timer, token, delay_s)
            case do.StopTimer(Timer.IDLE):
                self._ear.forget_silence()
            case do.StopTimer(timer):
                self._timers.stop(timer)
            case do.HangUp(reason, next_step):
                self._answering.end, self._answering.next_step = reason, next_step
                self._brain.handle(CallEnded(_now(), reason))
            case do.EndTurn() | do.CloseUtterance():
                pass  # for the journal
            case do.ClearPlayback() | do.HoldPlayback() | do.ResumePlayback():
                pass  # what Twilio says cannot be taken back
            case _:
                raise TypeError(f"no such command: {type(command).__name__}")

    def _say(self, command: do.Say) -> None:
        is_filler = command.phrase is do.PhraseKind.FILLER
        part = self._script.open(command.reply_id, is_filler=is_filler)
        self._writer.phrase(command, part)
        if is_filler:
            self._answering.bridge()

    def _start(self, command: do.StartReply) -> None:
        part = self._script.open(command.reply_id, is_reply=True, is_committed=command.committed)
        self._work.write(command, part)

    def _drop(self, reply_id: int) -> None:
        self._work.drop(reply_id)
        if (part := self._script.find(reply_id)) is not None:
            self._mouth.drop(part)

    def _press(self, command: do.SendDigits) -> None:
        part = self._script.open(command.reply_id)
        part.digits, part.is_written = command.digits, True

    async def _give_back(self) -> None:
        try:
            async with asyncio.timeout(CLOSE_S):
                await self._llm.release(self.call_id)
        except Exception:  # border: the call is over, whatever this says
            logger.warning("call was not closed cleanly", exc_info=True)


def _now() -> float:
    return asyncio.get_running_loop().time()
