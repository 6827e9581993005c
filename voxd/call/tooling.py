"""What a call does for its model beside talking: asks tools, presses keys. Shell of both kinds.

Bound: as many tools are asked at once as the brain orders, which is four for each reply.
"""

from collections.abc import Callable

from voxd.audio.dtmf import encode_digits
from voxd.call.voice import Voice
from voxd.commands import CallTool, SendDigits
from voxd.events import Event, ToolReturned
from voxd.tools.client import UNKNOWN, ToolClient


class Tooling:
    """One call's hands."""

    def __init__(
        self,
        call_id: str,
        client: ToolClient | None,
        post: Callable[[Event], None],
        now: Callable[[], float],
    ) -> None:
        self._call_id = call_id
        self._client = client
        self._post = post
        self._now = now

    async def ask(self, command: CallTool) -> None:
        """Ask a tool and report what it answers; runs as a task of the call."""
        answer = UNKNOWN
        if self._client is not None:
            answer = await self._client.ask(
                command.name, command.arguments, self._call_id, command.request_id
            )
        returned = ToolReturned(self._now(), command.request_id, answer.content, answer.is_error)
        self._post(returned)


def press(command: SendDigits, voice: Voice) -> None:
    """Give the tones of keys to a voice, as one clause without words."""
    voice.begin_clause(0, "")
    voice.write(encode_digits(command.digits))
    voice.end_clause()
    voice.end()
