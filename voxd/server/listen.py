"""The listening sockets and the bounds of what comes in by them.

`accept` bounds the connections and their TLS handshakes. aiohttp closes a connection that has
sent no complete request head within `keepalive_timeout`, also when its bytes trickle in; `forms`
bounds the time of bodies and `media` that of first messages.
"""

import asyncio
import errno
import logging
import socket
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager, closing

from aiohttp import web

from voxd.config import Server
from voxd.errors import ListenError
from voxd.runtime import background
from voxd.server.accept import Doorman
from voxd.server.certificate import Certificate

logger = logging.getLogger(__name__)

HEAD_S = 10.0
"""Time for a request's head, and for an idle connection to stay open."""
SPARE_CONNECTIONS = 2048
"""Bound of connections beyond one per call: webhooks, health, and sockets that say nothing."""
SPARE_PER_ADDRESS = 64
"""The same for one address, beyond its media streams: a small part, so that one stranger who
takes all of his leaves the others theirs."""
MAX_HEADER_BYTES = 8 * 1024
MAX_HEADERS = 64
SHUTDOWN_S = 2.0
BACKLOG = 128
_NO_SUCH_FAMILY = (errno.EAFNOSUPPORT, errno.EADDRNOTAVAIL)


@asynccontextmanager
async def listen(
    app: web.Application, config: Server, certificate: Certificate | None = None
) -> AsyncIterator[tuple[str, int]]:
    """Serve the application; yields the host and the port that it listens on.

    Args:
        certificate: to serve with TLS; None: without.

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
    async with AsyncExitStack() as stack:
        stack.push_async_callback(runner.cleanup)
        server = runner.server
        assert server is not None  # since `setup`
        doorman = Doorman(
            server,
            config.max_calls + SPARE_CONNECTIONS,
            config.max_streams_per_address + SPARE_PER_ADDRESS,
            config.trusted_proxies,
            certificate,
        )
        listeners = await _bind(config.host, config.port)
        for listener in listeners:
            stack.enter_context(closing(listener))
        for listener in listeners:
            await stack.enter_async_context(background(doorman.accept(listener)))
        yield config.host, listeners[0].getsockname()[1]


async def _bind(host: str, port: int) -> list[socket.socket]:
    """A listening socket for each address of a host; "" is every address of this machine."""
    loop = asyncio.get_running_loop()
    listeners: list[socket.socket] = []
    try:
        found = await loop.getaddrinfo(
            host or None, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )
        for family, *_, address in dict.fromkeys(found):
            try:
                listeners.append(_open(family, address))
            except OSError as error:
                # A name such as localhost has an IPv6 address where the machine has no IPv6.
                if error.errno not in _NO_SUCH_FAMILY or len(found) == 1:
                    raise
        if not listeners:
            raise OSError(errno.EADDRNOTAVAIL, "this machine has no such address")
    except OSError as error:
        for listener in listeners:
            listener.close()
        if error.errno == errno.EADDRINUSE:
            sentence = (
                f"another program (perhaps another voxd) listens on {host}:{port} already: "
                "end it, or choose another [server] port"
            )
        else:
            sentence = f"cannot listen on {host}:{port}: {error.strerror or error}"
        raise ListenError(sentence) from error
    return listeners


def _open(family: int, address: tuple[object, ...]) -> socket.socket:
    listener = socket.socket(family, socket.SOCK_STREAM)
    try:
        listener.setblocking(False)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if family == socket.AF_INET6:  # IPv4 has a socket of its own
            listener.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        listener.bind(address)
        listener.listen(BACKLOG)
    except OSError:
        listener.close()
        raise
    return listener
