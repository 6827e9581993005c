"""Sockets to Deepgram through its SDK, and its failures in our words. I/O.

Everything that one must know about deepgram-sdk 7.17 stands here: the client opens nothing until
`connect`; its sockets are of `websockets.legacy`, whose closing waits 10 s a step unless told
otherwise; a refused handshake hides Deepgram's reason in the exception's context; there is no
reconnect, and after a close every further send raises; whatever is sent would be deflated; the task
that pings keeps the socket after its cancellation.
"""

import asyncio
import contextlib
import sys
from collections.abc import AsyncIterator, Iterator, Sequence
from enum import StrEnum
from typing import Any, Literal, assert_never

from voxd.engines.failure import decode_retry_after, judge_status
from voxd.engines.stt.deepgram_words import read_message
from voxd.engines.tls import tls_context
from voxd.errors import Category, EngineError, Phase
from voxd.letting_go import let_go
from voxd.quickly import import_httpx

CLOSE_S = 0.3
"""A step of closing: a dead peer must not hold up the end of a call."""
MAX_REASON = 200
"""Characters of Deepgram's own reason that an error shows."""

Version = Literal["v1", "v2"]


class Control(StrEnum):
    """Text messages to Deepgram."""

    KEEP_ALIVE = "KeepAlive"
    FINALIZE = "Finalize"
    FORCE_END_TURN = "ForceEndTurn"
    CLOSE_STREAM = "CloseStream"


class DeepgramSocket:
    """One open socket. Its methods raise `EngineError` and nothing else."""

    def __init__(self, engine: str, connection: Any) -> None:
        self._engine = engine
        self._connection = connection

    async def send(self, message: bytes | str) -> None:
        """Send audio or a control message (a word of `Control`)."""
        with mapped_errors(self._engine, Phase.STREAM):
            if isinstance(message, bytes):
                await self._connection.send_media(message)
                return
            match Control(message):
                case Control.KEEP_ALIVE:
                    await self._connection.send_keep_alive()
                case Control.FINALIZE:
                    await self._connection.send_finalize()
                case Control.FORCE_END_TURN:
                    await self._connection.send_force_end_turn()
                case Control.CLOSE_STREAM:
                    await self._connection.send_close_stream()
                case never:
                    assert_never(never)

    async def receive(self) -> Any:
        """The next message, see `deepgram_words.read_message`."""
        with mapped_errors(self._engine, Phase.STREAM):
            message = await self._connection._websocket.recv()
            if isinstance(message, str):
                return read_message(message)
        raise EngineError(self._engine, Category.SERVER, Phase.STREAM, "a binary message came back")

    async def finish(self) -> None:
        """Say that the stream ends, if the peer still listens."""
        with contextlib.suppress(EngineError, TimeoutError):
            async with asyncio.timeout(CLOSE_S):
                await self.send(Control.CLOSE_STREAM)


class Incoming:
    """A negotiated extension of the WebSocket, used for what comes and not for what goes.

    The library offers permessage-deflate. Mu-law does not get smaller by it, and trying was 40 % of
    the daemon's processor time with 50 calls. An endpoint may leave any message as it is (RFC 7692,
    section 6).
    """

    def __init__(self, extension: Any) -> None:
        self.name = extension.name
        self.decode = extension.decode
        extension.encoder = None  # its window would be memory of every call

    def encode(self, frame: Any) -> Any:
        """Nothing is done to what is sent."""
        return frame


