"""What waits to be sent to a streaming provider: audio and control messages, in order. I/O-free.

Bound: `MAX_BYTES` of audio. A new stream gets up to 30 s of the utterance at once (the
transcriber's ring); the rest is for a network that takes nothing for a while. Full means that
words would be lost: the stream must end then, so that another one gets the audio.
"""

import asyncio
from collections import deque

MAX_BYTES = 45 * 8000
"""45 s of mu-law."""
MAX_MESSAGE_BYTES = 800
"""100 ms, the most that Deepgram recommends in one message; a backlog goes in these."""
MAX_CONTROLS = 64
"""Control messages that may wait; one comes per pause of the caller."""


class SendQueue:
    """Never blocks the one who puts; one task gets."""

    def __init__(self, least_bytes: int = 1) -> None:
        """`least_bytes`: audio is held back until there is this much, or a control after it."""
        self._least_bytes = least_bytes
        self._items: deque[bytearray | str] = deque()
        self._bytes = 0
        self._controls = 0
        self._news = asyncio.Event()

    def put_audio(self, mulaw: bytes) -> bool:
        """Add audio; False when there is no room for it."""
        if self._bytes + len(mulaw) > MAX_BYTES:
            return False
        if mulaw:  # an empty message would end Deepgram's stream
            last = self._items[-1] if self._items else None
            if isinstance(last, bytearray):
                last += mulaw
            else:
                self._items.append(bytearray(mulaw))
            self._bytes += len(mulaw)
            self._news.set()
        return True

    def put_control(self, word: str) -> bool:
        """Add a control message, to be sent after all audio before it; False: no room."""
        if self._controls >= MAX_CONTROLS:
            return False
        self._items.append(word)
        self._controls += 1
        self._news.set()
        return True

    async def get(self) -> bytes | str:
        """The next message: audio of at most `MAX_MESSAGE_BYTES`, or a control word."""
        while (item := self._take()) is None:
            self._news.clear()
            await self._news.wait()
        return item

    def _take(self) -> bytes | str | None:
        if not self._items:
            return None
        head = self._items[0]
        if isinstance(head, str):
            self._items.popleft()
            self._controls -= 1
            return head
        if len(head) < self._least_bytes and len(self._items) == 1:
            return None
        message = bytes(head[:MAX_MESSAGE_BYTES])
        del head[:MAX_MESSAGE_BYTES]
        if not head:
            self._items.popleft()
        self._bytes -= len(message)
        return message
