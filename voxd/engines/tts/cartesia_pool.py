"""The WebSockets that all replies share: opened ahead, replaced when they die. I/O.

A socket that dies fails the contexts on it, and the next context is opened on another one. Of
those who need a new socket at the same moment one connects for all.

Imports the SDK's libraries; `cartesia.open_engine` imports it, and nothing else does.
"""

import asyncio
import logging
from collections.abc import Coroutine, Iterable
from typing import Any

from cartesia import AsyncCartesia
from cartesia.resources.tts import AsyncTTSResourceConnection
from websockets.exceptions import InvalidStatus, WebSocketException

from voxd.engines.tls import tls_context
from voxd.engines.tts.cartesia_messages import Failed, judge_error
from voxd.engines.tts.cartesia_sockets import CLOSE_S, Context, Socket
from voxd.errors import Category

logger = logging.getLogger(__name__)

PING_S = 5.0
"""A socket is asked this often whether it lives, and is dead when it says nothing for as long."""
REPLACE_PAUSE_S = 2.0
"""A socket that dies is replaced at once, but not more often than this: a server that accepts
connections only to close them is left alone until somebody wants to speak."""


class Unreachable(Exception):
    """No socket could be opened; `failure` says why."""

    def __init__(self, failure: Failed) -> None:
        self.failure = failure
        super().__init__(failure.message)


class SocketPool:
    """All sockets of the engine: at least one is kept open from `ensure` to `close`."""

    def __init__(
        self,
        client: AsyncCartesia,
        *,
        contexts_per_socket: int,
        connect_s: float,
        idle_s: float,
    ) -> None:
        self._client = client
        self._contexts_per_socket = contexts_per_socket
        self._connect_s = connect_s
        self._idle_s = idle_s
        self._sockets: list[Socket] = []
        self._tasks: set[asyncio.Task[None]] = set()
        self._connecting: asyncio.Task[None] | None = None
        self._freshening: asyncio.Task[None] | None = None
        self._replaced_at = float("-inf")
        self._is_closing = False
        self._now = asyncio.get_running_loop().time
        self.connects = 0
        """Sockets that were ever opened."""
        self.failure: Failed | None = None
        """Why the last attempt to open a socket failed; None after one that did not."""

    @property
    def sockets(self) -> list[Socket]:
        """Those that take contexts."""
        return [socket for socket in self._sockets if socket.is_open and not socket.is_retired]

    @property
    def contexts(self) -> int:
        """Contexts that are open."""
        return sum(socket.load for socket in self._sockets)

    def start(self) -> None:
        """Begin to keep idle sockets fresh."""
        self._freshening = self._spawn(self._keep_fresh())

    async def ensure(self) -> None:
        """Return once a socket is open.

        Raises:
            Unreachable: none can be opened.
        """
        if not self.sockets:
            await self._connect()

    async def open_context(self) -> Context:
        """Open a context on the fullest socket that has room, or else on a new one.

        Raises:
            Unreachable: a new one is needed and cannot be opened.
        """
        while True:
            roomy = [s for s in self.sockets if s.load < self._contexts_per_socket]
            if roomy:
                return max(roomy, key=lambda socket: socket.load).open_context()
            await self._connect()

    async def close(self) -> None:
        """Close everything, side by side."""
        self._is_closing = True
        await _cancel(task for task in (self._freshening, self._connecting) if task)
        for socket in self._sockets:
            self._spawn(socket.close())
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=3 * CLOSE_S)
        await _cancel(self._tasks)

    async def _connect(self) -> None:
        """Open a socket; of those who want one at the same time, one does it for all."""
        if self._connecting is None or self._connecting.done():
            self._connecting = self._spawn(self._open_socket())
        # Shielded: others may wait for the same socket, and one that is not needed stays warm.
        await asyncio.shield(self._connecting)

    async def _open_socket(self) -> None:
        try:
            async with asyncio.timeout(self._connect_s):
                connection = await self._dial()
        except Unreachable as error:
            self.failure = error.failure
            raise
        except (TimeoutError, OSError, WebSocketException) as error:
            self.failure = _judge_handshake(error)
            raise Unreachable(self.failure) from error
        self.failure = None
        self.connects += 1
        socket = Socket(connection, self._spawn)
        self._sockets.append(socket)
        self._spawn(self._serve(socket))

    async def _dial(self) -> AsyncTTSResourceConnection:
        key = self._client.api_key
        if not key:  # the SDK would connect without an Authorization header
            raise Unreachable(Failed("", Category.AUTH, "CARTESIA_API_KEY is not set"))
        if not (key.isascii() and key.isprintable()):
            raise Unreachable(Failed("", Category.AUTH, "CARTESIA_API_KEY is not a key"))
        options: Any = {
            "compression": None,  # speech in base64 gets no smaller, only later
            "open_timeout": None,  # ours is around it
            "close_timeout": CLOSE_S,
            "ping_interval": PING_S,
            "ping_timeout": PING_S,
        }
        if str(self._client.base_url).startswith("https:"):
            options["ssl"] = tls_context()
        return await self._client.tts.websocket_connect(
            websocket_connection_options=options
        ).enter()

    async def _serve(self, socket: Socket) -> None:
        """Read a socket to its end, and open another when it was the last."""
        await socket.read()
        self._sockets.remove(socket)
        await socket.close()
        is_too_soon = self._now() - self._replaced_at < REPLACE_PAUSE_S
        if not (self._is_closing or self.sockets or is_too_soon):
            self._replaced_at = self._now()
            await self._reconnect()

    async def _keep_fresh(self) -> None:
        """Close sockets before the server does (5 minutes without use), but never the last."""
        while True:
            await asyncio.sleep(self._idle_s / 8)
            old = [
                socket
                for socket in self.sockets
                if not socket.load and self._now() - socket.used_at > self._idle_s
            ]
            if old and len(old) == len(self.sockets):
                await self._reconnect()
            for socket in old:
                socket.retire()

    async def _reconnect(self) -> None:
        """Nobody waits for this one: a failure is in the status, and whoever wants to speak or
        to know tries again."""
        try:
            await self._connect()
        except Unreachable as error:
            logger.warning(
                "lost the connection",
                extra={"engine": "cartesia", "category": error.failure.category.value},
            )

    def _spawn(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._ended)
        return task

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()):
            if not isinstance(error, Unreachable):  # that one goes to whoever waits, if anybody
                logger.error("a task of the engine failed", exc_info=error)


async def _cancel(tasks: Iterable[asyncio.Task[None]]) -> None:
    cancelled = [task for task in tasks if task.cancel()]
    await asyncio.gather(*cancelled, return_exceptions=True)


def _judge_handshake(error: Exception) -> Failed:
    """Why no socket came about."""
    if isinstance(error, TimeoutError):
        return Failed("", Category.TIMEOUT, "no connection in time")
    if isinstance(error, InvalidStatus):
        response = error.response
        return judge_error("", response.status_code, None, response.headers.get("Retry-After"))
    return Failed("", Category.CONNECTIVITY, f"cannot connect: {type(error).__name__}")
