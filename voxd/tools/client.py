"""Asks the operator's tools. I/O: one POST over HTTP each.

Redirects are not followed, answers are bounded, and neither arguments nor answers are ever logged.
"""

import asyncio
import logging
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import aiohttp

from voxd.config import Config, Tool, read_secret
from voxd.errors import ConfigError, Problem
from voxd.posting import open_session, post, read_bounded
from voxd.tools.exchange import MAX_BYTES, ToolAnswer, encode_request, read_answer

logger = logging.getLogger(__name__)

SECRET = "VOXD_TOOLS_SECRET"
CONNECTIONS = 64
"""Bound of the connections to one service, so that one that hangs leaves the others theirs; who
finds none free waits, within the deadline. `MOST_ASKED` bounds them all."""
KEEP_ALIVE_S = 60.0
MOST_ASKED = 1000
"""Requests on their way at once, those of calls that are over included; more are refused."""
CLOSE_S = 5.0
"""What is on its way when the daemon stops gets this long; the drain has passed by then."""

TOO_LATE = ToolAnswer("No answer in time.", is_error=True)
PERHAPS_DONE = ToolAnswer("No answer in time; it may have been done.", is_error=True)
UNREACHABLE = ToolAnswer("It cannot be reached.", is_error=True)
BROKE_OFF = ToolAnswer("The connection broke off; it may have been done.", is_error=True)
TOO_LONG = ToolAnswer("Its answer is too long.", is_error=True)
TOO_MANY = ToolAnswer("Too much is being asked at the moment.", is_error=True)
UNKNOWN = ToolAnswer("There is no such tool.", is_error=True)


def check_tools_secret(config: Config) -> tuple[Problem, ...]:
    """What keeps tools from being asked: nothing, or the secret that is not set."""
    if not config.tools or read_secret(SECRET):
        return ()
    return (Problem("tools", f"the services must know who asks: set the secret {SECRET}"),)


class ToolClient:
    """All tools of the config, for all calls. `aclose` must be awaited in the end."""

    def __init__(self, config: Config, secret: str, session: aiohttp.ClientSession) -> None:
        self._tools = config.tools
        self._secret = secret
        self._session = session
        self._asked: set[asyncio.Task[ToolAnswer]] = set()

    def for_config(self, config: Config) -> "ToolClient":
        """The client for calls of another config. It shares the connections of this one, and what
        is on its way: closing one of them closes all.
        """
        other = ToolClient(config, self._secret, self._session)
        other._asked = self._asked
        return other

    async def ask(self, name: str, arguments: str, call_sid: str, request_id: int) -> ToolAnswer:
        """What a tool answers, within its deadline; a failure is an answer as well.

        Cancelled, an idempotent request ends; any other goes on to its end.
        """
        tool = self._tools.get(name)
        if tool is None:
            return UNKNOWN
        if len(self._asked) >= MOST_ASKED:
            return TOO_MANY
        key = f"{call_sid}-{request_id}"
        work = self._ask(tool, key, encode_request(name, arguments, call_sid))
        task = asyncio.get_running_loop().create_task(work)
        self._asked.add(task)
        task.add_done_callback(self._asked.discard)
        begun_at = time.monotonic()
        try:
            answer = await asyncio.shield(task)
        except asyncio.CancelledError:
            if tool.is_idempotent:
                task.cancel()
            raise
        took_s = round(time.monotonic() - begun_at, 3)
        level = logging.WARNING if answer.is_error else logging.INFO
        fields = {"tool": name, "seconds": took_s, "is_error": answer.is_error}
        logger.log(level, "tool answered", extra=fields)
        return answer

    async def aclose(self) -> None:
        """Wait a little for what is on its way, then end it."""
        tasks = list(self._asked)
        if not tasks:
            return
        await asyncio.wait(tasks, timeout=CLOSE_S)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _ask(self, tool: Tool, key: str, body: bytes) -> ToolAnswer:
        try:
            async with asyncio.timeout(tool.deadline_s):
                answer, may_repeat = await self._post(tool, key, body)
                if may_repeat and tool.is_idempotent:
                    answer, _ = await self._post(tool, key, body)
                return answer
        except TimeoutError:
            return TOO_LATE if tool.is_idempotent else PERHAPS_DONE

    async def _post(self, tool: Tool, key: str, body: bytes) -> tuple[ToolAnswer, bool]:
        """One request; the answer, and whether another try may do better."""
        try:
            async with post(self._session, tool.url, self._secret, body, key) as response:
                answered = await read_bounded(response, MAX_BYTES)
                if answered is None:
                    return TOO_LONG, False
                return read_answer(response.status, answered), response.status >= 500
        except aiohttp.ClientConnectorError:
            return UNREACHABLE, True
        except aiohttp.ClientError:
            return BROKE_OFF, True


@asynccontextmanager
async def open_tools(config: Config) -> AsyncIterator[ToolClient | None]:
    """The client of the config's tools; None without any.

    Raises:
        ConfigError: their secret is not set.
    """
    problems = check_tools_secret(config)
    if problems:
        raise ConfigError("the configuration", problems)
    if not config.tools:
        yield None
        return
    connector = aiohttp.TCPConnector(
        limit=0, limit_per_host=CONNECTIONS, keepalive_timeout=KEEP_ALIVE_S
    )
    async with open_session(connector) as session:
        client = ToolClient(config, read_secret(SECRET), session)
        try:
            yield client
        finally:
            await client.aclose()
