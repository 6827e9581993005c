"""Can Twilio reach us? The public URL's name, certificate and answer. I/O.

From the inside one cannot see everything: a firewall may let this machine in and others not. What
can be seen is told, and said to be seen from here.
"""

import asyncio
import ipaddress
import socket
import ssl
import time
from collections.abc import AsyncIterator
from typing import Any, cast
from urllib.parse import urlsplit

import aiohttp

from voxd.config import Config
from voxd.doctor.finding import Finding, bad, good, warn
from voxd.server.certificate import SOON_DAYS, judge_files

LIMIT_S = 5.0
"""For each of: the name, the handshake, the answer."""
MAX_BYTES = 64
"""More than the answer of a living voxd has."""
_DAY_S = 86_400.0


async def check_certificate(config: Config) -> AsyncIterator[Finding]:
    """The certificate that voxd itself serves with, if it does."""
    if not config.server.tls_cert:
        return
    judged = await asyncio.to_thread(judge_files, config)
    for problem in judged.problems:
        yield bad("tls_cert", str(problem), "get a certificate for the host of public_url")
    if judged.is_self_signed:
        yield warn("tls_cert", "is self-signed", "get one that Twilio trusts")
    elif judged.context is not None:
        yield _judge_days("tls_cert", judged.days_left)


async def check_address(config: Config) -> AsyncIterator[Finding]:
    """The public URL, step by step; the first that fails ends it."""
    url = config.server.public_url
    if not url:
        yield good("public_url", "none: serves this machine only")
        return
    parts = urlsplit(url)
    host, port = parts.hostname or "", parts.port or (443 if parts.scheme == "https" else 80)
    try:
        addresses = await _resolve(host, port)
    except (OSError, TimeoutError):
        yield bad("public_url", f"{host} has no address", "give the name an A or AAAA record")
        return
    hidden = [str(address) for address in addresses if not address.is_global]
    if hidden:
        told = f"{host} is {', '.join(hidden)}, which Twilio cannot reach"
        yield warn("public_url", told, "fine if this machine sees another address than the world")
    # Not said when nothing runs here: then nobody can answer, and that is no fault of the address.
    is_running = await is_live(local_url(config))
    if parts.scheme == "https":
        found = await _shake_hands(host, port, is_running=is_running)
        yield found
        if "days_left" not in found.figures:
            return
    if not is_running:
        told = "voxd does not run here now, so that nobody can tell whether it is reached"
        yield warn("public_url", told, "start voxd and ask again")
    elif await is_live(url):
        yield good("public_url", f"a living voxd answers at {url}")
    else:
        told = f"{url}/health/live is not answered by voxd"
        yield bad("public_url", told, "look at the proxy: where does it send requests?")


def local_url(config: Config) -> str:
    """Where the daemon of this config answers on this machine."""
    server = config.server
    host = {"0.0.0.0": "127.0.0.1", "": "127.0.0.1", "::": "::1"}.get(server.host, server.host)
    netloc = f"[{host}]:{server.port}" if ":" in host else f"{host}:{server.port}"
    return f"{'https' if server.tls_cert else 'http'}://{netloc}"


async def is_live(url: str) -> bool:
    """Whether a voxd answers at an address; certificates are judged elsewhere."""
    try:
        async with asyncio.timeout(LIMIT_S), aiohttp.ClientSession() as session:
            get = session.get(f"{url}/health/live", ssl=False, allow_redirects=False)
            async with get as response:
                return (
                    response.status == 200 and await response.content.read(MAX_BYTES) == b"live\n"
                )
    except (aiohttp.ClientError, TimeoutError, OSError):
        return False


async def _resolve(host: str, port: int) -> list[ipaddress.IPv4Address | ipaddress.IPv6Address]:
    loop = asyncio.get_running_loop()
    async with asyncio.timeout(LIMIT_S):
        found = await loop.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return [ipaddress.ip_address(str(address[0]).split("%")[0]) for *_, address in found]


async def _shake_hands(host: str, port: int, *, is_running: bool) -> Finding:
    """The certificate that the world sees, judged as Twilio would."""
    context = await asyncio.to_thread(ssl.create_default_context)
    try:
        async with asyncio.timeout(LIMIT_S):
            _, writer = await asyncio.open_connection(host, port, ssl=context)
    except ssl.SSLCertVerificationError as error:
        told = f"its certificate is refused: {error.verify_message}"
        return bad("certificate", told, "get one for this name from a trusted authority")
    except (OSError, TimeoutError) as error:
        told = f"nobody answers at {host}:{port} ({type(error).__name__})"
        if not is_running:
            return warn("certificate", told, "start voxd and its proxy, and ask again")
        return bad("certificate", told, "look at the proxy and the firewall")
    told_of = cast(dict[str, Any], writer.get_extra_info("peercert"))
    writer.transport.abort()  # nothing was said, and a peer that does not close would be waited for
    until_s = ssl.cert_time_to_seconds(told_of["notAfter"])
    return _judge_days("certificate", (until_s - time.time()) / _DAY_S)


def _judge_days(subject: str, days: float) -> Finding:
    told = f"is good for {days:.0f} days"
    if days < SOON_DAYS:
        return warn(subject, told, "see why it was not renewed", days_left=round(days, 1))
    return good(subject, told, days_left=round(days, 1))
