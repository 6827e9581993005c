"""Asks the operator's service whose call it is. I/O: one POST over HTTP.

Sent are the two numbers and the CallSid, nothing else; the answer is bounded, redirects are not
followed, and neither address nor answer is ever logged.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import aiohttp
import orjson

from voxd.config import Config, Number, read_secret
from voxd.errors import ConfigError, Problem
from voxd.lookup.answer import MAX_BYTES, NoAnswer, decode_answer
from voxd.posting import open_session, post, read_bounded

SECRET = "VOXD_LOOKUP_SECRET"
CONNECTIONS = 32
"""Bound of the connections; who finds none free waits, within the deadline."""
KEEP_ALIVE_S = 60.0


def check_lookup(config: Config) -> tuple[Problem, ...]:
    """What keeps a look-up from being asked: nothing, or the secret that is not set."""
    if not config.lookup.url or read_secret(SECRET):
        return ()
    message = f"the service must know who asks: set the secret {SECRET}"
    return (Problem("lookup.url", message),)


class LookupClient:
    """One service, for all calls."""

    def __init__(self, config: Config, secret: str, session: aiohttp.ClientSession) -> None:
        self._config = config
        self._secret = secret
        self._session = session

    def for_config(self, config: Config) -> "LookupClient":
        """The client for calls of another config; it shares the connections of this one."""
        return LookupClient(config, self._secret, self._session)

    async def fetch(self, called: str, caller: str, call_sid: str) -> Number:
        """What the service says of a call; everything absent when it does not know the number.

        Raises:
            NoAnswer: it cannot be reached, says nothing within the deadline, or talks nonsense.
        """
        lookup = self._config.lookup
        body = orjson.dumps({"called": called, "caller": caller, "call_sid": call_sid})
        try:
            async with asyncio.timeout(lookup.deadline_s):
                async with post(self._session, lookup.url, self._secret, body) as response:
                    if response.status == 404:
                        return Number()
                    if response.status != 200:
                        raise NoAnswer("status")
                    answer = await read_bounded(response, MAX_BYTES)
        except TimeoutError:
            raise NoAnswer("deadline") from None
        except aiohttp.ClientError:
            raise NoAnswer("connection") from None
        if answer is None:
            raise NoAnswer("too_long")
        return decode_answer(answer, self._config)


@asynccontextmanager
async def open_lookup(config: Config) -> AsyncIterator[LookupClient | None]:
    """The client of the config's look-up; None without one.

    Raises:
        ConfigError: its secret is not set.
    """
    problems = check_lookup(config)
    if problems:
        raise ConfigError("the configuration", problems)
    if not config.lookup.url:
        yield None
        return
    connector = aiohttp.TCPConnector(limit=CONNECTIONS, keepalive_timeout=KEEP_ALIVE_S)
    async with open_session(connector) as session:
        yield LookupClient(config, read_secret(SECRET), session)
