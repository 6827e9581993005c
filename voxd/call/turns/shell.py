"""The shell of one call in turns: the brain's events in, its commands out, requests answered.

Everything that runs for a call runs in one `TaskGroup` here, as in `voxd.call.live`; a bug ends
this call and no other. The caller who hangs up may tell nobody: a call of which Twilio has asked
nothing for `EXPIRY_S` beyond its last words is over.
"""

import asyncio
import logging
from collections.abc import Callable, Mapping

from voxd import commands as do
from voxd.call.inbox import Inbox
from voxd.call.timers import Timers
from voxd.call.tooling import Tooling
from voxd.call.turns.ear import Heard, TurnEar
from voxd.call.turns.mouth import WHOLLY, TurnMouth
from voxd.call.turns.requests import Then, TurnAnswer, TurnRequests
from voxd.call.turns.script import TurnScript
from voxd.call.turns.work import TurnWork
from voxd.call.turns.writer import TurnWriter
from voxd.commands import Command
from voxd.config import Agent
from voxd.contracts import LanguageModel
from voxd.dialog.conversation import Conversation
from voxd.dialog.floor import State
from voxd.events import CallEnded, CallStarted, EndReason, Event, Timer, TurnJudged
from voxd.telemetry.journal import Journal
from voxd.telemetry.logs import bind_call

logger = logging.getLogger(__name__)

