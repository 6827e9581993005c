"""The line as the call sees it: a protocol. Pure; `voxd.server.media` implements it.

A transport carries one call. It decodes what Twilio says, swallows, counts and logs once what
is not understood, and encodes what the speaker sends. It holds no decision about the call.
"""

from collections.abc import Mapping
from typing import Protocol

from voxd.events import EndReason
from voxd.twilio.media import InboundMessage


class Transport(Protocol):
    """One call's media stream after its `start`."""

    @property
    def stream_sid(self) -> str: ...

    @property
    def call_sid(self) -> str: ...

    @property
    def parameters(self) -> Mapping[str, str]:
        """`customParameters` of `start` without our own token; untrusted text."""
        ...

    @property
    def lost_reason(self) -> EndReason:
        """Why `receive` answered None: `LINE_LOST`, or `PROTOCOL` when the peer broke it."""
        ...

    async def receive(self) -> InboundMessage | None:
        """The next message that made sense, or None for ever once the socket is gone.

        Raises nothing: messages that made no sense are swallowed here. However much waits, the
        loop is given to others now and then.
        """
        ...

    async def send_media(self, mulaw: bytes) -> None:
        """Send audio, whole frames.

        Like all `send_` methods it waits while the peer does not read.

        Raises:
            ConnectionError: the socket is gone; `receive` says so as well.
        """
        ...

    async def send_mark(self, name: str) -> None:
        """Ask for an echo of `name` once all audio sent before has been played."""
        ...

    async def send_clear(self) -> None:
        """Drop what the far end has not played yet; outstanding marks come back at once."""
        ...

    async def close(self) -> None:
        """Close the socket; harmless when it is closed. Twilio goes on after `<Connect>`."""
        ...
