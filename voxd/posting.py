"""What every POST to one of the operator's own services has in common. I/O.

It is signed (`voxd.signing`), it goes where the config says and nowhere else, and of the answer no
more is read than is asked for. Deadlines, repeats and what an answer means are the clients' own:
`voxd.lookup`, `voxd.tools`, `voxd.telemetry.alerts`.
"""

import time
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager

import aiohttp

from voxd.signing import HEADER, sign


@asynccontextmanager
async def open_session(connector: aiohttp.BaseConnector) -> AsyncIterator[aiohttp.ClientSession]:
    """A session that keeps no cookies and unpacks nothing: what is small stays small."""
    async with aiohttp.ClientSession(
        connector=connector, cookie_jar=aiohttp.DummyCookieJar(), auto_decompress=False
    ) as session:
        yield session


def post(
    session: aiohttp.ClientSession, url: str, secret: str, body: bytes, key: str = ""
) -> AbstractAsyncContextManager[aiohttp.ClientResponse]:
    """One signed request, to be entered with `async with`; redirects are not followed.

    Args:
        body: JSON.
        key: tells the service that it has seen this request before; empty: none.

    Raises:
        ValueError: the secret is empty.
    """
    headers = {
        "Content-Type": "application/json",
        "Accept-Encoding": "identity",
        HEADER: sign(secret, body, int(time.time())),
    }
    if key:
        headers["Idempotency-Key"] = key
    return session.post(url, data=body, headers=headers, allow_redirects=False)


async def read_bounded(response: aiohttp.ClientResponse, most_bytes: int) -> bytes | None:
    """The whole body; None when it is longer than it may be."""
    answer = bytearray()
    async for piece in response.content.iter_any():
        answer += piece
        if len(answer) > most_bytes:
            return None
    return bytes(answer)
