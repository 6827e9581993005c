"""The media WebSocket: Twilio's side of a call as the `Transport` that the call expects.

`serve_media` is the route's handler: it judges the handshake and the first messages, builds the
call and runs it. It is one of the named borders where an unexpected exception stops: that call
ends with `EndReason.BUG`, the others never notice.
"""

import asyncio
import contextlib
import logging
from collections import Counter
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime

from aiohttp import WebSocketError, WSCloseCode, WSMessage, WSMsgType, web

from voxd.call.build import build_call
from voxd.errors import LineError
from voxd.events import EndReason
from voxd.server.endings import end_call
from voxd.server.rate import TokenBucket
from voxd.server.state import STATE, ServerState
from voxd.stack import CallStack
from voxd.telemetry.logs import bind_call
from voxd.telemetry.outcome import Direction, LineKind, describe_call
from voxd.twilio.media import (
    InboundMessage,
    MediaProtocol,
    Start,
    encode_clear,
    encode_mark,
    encode_media,
)

logger = logging.getLogger(__name__)

MAX_MESSAGE_BYTES = 64 * 1024
"""A media message is 300 bytes; a larger one than this is no telephone call (close 1009)."""
FIRST_MESSAGES_S = 5.0
"""`connected` and `start` come at once after the handshake."""
RATE_PER_S = 200.0
"""Messages that a stream may send for long; Twilio's brings 50 frames and now and then a mark."""
BURST = 1000.0
"""Messages at once, above the rate: what a line that was stuck for 20 s brings when it is free."""
HEARTBEAT_S = 20.0
"""A peer that sends nothing for so long is pinged and must answer within half of it."""
SEND_S = 5.0
"""A send that takes longer has a peer that does not read; its call is over."""
CLOSE_S = 1.0
"""How long a close waits for the peer's close frame."""
WRITE_BUFFER_BYTES = 32 * 1024
"""Unsent bytes above which a send waits: some two seconds of audio as JSON."""
FAIRNESS = 16
"""After so many messages in a row the loop is given to other calls, however many are waiting."""
TOKEN = "token"
"""Name of the stream parameter that carries the reservation's token."""


class MediaSocket:
    """One call's media stream after its `start`; implements `voxd.call.transport.Transport`.

    Messages that make no sense are swallowed, counted by reason, and logged once per reason.
    """

    def __init__(self, socket: web.WebSocketResponse, request: web.Request) -> None:
        self._socket = socket
        self._request = request
        self._protocol = MediaProtocol()
        self._start: Start | None = None
        self._is_gone = False
        self._received = 0
        self._now = asyncio.get_running_loop().time
        self._bucket = TokenBucket(RATE_PER_S, BURST, self._now())
        self.refused: Counter[str] = Counter()
        """Refused messages by reason, a small set of constant words."""
        self.lost_reason = EndReason.LINE_LOST

    @property
    def stream_sid(self) -> str:
        return self._started.stream_sid

    @property
    def call_sid(self) -> str:
        return self._started.call_sid

    @property
    def parameters(self) -> Mapping[str, str]:
        """`customParameters` without our token; untrusted text."""
        return {k: v for k, v in self._started.parameters.items() if k != TOKEN}

    @property
    def token(self) -> str:
        """What `start` claims to be our reservation's token."""
        return self._started.parameters.get(TOKEN, "")

    async def receive_start(self) -> Start | None:
        """The stream's `start`; None when something else came or nothing came in time."""
        try:
            async with asyncio.timeout(FIRST_MESSAGES_S):
                # The protocol lets nothing pass before a start but one `connected`.
                while (message := await self.receive()) is not None:
                    if isinstance(message, Start):
                        self._start = message
                        return message
        except TimeoutError:
            return None
        return None

    async def receive(self) -> InboundMessage | None:
        """The next message that made sense, or None for ever once the socket is gone.

        A socket with much to read never suspends its reader: `FAIRNESS` is for all who read here.
        """
        while not self._is_gone:
            raw = await self._socket.receive()
            if not self._bucket.take(self._now()):
                await self._stop_flood()
                return None
            self._received += 1
            if self._received % FAIRNESS == 0:
                await asyncio.sleep(0)
            if raw.type is WSMsgType.TEXT:
                try:
                    return self._protocol.decode(raw.data)
                except LineError as error:
                    self._refuse(str(error))
            elif raw.type is WSMsgType.BINARY:
                self._refuse("binary")
            elif raw.type is WSMsgType.PING:
                await self._socket.pong(raw.data)
            elif raw.type is not WSMsgType.PONG:
                self._note_loss(raw)
        return None

    async def send_media(self, mulaw: bytes) -> None:
        """Send audio, whole frames. Raises ConnectionError when the socket is gone."""
        await self._send(encode_media(self.stream_sid, mulaw))

    async def send_mark(self, name: str) -> None:
        """Ask for an echo of `name`. Raises ConnectionError when the socket is gone."""
        await self._send(encode_mark(self.stream_sid, name))

    async def send_clear(self) -> None:
        """Empty the far end's buffer. Raises ConnectionError when the socket is gone."""
        await self._send(encode_clear(self.stream_sid))

    async def close(self, code: int = WSCloseCode.OK) -> None:
        """Close the socket; harmless when it is closed."""
        await self._socket.close(code=code)

    @property
    def _started(self) -> Start:
        if self._start is None:
            raise RuntimeError("the stream has no start yet")
        return self._start

    async def _send(self, text: str) -> None:
        transport = self._request.transport
        is_free = transport is not None and not transport.get_write_buffer_size()
        if is_free and len(text) < WRITE_BUFFER_BYTES // 2:
            # It cannot have to wait, and the timeout alone would cost 5 microseconds.
            await self._socket.send_str(text)
            return
        try:
            async with asyncio.timeout(SEND_S):
                await self._socket.send_str(text)
        except TimeoutError:
            logger.warning("peer does not read", extra={"limit_s": SEND_S})
            if self._request.transport is not None:
                self._request.transport.abort()
            raise ConnectionAbortedError("the peer does not read") from None

    async def _stop_flood(self) -> None:
        """No telephone call sends so much: close at once, before it costs other calls time."""
        self._is_gone, self.lost_reason = True, EndReason.PROTOCOL
        logger.warning("peer sends too much", extra={"rate_per_s": RATE_PER_S})
        await self.close(WSCloseCode.POLICY_VIOLATION)

    def _refuse(self, reason: str) -> None:
        self.refused[reason] += 1
        if self.refused[reason] == 1:
            logger.warning("message refused", extra={"reason": reason})

    def _note_loss(self, raw: WSMessage) -> None:
        """The socket is gone: by the peer's close, a dead line, or broken WebSocket protocol."""
        self._is_gone = True
        if isinstance(raw.data, WebSocketError):  # aiohttp has closed with its code
            self.lost_reason = EndReason.PROTOCOL
            logger.warning("peer broke the protocol", extra={"code": raw.data.code})


