"""What a language model's worker had read, for the process that takes its place. No I/O itself.

Used by `llamacpp`. After a restart the worker's memory is empty; without this the next turn of
every running call, and the first of the next one, would wait for its whole prompt.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence

from voxd.commands import Message
from voxd.contracts import Priority
from voxd.errors import EngineError

CALL_ID = "reread"
"""What the system prompt is read under while there is no call."""

Prepare = Callable[[str, Sequence[Message], Priority], Awaitable[None]]
Release = Callable[[str], Awaitable[None]]


class Reread:
    """Remembers the last prompt of each call and has it read again by a new worker.

    Bound: one prompt per call, from its first request to its release, and one system prompt.
    """

    def __init__(self, prepare: Prepare, release: Release, is_busy: Callable[[str], bool]) -> None:
        """
        Args:
            prepare, release: the engine's own.
            is_busy: whether a request of this call is on its way; it reads its prompt itself.
        """
        self._prepare = prepare
        self._release = release
        self._is_busy = is_busy
        self._prompts: dict[str, tuple[Sequence[Message], Priority]] = {}
        self._system: Message | None = None
        self._has_new_worker = False
        self._task: asyncio.Task[None] | None = None

    def remember(self, call_id: str, messages: Sequence[Message], priority: Priority) -> None:
        """The worker is about to read this."""
        self._prompts[call_id] = (messages, max(priority, Priority.SPECULATION))
        if messages and messages[0].role == "system":
            self._system = messages[0]

    def forget(self, call_id: str) -> None:
        """The call is over."""
        self._prompts.pop(call_id, None)

    def begin(self) -> None:
        """A new process took over: have it read everything, behind all else asked of it."""
        self._has_new_worker = True
        # One that runs already was interrupted by this restart, and goes on: to begin it again
        # would give a prompt that kills workers a clean record each time.
        if self._task is None or self._task.done():
            self._task = asyncio.get_running_loop().create_task(self._run())

    async def close(self) -> None:
        """Stop."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait([self._task])

    async def _run(self) -> None:
        while self._has_new_worker:
            self._has_new_worker = False
            for call_id in list(self._prompts):
                if call_id in self._prompts and not self._is_busy(call_id):
                    await self._read(call_id, *self._prompts[call_id])
            if not self._prompts and self._system is not None:
                await self._read(CALL_ID, (self._system,), Priority.SPECULATION)
                await self._release(CALL_ID)

    async def _read(self, call_id: str, messages: Sequence[Message], priority: Priority) -> None:
        try:
            await self._prepare(call_id, messages, priority)
        except EngineError:
            # Best effort. It may be what killed the worker, so it is not tried again.
            self.forget(call_id)
            if call_id == CALL_ID:
                self._system = None
