"""When a request is answered, and by what: ear, mouth and deadlines of one call. I/O: timers.

An answer waits for the whole reply, for some of it, or for a filler, in this order and never longer
than `answer_s`. Between an answer and the next request it is Twilio that owes us something: a call
of which it asks nothing for longer than its `Patience` is over.
"""

import asyncio
from collections.abc import Callable

from voxd.call.inbox import Inbox
from voxd.call.turns.ear import Heard, TurnEar
from voxd.call.turns.mouth import WHOLLY, TurnMouth
from voxd.call.turns.patience import Patience
from voxd.call.turns.requests import Then, TurnAnswer, TurnRequests
from voxd.call.turns.script import TurnScript
from voxd.commands import NextStep
from voxd.dialog.conversation import Conversation
from voxd.dialog.floor import State
from voxd.events import CallEnded, EndReason

WHOLE_S = 0.8
"""A reply is waited for so long to be whole; then its first clauses are said and the rest is
fetched. A short one takes the local model some 0.3 s."""
PAUSE_S = 1
"""Silence between two requests for a reply that is late, after the filler."""
EARLY_S = 0.005
"""A timer may fire a little before its time."""


class TurnAnswering:
    """One call's."""

    def __init__(
        self,
        inbox: Inbox,
        brain: Conversation,
        patience: Patience,
        *,
        answer_s: float,
        can_interrupt: bool,
    ) -> None:
        """
        Args:
            brain: is looked at, never told anything: that is the shell's.
            answer_s: Twilio is answered within this time.
            can_interrupt: words of the caller stop all that is said.
        """
        self._inbox = inbox
        self._brain = brain
        self._patience = patience
        self._answer_s = answer_s
        self._can_interrupt = can_interrupt
        self.script = TurnScript()
        self.ear = TurnEar(inbox.post, self._cut_short)
        self.mouth = TurnMouth(self.script, inbox.post)
        self._requests = TurnRequests()
        self._deadlines: list[asyncio.TimerHandle] = []
        """Of the request that waits, or of the one that Twilio owes us."""
        self.end: EndReason | None = None
        """Why the call ends, as soon as Twilio asks."""
        self.next_step: NextStep | None = None
        """What the brain wants done for the caller after the end."""
        self._is_over = False
        """Nobody thinks any more; what is asked is answered all the same."""

    def begin(self) -> None:
        """The call is held from now on; its first request has come, or is owed."""
        if not self._requests.is_waiting:
            self._expire_in(self._patience.coming_back_s(0.0))

    async def answer(self, step: int, heard: Heard | None) -> TurnAnswer:
        """What Twilio is to do next; see `TurnCall.answer`."""
        if self._requests.is_next(step):
            self._ask(heard)
        return await self._requests.answer()

    @property
    def last_answer(self) -> TurnAnswer | None:
        """What Twilio was told last."""
        return self._requests.last

    def hear_partial(self, step: int, text: str, number: int | None) -> None:
        """The words so far; see `TurnCall.hear_partial`."""
        is_for_now = step == self._requests.step and not self._requests.is_waiting
        if is_for_now and text and not self._is_over:
            self.ear.hear_partial(text, number)
            self._patience.note_partial()
            self._expire_in(self._patience.listening_s(self.mouth.remaining_s))

    def consider(self) -> None:
        """Answer the request that waits, if there is no more to say to it, or no more time."""
        if not self._requests.is_waiting or len(self._inbox) or self._brain.state is State.NEW:
            return
        waited_s = self._requests.waited_s + EARLY_S
        if self.end is not None:
            self.mouth.take()
            self._resolve(Then.END)
        elif not self._is_busy:
            self.mouth.take()
            # Once words count as heard behind which more is to be done, the brain does it.
            if not (self._brain.goes_on and self.mouth.finish(WHOLLY)):
                self._resolve(Then.LISTEN)
        elif waited_s >= self._answer_s:
            has_words = self.mouth.take()
            self._resolve(Then.COME_BACK, pause_s=0 if has_words else PAUSE_S)
        elif waited_s >= WHOLE_S and (self.script.has_words or self.mouth.has_page):
            self.mouth.take()
            self._resolve(Then.COME_BACK)

    def bridge(self) -> None:
        """The reply is late, and there is a filler: it goes out at once."""
        if self._requests.is_waiting and not self.script.has_words:
            self.mouth.take()
            self._resolve(Then.COME_BACK)

    def finish(self, reason: EndReason) -> None:
        """The call is over: who waits, or asks later, is told so."""
        self._is_over, self.end = True, reason
        self._resolve(Then.END)
        self.ear.close()
        self.mouth.close()
        self._set_deadlines()

    def _ask(self, heard: Heard | None) -> None:
        """A new request: tell the brain what it means, and see that it is answered in time."""
        self._requests.open()
        if self._is_over:
            self._resolve(Then.END)
            return
        self.mouth.stop()
        self._set_deadlines((WHOLE_S, self.consider), (self._answer_s, self.consider))
        if heard is not None and heard.speech:
            self._cut_short()
        self.mouth.finish(WHOLLY)
        if heard is not None:
            # Decided while Twilio listened: it is said first, and the brain listens again.
            goes_first = not self.script.is_making and self.mouth.take()
            if goes_first:
                self.mouth.finish(WHOLLY)
            self._patience.note_result(has_speech=bool(heard.speech))
            self.ear.hear(heard, counts_silence=not goes_first)
        self.consider()

    def _cut_short(self) -> None:
        """The caller speaks: what has not begun to sound will not."""
        self.mouth.finish(_now() if self._can_interrupt else WHOLLY)
        self.mouth.stop()

    @property
    def _is_busy(self) -> bool:
        """There will be more to say to the request that waits."""
        has_none = self._brain.state is State.THINKING and not self.script.has_words
        return self.script.is_making or has_none

    def _resolve(self, then: Then, pause_s: int = 0) -> None:
        if not self._requests.is_waiting:
            return
        self.ear.settle()
        reason, next_step = (self.end, self.next_step) if then is Then.END else (None, None)
        page, step = self.mouth.turn_page(), self._requests.step
        self._requests.resolve(TurnAnswer(page, then, step, pause_s, reason, next_step))
        if self._is_over:
            return
        self.mouth.watch()
        playing_s = self.mouth.remaining_s
        if then is Then.LISTEN:
            self._expire_in(self._patience.listening_s(playing_s))
        else:
            self._expire_in(self._patience.coming_back_s(playing_s, pause_s))
        if self.end is not None:
            self._inbox.post(CallEnded(_now(), self.end))

    def _expire_in(self, delay_s: float) -> None:
        self._set_deadlines((delay_s, self._expire))

    def _expire(self) -> None:
        self._inbox.post(CallEnded(_now(), EndReason.LINE_LOST))

    def _set_deadlines(self, *deadlines: tuple[float, Callable[[], None]]) -> None:
        loop = asyncio.get_running_loop()
        for handle in self._deadlines:
            handle.cancel()
        self._deadlines = [loop.call_later(delay_s, work) for delay_s, work in deadlines]


def _now() -> float:
    return asyncio.get_running_loop().time()
