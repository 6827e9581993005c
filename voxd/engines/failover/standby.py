"""The local language model behind a cloud one: what it has read of a call. I/O: one task.

With a slot it reads along in the background (*shadow prefill*), so that it can take over a long
conversation at once. Without one, or when it has not come far enough, it gets a compact prompt.
"""

import asyncio
from collections.abc import Sequence

from voxd.commands import Message
from voxd.contracts import LanguageModel, Priority
from voxd.engines.failover.compact import choose_prompt, common_prefix
from voxd.errors import EngineError


class ShadowSlots:
    """How many calls may have a local model read along; shared by all calls."""

    def __init__(self, limit: int) -> None:
        """
        Args:
            limit: `[local] shadow_calls`.
        """
        self._limit = limit
        self._calls: set[str] = set()

    @property
    def in_use(self) -> int:
        return len(self._calls)

    def take(self, call_id: str) -> bool:
        """Have the call read along, if there is room; True as well when it does already."""
        if call_id not in self._calls and len(self._calls) < self._limit:
            self._calls.add(call_id)
        return call_id in self._calls

    def give_back(self, call_id: str) -> None:
        """The call is over. Harmless when it had none."""
        self._calls.discard(call_id)


class Standby:
    """One call's local model. `release` must be awaited in the end."""

    def __init__(self, engine: LanguageModel, slots: ShadowSlots) -> None:
        self.engine = engine
        self._slots = slots
        self._read: tuple[Message, ...] = ()
        """What the engine has certainly in its memory of this call."""
        self._reading: asyncio.Task[None] | None = None
        """The newest one; those before it are cancelled."""
        self._tasks: set[asyncio.Task[None]] = set()

    def read_along(self, call_id: str, messages: Sequence[Message]) -> None:
        """Have the engine read the conversation so far, if the call has a slot."""
        if self._slots.take(call_id):
            self._start(call_id, tuple(messages), Priority.SHADOW)

    def begin_reply(self, messages: tuple[Message, ...]) -> tuple[Message, ...]:
        """The engine is to answer now: the prompt that it gets."""
        if self._reading is not None:
            self._reading.cancel()
        prompt = choose_prompt(messages, self._read)
        # What it held beyond the new prompt is gone as soon as it begins to read.
        self._read = common_prefix(prompt, self._read)
        return prompt

    def note_reply(
        self,
        call_id: str,
        messages: tuple[Message, ...],
        prompt: tuple[Message, ...],
        answer: Message,
    ) -> None:
        """The engine answered; the call is its own now, so it reads what it was not shown."""
        self._read = (*prompt, answer)
        if prompt != messages:
            self._start(call_id, (*messages, answer), Priority.SPECULATION)

    async def release(self, call_id: str) -> None:
        """The call is over: stop reading and free the slot; the engine is released elsewhere."""
        self._slots.give_back(call_id)
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def _start(self, call_id: str, messages: tuple[Message, ...], priority: Priority) -> None:
        if self._reading is not None:
            self._reading.cancel()
        reading = self._prepare(call_id, messages, priority)
        self._reading = asyncio.get_running_loop().create_task(reading)
        self._tasks.add(self._reading)
        self._reading.add_done_callback(self._tasks.discard)

    async def _prepare(
        self, call_id: str, messages: tuple[Message, ...], priority: Priority
    ) -> None:
        try:
            await self.engine.prepare(call_id, messages, priority)
        except EngineError:
            return  # best effort: without it the prompt is compact
        self._read = messages
