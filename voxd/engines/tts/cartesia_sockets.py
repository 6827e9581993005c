"""One WebSocket to Cartesia and the contexts on it: who hears what. I/O, over the SDK.

One task per socket reads and hands every message to the context it names; messages of contexts
that were let go are dropped. The SDK's own contexts are not used: their `receive` waits for ever
when the socket dies or an error names no context, and its reconnecting returns the dead socket
(cartesia 4.2.0). So whatever ends a socket ends its contexts, with a `Failed` each.

Imports the SDK's libraries; only `cartesia_pool` imports it.
"""

import asyncio
import json
import logging
import uuid
from collections.abc import Callable, Coroutine
from typing import Any

from cartesia.resources.tts import AsyncTTSResourceConnection
from websockets.exceptions import ConnectionClosed, WebSocketException

from voxd.engines.tts.cartesia_messages import (
    Done,
    Failed,
    Message,
    decode_message,
    encode_cancel,
)
from voxd.errors import Category

logger = logging.getLogger(__name__)

MESSAGES = 4096
"""Messages of one context that may wait: a clause of a minute in pieces of 15 ms. Whoever lets
more pile up loses the context, because the reader serves other contexts and cannot wait."""
CONTEXT_LIFE_S = 0.7
"""A context is used again this long after its last message. The server keeps it for 1 s after its
last audio (Cartesia docs, Contexts, 2026-11); the rest is for the way there."""
CLOSE_S = 1.0
"""A closing handshake, or a cancelling message, that takes longer is given up."""


class Context:
    """One context: what a reply says and hears. Made by `SocketPool.open_context`."""

    def __init__(self, socket: "Socket") -> None:
        self.id = uuid.uuid4().hex
        self.is_used = False
        """Something was said in it."""
        self._socket = socket
        self._received: asyncio.Queue[Message] = asyncio.Queue()  # bounded by `put`
        self._is_over = False
        self._moved_at = 0.0
        """When something was last said or heard in it."""

    @property
    def is_open(self) -> bool:
        """A further clause may be said in it."""
        is_alive = self._socket.is_open and not self._is_over
        return is_alive and not (self.is_used and self._has_expired())

    def put(self, message: Message) -> None:
        """Hand over a message; never blocks."""
        if self._is_over:
            return
        if self._received.qsize() >= MESSAGES:
            message = Failed(self.id, Category.SERVER, "endless audio")
        self._is_over = isinstance(message, Done | Failed)
        self._moved_at = self._socket.now()
        self._received.put_nowait(message)

    async def send(self, messages: list[dict[str, Any]], deadline: float) -> None:
        """Say something; what prevents it is received."""
        self.is_used = True
        self._moved_at = self._socket.now()
        if failure := await self._socket.send(messages, deadline):
            self.put(failure)

    async def receive(self, deadline: float) -> Message:
        """The next message, or a `Failed` when there is none by then."""
        if not self._received.empty():
            return self._received.get_nowait()
        try:
            async with asyncio.timeout_at(deadline):
                return await self._received.get()
        except TimeoutError:
            return self._socket.judge_silence(self._moved_at)

    def close(self) -> None:
        """Let go: have the server stop where it may still be speaking, and hear no more of it."""
        if self.is_used and self.is_open:
            self._socket.cancel(self.id)
        self._is_over = True
        self._socket.forget(self)

    def _has_expired(self) -> bool:
        return self._socket.now() - self._moved_at > CONTEXT_LIFE_S


class Socket:
    """One WebSocket. Its `read` must be running as a task."""

    def __init__(
        self,
        connection: AsyncTTSResourceConnection,
        spawn: Callable[[Coroutine[Any, Any, None]], object],
    ) -> None:
        self._connection = connection
        self._spawn = spawn
        self._contexts: dict[str, Context] = {}
        self.now = asyncio.get_running_loop().time
        self.is_open = True
        self.is_retired = False
        """It is closed as soon as it has no context."""
        self.used_at = self.now()
        self.stale = 0
        """Messages of contexts that had been let go."""
        self._heard_at = self.now()

    @property
    def load(self) -> int:
        """Contexts that are open on it."""
        return len(self._contexts)

    def open_context(self) -> Context:
        """Make a context; nothing is sent."""
        context = Context(self)
        self._contexts[context.id] = context
        return context

    def forget(self, context: Context) -> None:
        """Hand nothing more to a context."""
        self._contexts.pop(context.id, None)
        self.used_at = self.now()
        if self.is_retired:
            self.retire()

    def cancel(self, context_id: str) -> None:
        """Tell the server that a context is not wanted any more, without waiting for it."""
        self._spawn(self._cancel(context_id))

    def retire(self) -> None:
        """Open no further context on it, and close it when it has none."""
        self.is_retired = True
        if not self._contexts and self.is_open:
            self._spawn(self.close())

    async def send(self, messages: list[dict[str, Any]], deadline: float) -> Failed | None:
        """Send messages one after the other; what prevented it is returned."""
        self.used_at = self.now()
        try:
            async with asyncio.timeout_at(deadline):
                for message in messages:
                    # By what is under the SDK's own `send`, which would first go through the
                    # message for fields to rename (there are none) and connect again by itself.
                    await self._connection._connection.send(json.dumps(message))
        except TimeoutError:
            return self.judge_silence(self.used_at)
        except ConnectionClosed as error:
            return _judge_close(error)
        return None

    def judge_silence(self, since: float) -> Failed:
        """A context waited in vain. If nothing came for others either, the socket is given up."""
        if self._heard_at <= since:
            self.retire()
        return Failed("", Category.TIMEOUT, "no audio in time")

    async def read(self) -> None:
        """Hand out what comes until the socket ends; then fail what is open on it."""
        ending = Failed("", Category.CONNECTIVITY, "the connection was closed")
        try:
            while True:
                self._hand_out(decode_message(await self._connection.recv_bytes()))
        except ConnectionClosed as error:
            ending = _judge_close(error)
        except ValueError as error:
            ending = Failed("", Category.SERVER, str(error))
        except Exception:  # border: a background loop
            logger.exception("reading from a socket failed")
            ending = Failed("", Category.SERVER, "reading failed")
        finally:
            self.is_open = False
            self._fail_all(ending)

    async def close(self) -> None:
        """End the socket; takes `CLOSE_S` at most."""
        self.is_open = False
        try:
            async with asyncio.timeout(2 * CLOSE_S):
                await self._connection.close()
        except (TimeoutError, OSError, WebSocketException):
            return

    def _hand_out(self, message: Message | None) -> None:
        self._heard_at = self.now()
        if message is None:
            return
        if isinstance(message, Failed) and not message.context_id:
            self._fail_all(message)
        elif context := self._contexts.get(message.context_id):
            context.put(message)
        else:
            self.stale += 1

    def _fail_all(self, failure: Failed) -> None:
        for context in self._contexts.values():
            context.put(failure)

    async def _cancel(self, context_id: str) -> None:
        await self.send([encode_cancel(context_id)], self.now() + CLOSE_S)


def _judge_close(error: ConnectionClosed) -> Failed:
    """Why a socket ended."""
    code = error.rcvd.code if error.rcvd else 1006
    category = Category.SERVER if code == 1011 else Category.CONNECTIVITY
    return Failed("", category, f"the connection was closed with code {code}")
