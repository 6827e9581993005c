"""The listening socket and its bounds.

aiohttp closes a connection that has sent no complete request head within `keepalive_timeout`,
also when its bytes trickle in; `http` bounds the time of bodies and `media` that of first
messages. What aiohttp does not bound is the number of connections: `_accept` does.
"""

import asyncio
import errno
import logging
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from aiohttp import web

from voxd.errors import ListenError

logger = logging.getLogger(__name__)

HEAD_S = 15.0
"""Time for a request's head, and for an idle connection to stay open."""
SPARE_CONNECTIONS = 128
"""Bound of connections beyond one per call: webhooks, health, and sockets that say nothing."""
MAX_HEADER_BYTES = 8 * 1024
MAX_HEADERS = 64
SHUTDOWN_S = 2.0


@asynccontextmanager
async def listen(
    app: web.Application, host: str, port: int, max_calls: int
) -> AsyncIterator[tuple[str, int]]:
    """Serve the application; yields the host and the port that it listens on.

    Raises:
        ListenError: the address cannot be used; the message is one sentence.
    """
    runner = web.AppRunner(
        app,
        access_log=None,  # request lines name calls; what matters is logged by the handlers
        keepalive_timeout=HEAD_S,
        max_line_size=MAX_HEADER_BYTES,
        max_field_size=MAX_HEADER_BYTES,
        max_headers=MAX_HEADERS,
        lingering_time=SHUTDOWN_S,
        shutdown_timeout=SHUTDOWN_S,
    )
    await runner.setup()
    try:
        server = await _bind(_accept(runner, max_calls + SPARE_CONNECTIONS), host, port)
        try:
            yield host, server.sockets[0].getsockname()[1]
        finally:
            server.close()
    finally:
        await runner.cleanup()


async def _bind(accept: Callable[[], asyncio.BaseProtocol], host: str, port: int) -> asyncio.Server:
    loop = asyncio.get_running_loop()
    try:
        return await loop.create_server(accept, host, port, backlog=128)
    except OSError as error:
        if error.errno == errno.EADDRINUSE:
            sentence = (
                f"another program (perhaps another voxd) listens on {host}:{port} already: "
                "end it, or choose another [server] port"
            )
        else:
            sentence = f"cannot listen on {host}:{port}: {error.strerror or error}"
        raise ListenError(sentence) from error


class _Refuse(asyncio.Protocol):
    """Closes a connection at once."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        if isinstance(transport, asyncio.WriteTransport):
            transport.abort()


def _accept(runner: web.AppRunner, most: int) -> Callable[[], asyncio.BaseProtocol]:
    """A protocol factory that serves up to `most` connections and refuses the others."""

    def accept() -> asyncio.BaseProtocol:
        server = runner.server
        if server is None or len(server.connections) >= most:
            logger.warning("connection refused", extra={"most": most})
            return _Refuse()
        return server()

    return accept