class DeepgramLink:
    """Opens sockets with one key."""

    def __init__(
        self,
        engine: str,
        key: str,
        base_url: str,
        connect_s: float,
        versions: Sequence[Version] = ("v1", "v2"),
    ) -> None:
        """`base_url` as `https://host` or `http://host:port`; empty for Deepgram itself.

        Imports the SDK, which takes half a second: not for a running event loop.
        """
        httpx = import_httpx()
        from deepgram import AsyncDeepgramClient
        from deepgram.environment import DeepgramClientEnvironment

        self._engine = engine
        self._connect_s = connect_s
        self._clients: Any = None
        if not key:
            return
        environment = DeepgramClientEnvironment.PRODUCTION
        if base_url:
            socket_url = "ws" + base_url.rstrip("/").removeprefix("http")
            environment = DeepgramClientEnvironment(
                base=base_url, production=socket_url, agent=socket_url, agent_rest=base_url
            )
        http = httpx.AsyncClient(verify=tls_context(), timeout=connect_s)
        client: Any = AsyncDeepgramClient(api_key=key, environment=environment, httpx_client=http)
        # For each socket the SDK would read its own version from the disk: 4 ms for all calls.
        headers = client._client_wrapper.get_headers()
        client._client_wrapper.get_headers = headers.copy
        self._clients = {version: getattr(client.listen, version) for version in versions}
        for of_version in self._clients.values():  # the rest of the SDK is imported by now
            _share_tls(sys.modules[type(of_version).__module__])

    @contextlib.asynccontextmanager
    async def connect(
        self, version: Version, parameters: dict[str, Any]
    ) -> AsyncIterator[DeepgramSocket]:
        """One socket to `/v1/listen` or `/v2/listen`; leaving closes it within a second.

        Raises:
            EngineError: at phase CONNECT.
        """
        if self._clients is None:
            raise EngineError(
                self._engine, Category.AUTH, Phase.CONNECT, "DEEPGRAM_API_KEY is not set"
            )
        async with contextlib.AsyncExitStack() as stack:
            with mapped_errors(self._engine, Phase.CONNECT):
                async with asyncio.timeout(self._connect_s):
                    connection = await stack.enter_async_context(
                        self._clients[version].connect(**parameters)
                    )
            # The SDK offers no argument for either; the default is 10 s for each of two steps.
            connection._websocket.close_timeout = CLOSE_S
            connection._websocket.extensions = [
                Incoming(extension) for extension in connection._websocket.extensions
            ]
            connection._websocket.keepalive_ping_task.add_done_callback(let_go)
            yield DeepgramSocket(self._engine, connection)


@contextlib.contextmanager
def mapped_errors(engine: str, phase: Phase) -> Iterator[None]:
    """Turn whatever the SDK and its socket raise into `EngineError`."""
    try:
        yield
    except Exception as error:
        explained = _explain(error, engine, phase)
        if explained is None:
            raise
        raise explained from error


def _explain(error: Exception, engine: str, phase: Phase) -> EngineError | None:
    """An error of the SDK's or of its socket in our words; None for any other."""
    # Imported where something went wrong: every message passes `mapped_errors`.
    from deepgram.core.api_error import ApiError
    from websockets.exceptions import ConnectionClosed, WebSocketException

    if isinstance(error, TimeoutError):
        return EngineError(engine, Category.TIMEOUT, phase, "no answer in time")
    if isinstance(error, ApiError):
        headers = getattr(error.__context__, "headers", None) or {}
        reason = str(headers.get("dg-error", "handshake refused"))[:MAX_REASON]
        return EngineError(
            engine,
            judge_status(error.status_code or 0),
            phase,
            f"HTTP {error.status_code}: {reason}",
            retry_after_s=decode_retry_after(headers.get("retry-after")),
        )
    if isinstance(error, ConnectionClosed):
        close = error.rcvd
        code, reason = (close.code, close.reason) if close else (1006, "")
        message = f"closed with {code} {reason}".strip()[:MAX_REASON]
        return EngineError(engine, judge_close(code, reason), phase, message)
    if isinstance(error, WebSocketException | OSError | EOFError):
        message = f"no connection: {type(error).__name__}"
        return EngineError(engine, Category.CONNECTIVITY, phase, message)
    if isinstance(error, ValueError):  # what was received is no JSON
        return EngineError(engine, Category.SERVER, phase, "unreadable message")
    return None


def judge_close(code: int, reason: str) -> Category:
    """Why a stream was closed. Pure."""
    if "DATA-0000" in reason or code in (1003, 1007, 1008):
        return Category.BAD_REQUEST
    if "net0000" in reason or "net0001" in reason:
        return Category.TIMEOUT
    if code in (1011, 1012, 1013):
        return Category.SERVER
    return Category.CONNECTIVITY


def _share_tls(module: Any) -> None:
    """Have the sockets of one version of the SDK use the one context: it takes no argument for
    that, and websockets would make one for each."""
    if not isinstance(module.websockets_client_connect, _SharedTls):
        module.websockets_client_connect = _SharedTls(module.websockets_client_connect)


class _SharedTls:
    """`websockets.connect` with the one context where TLS is wanted."""

    def __init__(self, connect: Any) -> None:
        self._connect = connect

    def __call__(self, uri: str, **options: Any) -> Any:
        if uri.startswith("wss:"):
            options["ssl"] = tls_context()
        return self._connect(uri, **options)
