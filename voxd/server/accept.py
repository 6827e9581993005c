"""Taking connections from one listening socket, within bounds.

Why we accept ourselves: asyncio's own server tells nobody whose connection it is before the TLS
handshake is over, so that strangers who connect and say nothing could take every place. Here each
connection counts for its address from the first moment, and has `HANDSHAKE_S` for its handshake.
"""

import asyncio
import logging
import socket
from collections.abc import Sequence
from functools import lru_cache

from aiohttp import web

from voxd.server.certificate import Certificate
from voxd.server.peer import Network, is_within, limit_key, parse_address

logger = logging.getLogger(__name__)

HANDSHAKE_S = 5.0
"""Time for a TLS handshake."""
UNTAKEN_MS = 15_000
"""A connection whose peer takes nothing of what it was sent ends after this long."""
REST_S = 0.5
"""Pause after the system refused to accept: out of file descriptors, mostly."""


class Doorman:
    """Serves connections and turns away what is beyond the bounds.

    Args:
        server: what makes the protocol of a connection, and knows those that are open.
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
        self._opening: dict[web.RequestHandler, str] = {}
        """Connections in their handshake, and who they count for."""
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
                if (bound := self._bound_reached(key)) is not None:
                    logger.warning("connection refused", extra={"bound": bound, "client": key})
                    connection.close()
                else:
                    # A peer that takes nothing of its answer is gone, window or no window.
                    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, UNTAKEN_MS)
                    protocol = self._server()
                    self._opening[protocol] = key
                    tasks.create_task(self._open(connection, protocol))
                # While connections wait, `sock_accept` does not give the loop to anybody else.
                await asyncio.sleep(0)

    # Border: a background loop. A bug in one connection must not keep the others from coming in.
    async def _open(self, connection: socket.socket, protocol: web.RequestHandler) -> None:
        """See a connection through its handshake; then it is the server's."""
        loop, certificate = asyncio.get_running_loop(), self._certificate
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
            extra = {"client": self._opening[protocol]}
            logger.debug("connection lost before it was open", extra=extra)
        except Exception:
            logger.exception("connection lost by a bug")
        finally:
            del self._opening[protocol]

    def _bound_reached(self, key: str) -> str | None:
        """What one more connection would be too many for, or None."""
        # For a moment a connection is in both, between its handshake and the end of its task.
        there = {each: self._key(_address_of(each)) for each in self._server.connections}
        keys = list((self._opening | there).values())
        if len(keys) >= self._most:
            return "all"
        if key and keys.count(key) >= self._most_per_address:
            return "address"
        return None

    def _find_key(self, host: str) -> str:
        """Who a connection counts for; "" has no bound of its own."""
        address = parse_address(host)
        if address is None or address.is_loopback or is_within(address, self._trusted_proxies):
            return ""
        return limit_key(address)


def _address_of(protocol: web.RequestHandler) -> str:
    peer = protocol.peername
    return str(peer[0]) if isinstance(peer, tuple) else ""
