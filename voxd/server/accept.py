"""Taking connections from one listening socket, within bounds.

Why we accept ourselves: asyncio's own server tells nobody whose connection it is before the TLS
handshake is over, so that strangers who connect and say nothing could take every place. Here each
connection counts for its address from the first moment, and has `HANDSHAKE_S` for its handshake.

Choice: who is beyond the bound of his own address is refused, but at the bound of all a connection
that has asked nothing gives way to the newcomer. Were newcomers refused, whoever has some thirty
addresses could keep everybody out with two hundred silent connections a second, one for each that
times out. Twilio speaks as soon as it is connected, so that what waits for long is not Twilio, and
what belongs to the address with the most is least of all. A request that has begun is never cut
off: it may be a call, and what it may take has bounds of its own.
"""

import asyncio
import logging
import socket
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

from aiohttp import web

from voxd.server.certificate import Certificate
from voxd.server.crowd import choose_leaver
from voxd.server.peer import Network, is_within, limit_key, parse_address

logger = logging.getLogger(__name__)

HANDSHAKE_S = 5.0
"""Time for a TLS handshake."""
UNTAKEN_MS = 15_000
"""A connection whose peer takes nothing of what it was sent ends after this long."""
ALL, ADDRESS = "all", "address"
"""The bounds, as the log names them."""
REST_S = 0.5
"""Pause after the system refused to accept: out of file descriptors, mostly."""


@dataclass(frozen=True, slots=True)
class Opening:
    """A connection in its handshake."""

    key: str
    """Who it counts for."""
    task: asyncio.Task[object]
    """Sees it through."""


class Doorman:
    """Serves connections and turns away what is beyond the bounds.

    Args:
        server: what makes the protocol of a connection, and knows those that are open. Its handler
            is watched: a connection that is being answered stays.
        most: bound of connections, those in their handshake included.
        most_per_address: the same for one address, but for loopback and trusted proxies, behind
            which many are.
        trusted_proxies: as in the config.
        certificate: None to serve without TLS.
    """

    def __init__(
        self,
        server: web.Server,
        most: int,
        most_per_address: int,
        trusted_proxies: Sequence[Network],
        certificate: Certificate | None,
    ) -> None:
        self._server = server
        self._most = most
        self._most_per_address = most_per_address
        self._trusted_proxies = trusted_proxies
        self._certificate = certificate
        self._opening: dict[web.RequestHandler, Opening] = {}
        """Connections in their handshake."""
        self._busy: set[web.RequestHandler] = set()
        """Connections whose request is being answered; a call is one."""
        self._handle, server.request_handler = server.request_handler, self._answer
        # Each new connection asks it of all that are open.
        self._key = lru_cache(maxsize=1024)(self._find_key)

    async def accept(self, listener: socket.socket) -> None:
        """Take connections until cancelled; those that are open then stay open."""
        loop = asyncio.get_running_loop()
        async with asyncio.TaskGroup() as tasks:
            while True:
                try:
                    connection, address = await loop.sock_accept(listener)
                except OSError as error:  # also a caller who was gone before he was accepted
                    logger.error("cannot accept", extra={"error": error.strerror})
                    await asyncio.sleep(REST_S)
                    continue
                key = self._key(str(address[0]))
                bound = self._bound_reached(key)
                if bound is not None and not (bound == ALL and self._make_room(key)):
                    logger.warning("connection refused", extra={"bound": bound, "client": key})
                    connection.close()
                else:
                    # A peer that takes nothing of its answer is gone, window or no window.
                    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, UNTAKEN_MS)
                    tasks.create_task(self._open(connection, key))
                # While connections wait, `sock_accept` does not give the loop to anybody else.
                await asyncio.sleep(0)

    # Border: a background loop. A bug in one connection must not keep the others from coming in.
    async def _open(self, connection: socket.socket, key: str) -> None:
        """See a connection through its handshake; then it is the server's."""
        loop, certificate = asyncio.get_running_loop(), self._certificate
        task, protocol = asyncio.current_task(), self._server()
        assert task is not None
        # Not before: who is cancelled before it began would stay in the list.
        self._opening[protocol] = Opening(key, task)
        try:
            if certificate is None:
                await loop.connect_accepted_socket(lambda: protocol, connection)
            else:
                await loop.connect_accepted_socket(
                    lambda: protocol,
                    connection,
                    ssl=certificate.context,
                    ssl_handshake_timeout=HANDSHAKE_S,
                )
        except OSError:  # no TLS, none in time, or gone; the loop has closed the connection
            logger.debug("connection lost before it was open", extra={"client": key})
        except Exception:
            logger.exception("connection lost by a bug")
        finally:
            del self._opening[protocol]

    async def _answer(self, request: web.BaseRequest) -> web.StreamResponse:
        self._busy.add(request.protocol)
        try:
            return await self._handle(request)
        finally:
            self._busy.discard(request.protocol)

    def _bound_reached(self, key: str) -> str | None:
        """What one more connection would be too many for, or None."""
        keys = list(self._keys().values())
        if key and keys.count(key) >= self._most_per_address:
            return ADDRESS
        return ALL if len(keys) >= self._most else None

    def _keys(self) -> dict[web.RequestHandler, str]:
        """All connections and who they count for: the open ones, oldest first, then the others."""
        there = {each: self._key(_address_of(each)) for each in self._server.connections}
        # For a moment a connection is in both, between its handshake and the end of its task.
        return there | {each: opening.key for each, opening in self._opening.items()}

    def _make_room(self, key: str) -> bool:
        """Have a connection that has asked nothing give way to one of `key`, if there is one."""
        idle = {each: whose for each, whose in self._keys().items() if self._can_leave(each)}
        leaver = choose_leaver(idle, key)
        if leaver is None:
            return False
        logger.warning("connection gave way", extra={"client": idle[leaver]})
        if leaver.transport is not None:
            leaver.transport.abort()  # a silent peer would not answer the end of TLS either
        else:
            self._opening[leaver].task.cancel()
        return True

    def _can_leave(self, protocol: web.RequestHandler) -> bool:
        """Whether it asks nothing now, and is not on its way out already."""
        if protocol.transport is not None:
            return protocol not in self._busy and not protocol.transport.is_closing()
        return protocol in self._opening and not self._opening[protocol].task.cancelling()

    def _find_key(self, host: str) -> str:
        """Who a connection counts for; "" has no bound of its own."""
        address = parse_address(host)
        if address is None or address.is_loopback or is_within(address, self._trusted_proxies):
            return ""
        return limit_key(address)


def _address_of(protocol: web.RequestHandler) -> str:
    peer = protocol.peername
    return str(peer[0]) if isinstance(peer, tuple) else ""