async def serve_media(request: web.Request) -> web.StreamResponse:
    """`GET /twilio/media`: one call from handshake to close."""
    state = request.app[STATE]
    state.guard.check_upgrade(request)
    runtime = state.runtime
    socket = web.WebSocketResponse(
        compress=False,  # permessage-deflate is reported to break Twilio's streams
        max_msg_size=MAX_MESSAGE_BYTES,
        heartbeat=HEARTBEAT_S,
        autoping=False,  # `MediaSocket` answers pings: a flood of them counts like any other
        timeout=CLOSE_S,
        writer_limit=WRITE_BUFFER_BYTES // 2,
    )
    if not socket.can_prepare(request):
        raise web.HTTPUpgradeRequired(text="a WebSocket is expected here\n")
    key = state.guard.limit_key(request)
    has_room = state.half_open.has_room(key) and state.streams.has_room(key)
    if runtime is None or not has_room:
        logger.warning("media socket turned away", extra={"client": key})
        state.refused_sockets["no_room"] += 1
        raise web.HTTPServiceUnavailable(text="not now\n")
    with state.streams.holding(key), _parted(request):
        with state.half_open.holding(key):
            await socket.prepare(request)
            _limit_write_buffer(request)
            line = MediaSocket(socket, request)
            start = await line.receive_start()
        stack = _admit(state, line) if start is not None else None
        if start is None or stack is None:
            extra = {"refused": dict(line.refused), "client": key}
            logger.warning("media socket refused", extra=extra)
            state.refused_sockets["no_start" if start is None else "not_expected"] += 1
            await line.close(WSCloseCode.POLICY_VIOLATION)
            return socket
        with bind_call(start.call_sid):
            await _run_call(stack, line, start, state.direction(start.call_sid))
    return socket


@contextlib.contextmanager
def _parted(request: web.Request) -> Iterator[None]:
    """In the end parts a socket from its connection. aiohttp leaves the callback of the heartbeat
    behind, by which they hold each other until the collector comes."""
    try:
        yield
    finally:
        request.protocol._data_received_cb = None


def _limit_write_buffer(request: web.Request) -> None:
    if isinstance(request.transport, asyncio.WriteTransport):
        request.transport.set_write_buffer_limits(high=WRITE_BUFFER_BYTES)


def _admit(state: ServerState, line: MediaSocket) -> CallStack | None:
    """The engines reserved for the call whose unused token `start` brings; uses the token up.

    Also while draining: what was reserved before was promised.
    """
    if state.admission is None or state.runtime is None:
        return None
    if state.runtime.calls.is_active(line.call_sid):
        return None
    reservation = state.admission.consume(line.token, line.call_sid)
    return reservation.stack if reservation is not None else None


async def _run_call(
    stack: CallStack, line: MediaSocket, start: Start, direction: Direction
) -> None:
    """Build and run the call; nothing but a cancellation comes out of here."""
    runtime, reason, journal = stack.runtime, EndReason.BUG, None
    own, began = stack.config.call, asyncio.get_running_loop().time()
    facts = describe_call(
        *(stack.config, start.call_sid, line.parameters, direction, LineKind.STREAM),
        datetime.now(UTC),
    )
    extra = {"calls": len(runtime.calls) + 1, "tier": own.tier, "tenant": own.tenant}
    logger.info("call started", extra=extra)
    try:
        call = build_call(runtime, start, line, stack)
        journal = call.journal
        runtime.calls.add(start.call_sid, call, facts, asyncio.current_task())
        reason = await call.run()
    except asyncio.CancelledError:
        reason = EndReason.SHUTDOWN  # nobody else cancels a call
        raise
    except Exception:  # border: a call. A bug in one must not reach another.
        logger.exception("call ended by a bug")
    finally:
        stack.close()
        await end_call(runtime, facts, journal, reason, began)
        await line.close()
        refused = sum(line.refused.values())
        logger.info("call ended", extra={"reason": str(reason), "refused_messages": refused})
