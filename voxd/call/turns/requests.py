"""The requests of one call, one after the other, and the answer to the last. I/O: one future.

Each answer names the step of the request that it brings about. A request that Twilio repeats,
because it believes it lost, has the step of the last one and gets the same answer: it makes no
second turn. So does one that is older still, or that somebody made up.
"""

import asyncio
from dataclasses import dataclass
from enum import StrEnum

from voxd.commands import NextStep
from voxd.events import EndReason
from voxd.twilio.turns import Spoken


class Then(StrEnum):
    """What follows what is said."""

    LISTEN = "listen"
    """The caller's turn."""
    COME_BACK = "come_back"
    """There is more, but not yet."""
    END = "end"
    """The call is over."""


@dataclass(frozen=True, slots=True)
class TurnAnswer:
    """What Twilio is to do next."""

    spoken: tuple[Spoken, ...]
    then: Then
    step: int
    """Number of the request that this brings about."""
    pause_s: int = 0
    """Silence before Twilio comes back."""
    reason: EndReason | None = None
    """Of the end."""
    next_step: NextStep | None = None
    """What is to be done for the caller after the end."""


class TurnRequests:
    """Which request is expected, and whether one waits."""

    def __init__(self) -> None:
        self.step = 0
        """The request that is expected next."""
        self._asked_at = 0.0
        self._answer: asyncio.Future[TurnAnswer] | None = None
        self.last: TurnAnswer | None = None
        """The newest answer."""

    @property
    def is_waiting(self) -> bool:
        """A request has no answer yet."""
        return self._answer is not None and not self._answer.done()

    @property
    def waited_s(self) -> float:
        """How long the last request waits, or would."""
        return asyncio.get_running_loop().time() - self._asked_at

    def is_next(self, step: int) -> bool:
        """Whether this is no repetition."""
        return step == self.step or self._answer is None

    def open(self) -> None:
        """A request has come: it waits from now on, and the next step is expected."""
        loop = asyncio.get_running_loop()
        self.step += 1
        self._asked_at = loop.time()
        self._answer = loop.create_future()

    def resolve(self, answer: TurnAnswer) -> None:
        """Answer the request that waits."""
        if self._answer is not None and not self._answer.done():
            self.last = answer
            self._answer.set_result(answer)

    async def answer(self) -> TurnAnswer:
        """The answer to the last request, waiting for it; several may wait for the same."""
        assert self._answer is not None
        return await asyncio.shield(self._answer)
