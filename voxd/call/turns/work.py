"""The tasks of one call in turns: replies being written, prompts read ahead, tools asked."""

import asyncio

from voxd.call.tooling import Tooling
from voxd.call.turns.script import Part
from voxd.call.turns.writer import TurnWriter
from voxd.commands import CallTool, PreparePrompt, StartReply
from voxd.contracts import Priority
from voxd.letting_go import begin


class TurnWork:
    """What runs beside the shell of a call, in its `TaskGroup`; each method starts or ends it."""

    def __init__(self, tasks: asyncio.TaskGroup, writer: TurnWriter, tooling: Tooling) -> None:
        self._tasks = tasks
        self._writer = writer
        self._tooling = tooling
        self._replies: dict[int, asyncio.Task[None]] = {}
        """The model's work for each attempt."""
        self._preparing: asyncio.Task[None] | None = None
        self._asking: set[asyncio.Task[None]] = set()
        """Tools that have not answered."""

    def write(self, command: StartReply, part: Part) -> None:
        """Have a reply written into its part."""
        reply_id = command.reply_id
        task = begin(self._tasks, self._writer.reply(command, part))
        self._replies[reply_id] = task
        task.add_done_callback(lambda _: self._replies.pop(reply_id, None))

    def drop(self, reply_id: int) -> None:
        """Stop writing a reply; harmless when nobody does."""
        if reply_id in self._replies:
            self._replies.pop(reply_id).cancel()

    def prepare(self, command: PreparePrompt) -> None:
        """Only the newest prompt is worth reading ahead; the first is part of the set-up."""
        priority = Priority.GREETING if self._preparing is None else Priority.SPECULATION
        if self._preparing is not None:
            self._preparing.cancel()
        self._preparing = begin(self._tasks, self._writer.prepare(command, priority))

    def ask(self, command: CallTool) -> None:
        """Ask a tool."""
        task = begin(self._tasks, self._tooling.ask(command))
        self._asking.add(task)
        task.add_done_callback(self._asking.discard)

    def cancel(self) -> None:
        """The call is over: whoever waits for the group waits for no more than this."""
        for task in (*self._replies.values(), self._preparing, *self._asking):
            if task is not None:
                task.cancel()
