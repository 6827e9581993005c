"""The engine object that both Deepgram protocols share. I/O: opens sockets through the link."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from typing import Any

from voxd.contracts import (
    DEFAULT_HINTS,
    LINE_RATE_HZ,
    MULAW_SILENCE,
    Capabilities,
    EngineState,
    EngineStatus,
    TranscriptStream,
    TurnHints,
)
from voxd.engines.recent import RecentLatencies
from voxd.engines.stt.deepgram_link import (
    Control,
    DeepgramLink,
    DeepgramSocket,
    Version,
    mapped_errors,
)
from voxd.engines.stt.deepgram_stream import DeepgramTranscriptStream, Dialect, Failure
from voxd.errors import Category, EngineError, Phase

PROBE_PIECE = bytes([MULAW_SILENCE]) * (LINE_RATE_HZ // 10)
"""A tenth of a second."""
PROBE_PIECES = 5
"""Half a second is enough for Flux to tell something twice, and for Finalize to have an answer."""

_UNTIL_KEY_CHANGES = frozenset({Category.AUTH, Category.QUOTA})


class DeepgramSpeechToText:
    """See `voxd.contracts.SpeechToText`."""

    def __init__(
        self,
        name: str,
        capabilities: Capabilities,
        link: DeepgramLink,
        version: Version,
        dialect: Dialect,
        encode_listen: Callable[[str, TurnHints], dict[str, Any]],
        result_s: float,
    ) -> None:
        """`encode_listen` makes the parameters of `connect` for a language and a tier."""
        self.name = name
        self.capabilities = capabilities
        self._link = link
        self._version: Version = version
        self._dialect = dialect
        self._encode_listen = encode_listen
        self._result_s = result_s
        self._latencies = RecentLatencies()
        self._state = EngineState.STARTING
        self._streams = 0
        self._connections = 0
        self._refusals = 0

    def status(self) -> EngineStatus:
        return EngineStatus(
            self.name,
            self.capabilities.kind,
            self._state,
            active=self._streams,
            latency_p50_s=self._latencies.percentile(0.50),
            latency_p95_s=self._latencies.percentile(0.95),
            detail={"connections": self._connections, "refusals": self._refusals},
        )

    async def warm(self) -> None:
        """Open a socket and close it: shows a bad key or parameter, and sends no audio."""
        async with self._connect(self.capabilities.languages[0]):
            pass

    async def probe(self) -> float:
        """Have half a second of silence transcribed: shows that results come, and how soon."""
        async with self._connect(self.capabilities.languages[0]) as socket:
            begun_at = asyncio.get_running_loop().time()
            for _ in range(PROBE_PIECES):
                await socket.send(PROBE_PIECE)
            if self._dialect.on_flush is not None:
                await socket.send(self._dialect.on_flush)
            # Finalize may stay unanswered where there was no speech; the end of a stream does not.
            await socket.send(Control.CLOSE_STREAM)
            with mapped_errors(self.name, Phase.FIRST_RESULT):
                async with asyncio.timeout(self._result_s):
                    await self._first_answer(socket)
            return asyncio.get_running_loop().time() - begun_at

    @contextlib.asynccontextmanager
    async def open_stream(
        self, call_id: str, language: str, hints: TurnHints = DEFAULT_HINTS
    ) -> AsyncIterator[TranscriptStream]:
        async with self._connect(language, hints) as socket:
            stream = DeepgramTranscriptStream(
                self.name, socket, self._dialect, self._result_s, self._latencies
            )
            self._streams += 1
            try:
                async with stream.running():
                    yield stream
            finally:
                self._streams -= 1

    async def _first_answer(self, socket: DeepgramSocket) -> None:
        while True:
            message = await socket.receive()
            heard = self._dialect.decode(message)
            if isinstance(heard, Failure):
                raise EngineError(self.name, heard.category, Phase.FIRST_RESULT, heard.code)
            if heard is not None or getattr(message, "type", None) == "Metadata":
                return

    @contextlib.asynccontextmanager
    async def _connect(
        self, language: str, hints: TurnHints = DEFAULT_HINTS
    ) -> AsyncIterator[DeepgramSocket]:
        async with contextlib.AsyncExitStack() as stack:
            try:
                socket = await stack.enter_async_context(
                    self._link.connect(self._version, self._encode_listen(language, hints))
                )
            except EngineError as error:
                self._refusals += 1
                fatal = error.category in _UNTIL_KEY_CHANGES
                self._state = EngineState.EJECTED if fatal else EngineState.DEGRADED
                raise
            self._connections += 1
            self._state = EngineState.HEALTHY
            yield socket