WHOLE_S = 0.8
"""A reply is waited for so long to be whole; then its first clauses are said and the rest is
fetched. A short one takes the local model some 0.3 s."""
PAUSE_S = 1
"""Silence between two requests for a reply that is late, after the filler."""
EXPIRY_S = 90.0
"""Twilio listens to 60 s of speech at most, waits 15 s for an answer, and may ask again."""
EARLY_S = 0.005
"""A timer may fire a little before its time."""
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
        llm: LanguageModel,
        tooling: Tooling,
        agent: Agent,
        answer_s: float,
        silence_s: float,
        can_interrupt: bool,
    ) -> None:
        """
        Args:
            parameters: what is known of the call; untrusted text.
            answer_s: Twilio is answered within this time.
            silence_s: Twilio listens for so long before it tells that nobody speaks.
            can_interrupt: words of the caller stop all that is said.
        """
        self.call_id = call_id
        self.journal = journal
        """Events and commands in order; complete once `run` has returned."""
        self.next_step: do.NextStep | None = None
        """What the brain wants done for the caller after the end."""
        self._parameters = dict(parameters)
        self._brain = brain
        self._inbox = inbox
        self._llm = llm
        self._tooling = tooling
        self._answer_s = answer_s
        self._expiry_s = silence_s + EXPIRY_S
        self._can_interrupt = can_interrupt
        self._timers = Timers(inbox.post)
        self._script = TurnScript()
        self._writer = TurnWriter(call_id, agent, llm, inbox.post, _now, self.consider)
        self._requests = TurnRequests()
        self._ear = TurnEar(inbox.post, self._cut_short)
        self._mouth = TurnMouth(self._script, inbox.post)
        self._work: TurnWork
        """There as long as the call is held."""
        self._deadlines: list[asyncio.TimerHandle] = []
        """Of the request that waits, or of the one that Twilio owes us."""
        self._end: EndReason | None = None
        """Why the call ends, as soon as Twilio asks."""
        self._is_over = False
        """Nobody thinks any more; what is asked is answered all the same."""

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
                self._is_over = True
                self._end = reason
                self.journal.record(_now(), CallEnded(_now(), reason))
                self._resolve(Then.END)
                self._close()
                await self._give_back()
        return reason

    async def answer(self, step: int, heard: Heard | None = None) -> TurnAnswer:
        """What Twilio is to do next.

        Args:
            step: the request's number, from the answer that brought it about; the first is 0.
            heard: what the caller said or pressed; None: Twilio comes back for more.
        """
        if self._requests.is_next(step):
            self._ask(heard)
        return await self._requests.answer()

    @property
    def last_answer(self) -> TurnAnswer | None:
        """What Twilio was told last."""
        return self._requests.last

    def hear_partial(self, step: int, text: str, number: int | None = None) -> None:
        """The words so far, while Twilio listens for the result that is step `step`.

        Args:
            number: their place among the partials of that listening, if Twilio told it.
        """
        if step == self._requests.step and not self._requests.is_waiting and text:
            self._ear.hear_partial(text, number)

    def request_shutdown(self) -> None:
        """End the call now; `run` returns `SHUTDOWN` soon."""
        self._inbox.post(CallEnded(_now(), EndReason.SHUTDOWN))

    def deliver(self, event: Event) -> None:
        """Take in what was learned elsewhere, such as by a webhook."""
        self._inbox.post(event)

    # --- requests -----------------------------------------------------------------------------

    def _ask(self, heard: Heard | None) -> None:
        """A new request: tell the brain what it means, and see that it is answered in time."""
        self._requests.open()
        if self._is_over:
            self._resolve(Then.END)
            return
        self._mouth.stop()
        self._set_deadlines((WHOLE_S, self.consider), (self._answer_s, self.consider))
        if heard is not None and heard.speech:
            self._cut_short()
        self._mouth.finish(WHOLLY)
        if heard is not None and not self._script.is_making and self._mouth.take():
            # Decided while Twilio listened: it is said first, and the brain listens again.
            self._mouth.finish(WHOLLY)
        if heard is not None:
            self._ear.hear(heard)
        self.consider()

    def _cut_short(self) -> None:
        """The caller speaks: what has not begun to sound will not."""
        self._mouth.finish(_now() if self._can_interrupt else WHOLLY)
        self._mouth.stop()

    def consider(self) -> None:
        """Answer the request that waits, if there is no more to say to it, or no more time."""
        if not self._requests.is_waiting or len(self._inbox) or self._brain.state is State.NEW:
            return
        waited_s = self._requests.waited_s + EARLY_S
        if self._end is not None:
            self._mouth.take()
            self._resolve(Then.END)
        elif not self._is_busy:
            self._mouth.take()
            # Once words count as heard behind which more is to be done, the brain does it.
            if not (self._brain.goes_on and self._mouth.finish(WHOLLY)):
                self._resolve(Then.LISTEN)
        elif waited_s >= self._answer_s:
            has_words = self._mouth.take()
            self._resolve(Then.COME_BACK, pause_s=0 if has_words else PAUSE_S)
        elif waited_s >= WHOLE_S and (self._script.has_words or self._mouth.has_page):
            self._mouth.take()
            self._resolve(Then.COME_BACK)

    @property
    def _is_busy(self) -> bool:
        """There will be more to say to the request that waits."""
        has_none = self._brain.state is State.THINKING and not self._script.has_words
        return self._script.is_making or has_none

    def _resolve(self, then: Then, pause_s: int = 0) -> None:
        if not self._requests.is_waiting:
            return
        self._ear.settle()
        reason, next_step = (self._end, self.next_step) if then is Then.END else (None, None)
        page, step = self._mouth.turn_page(), self._requests.step
        self._requests.resolve(TurnAnswer(page, then, step, pause_s, reason, next_step))
        if self._is_over:
            return
        self._mouth.watch()
        self._set_deadlines((self._mouth.remaining_s + self._expiry_s, self._expire))
        if self._end is not None:
            self._inbox.post(CallEnded(_now(), self._end))

    def _expire(self) -> None:
        self._inbox.post(CallEnded(_now(), EndReason.LINE_LOST))

    def _set_deadlines(self, *deadlines: tuple[float, Callable[[], None]]) -> None:
        loop = asyncio.get_running_loop()
        for handle in self._deadlines:
            handle.cancel()
        self._deadlines = [loop.call_later(delay_s, work) for delay_s, work in deadlines]

    # --- the brain ----------------------------------------------------------------------------

    async def _hold(self) -> EndReason:
        self._inbox.post(CallStarted(_now(), self.call_id, self._parameters))
        self._set_deadlines((self._expiry_s, self._expire))
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
                return self._end or event.reason
            self.journal.record(event.at, event)
            for command in self._brain.handle(event):
                self.journal.record(_now(), command)
                self._perform(command)
            self.consider()

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
                self._end, self.next_step = reason, next_step
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
        if is_filler and self._requests.is_waiting and not self._script.has_words:
            self._mouth.take()  # it goes out at once: the reply is late
            self._resolve(Then.COME_BACK)

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

    # --- the end ------------------------------------------------------------------------------

    def _close(self) -> None:
        self._timers.close()
        self._ear.close()
        self._mouth.close()
        self._set_deadlines()

    async def _give_back(self) -> None:
        try:
            async with asyncio.timeout(CLOSE_S):
                await self._llm.release(self.call_id)
        except Exception:  # border: the call is over, whatever this says
            logger.warning("call was not closed cleanly", exc_info=True)


def _now() -> float:
    return asyncio.get_running_loop().time()
