"""Text to speech at Cartesia. I/O: replies share a few WebSockets that are opened ahead.

`cartesia_stream` speaks one reply, `cartesia_pool` and `cartesia_sockets` are the connections,
`cartesia_messages` is what goes over them. Of the SDK the client and its raw WebSocket are used:
its contexts hang when a socket dies (cartesia 4.2.0).
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from dataclasses import replace
from typing import TYPE_CHECKING

from pydantic import Field

from voxd.config import Emotion, Table, read_secret
from voxd.contracts import (
    PROBE_CALL_ID,
    Capabilities,
    EngineState,
    EngineStatus,
    Priority,
    SpeechRequest,
    SpeechStream,
    Urgency,
)
from voxd.engines.recent import RecentLatencies
from voxd.engines.tls import tls_context
from voxd.engines.tts.cartesia_messages import Failed
from voxd.engines.tts.cartesia_stream import CartesiaSpeechStream
from voxd.errors import Category, EngineError, Phase
from voxd.events import Kind
from voxd.quickly import import_httpx

if TYPE_CHECKING:
    from cartesia import AsyncCartesia

    from voxd.engines.registry import Services
    from voxd.engines.tts.cartesia_pool import SocketPool
    from voxd.engines.tts.cartesia_sockets import Context

SECRET = "CARTESIA_API_KEY"
# What sonic-3 speaks (cartesia 4.2.0, types/supported_language.py).
LANGUAGES = tuple(
    "en fr de es pt zh ja hi it ko nl pl ru sv tr tl bg ro ar cs el fi hr ms sk da ta uk hu no vi"
    " bn th he ka id te gu kn ml mr pa".split()
)

CAPABILITIES = Capabilities(Kind.TTS, is_local=False, languages=LANGUAGES, expected_latency_s=0.090)


class Settings(Table):
    """`[engines.cartesia]`."""

    base_url: str = Field("https://api.cartesia.ai", pattern=r"^https?://[^/\s?#]+$")
    """Where the service is; its WebSocket is on the same host (`wss` for `https`)."""
    model: str = Field("sonic-3", min_length=1)
    voice: str = Field("6ccbfb76-1fc6-48f7-b71d-91ac6298247b", min_length=1)
    """Id of a voice; the default is the one of the SDK's examples."""
    languages: tuple[str, ...] = LANGUAGES
    """BCP-47 primary subtags that the model speaks; empty: any."""
    speed: float = Field(1.0, ge=0.6, le=1.5)
    """Factor on the voice's own speed (sonic-3 and later)."""
    volume: float = Field(1.0, ge=0.5, le=2.0)
    """Factor on the voice's own loudness (sonic-3 and later)."""
    emotion: Emotion = ""
    """One of Cartesia's words (`calm`, `content`, …) for agents without one; empty: the voice's
    own."""
    word_times: bool = True
    """Ask when each word is spoken."""
    contexts_per_socket: int = Field(8, ge=1, le=100)
    """Replies that share one connection; one more opens another."""
    connect_s: float = Field(1.0, gt=0, le=30)
    """A connection must stand, TLS included, after this long."""
    first_audio_s: float = Field(1.5, gt=0, le=30)
    """The first audio of a clause must be there after this long."""
    next_audio_s: float = Field(1.0, gt=0, le=30)
    """Audio of a clause that pauses for longer is given up."""
    idle_s: float = Field(240.0, ge=1, le=290)
    """An unused connection is replaced after this long; the server closes it after 300 s."""


class CartesiaTextToSpeech:
    """The engine; see `voxd.contracts.TextToSpeech`."""

    def __init__(self, name: str, settings: Settings, pool: "SocketPool") -> None:
        self.name = name
        self.capabilities = replace(CAPABILITIES, languages=settings.languages)
        self.settings = settings
        self.pool = pool
        self.recent = RecentLatencies()
        self.speaking = 0
        """Clauses that are being synthesised."""

    def status(self) -> EngineStatus:
        """`HEALTHY` while a connection is open; `EJECTED` after a refused key."""
        sockets = len(self.pool.sockets)
        return EngineStatus(
            self.name,
            Kind.TTS,
            self._state(sockets),
            active=self.speaking,
            latency_p50_s=self.recent.percentile(0.50),
            latency_p95_s=self.recent.percentile(0.95),
            detail={
                "model": self.settings.model,
                "connections": sockets,
                "connects": self.pool.connects,
                "contexts": self.pool.contexts,
            },
        )

    async def warm(self) -> None:
        """Return once a connection is open; the server refuses a bad key at its handshake."""
        async with self._reaching():
            await self.pool.ensure()

    async def probe(self) -> float:
        """Have one syllable spoken: a few characters, and only when nobody else asks."""
        language = next(iter(self.capabilities.languages), "en")
        urgency = Urgency(Priority.PROBE)
        request = SpeechRequest(PROBE_CALL_ID, 0, language, voice="", urgency=urgency)
        async with self.open_speech(request) as speech:
            begun_at = asyncio.get_running_loop().time()
            pieces = speech.speak("Hm.", is_last=True)
            first_s: float | None = None
            async for _ in pieces:  # to its end, so that nothing is cancelled at the provider
                first_s = first_s or asyncio.get_running_loop().time() - begun_at
        if first_s is None:
            message = "no audio of a syllable"
            raise EngineError(self.name, Category.SERVER, Phase.FIRST_RESULT, message)
        return first_s

    @contextlib.asynccontextmanager
    async def open_speech(self, request: SpeechRequest) -> AsyncIterator[SpeechStream]:
        """See `contracts.TextToSpeech`. Connects where it must; nothing is said yet."""
        stream = CartesiaSpeechStream(self, request, await self.open_context())
        try:
            yield stream
        finally:
            stream.close()

    async def open_context(self) -> "Context":
        """A context that nothing was said in."""
        async with self._reaching():
            return await self.pool.open_context()

    def error(self, failure: Failed, phase: Phase) -> EngineError:
        """A failure in the contract's words."""
        return EngineError(
            self.name,
            failure.category,
            phase,
            failure.message,
            retry_after_s=failure.retry_after_s,
        )

    @contextlib.asynccontextmanager
    async def _reaching(self) -> AsyncIterator[None]:
        from voxd.engines.tts.cartesia_pool import Unreachable

        try:
            yield
        except Unreachable as error:
            raise self.error(error.failure, Phase.CONNECT) from error

    def _state(self, sockets: int) -> EngineState:
        if sockets:
            return EngineState.HEALTHY
        if self.pool.failure is None:
            return EngineState.STARTING if not self.pool.connects else EngineState.DEGRADED
        is_refused = self.pool.failure.category in (Category.AUTH, Category.QUOTA)
        return EngineState.EJECTED if is_refused else EngineState.DEGRADED


@contextlib.asynccontextmanager
async def open_engine(
    name: str, settings: Settings, services: "Services"
) -> AsyncIterator[CartesiaTextToSpeech]:
    """Load the SDK and open the engine; nothing is connected before `warm`.

    Raises:
        EngineError: the SDK is not installed.
    """
    try:
        client = await asyncio.to_thread(_make_client, settings, read_secret(SECRET))
    except ImportError as error:
        message = "its SDK is not installed: pip install 'voxd[cloud]'"
        raise EngineError(name, Category.BAD_REQUEST, Phase.CONNECT, message) from error
    from voxd.engines.tts.cartesia_pool import SocketPool

    pool = SocketPool(
        client,
        contexts_per_socket=settings.contexts_per_socket,
        connect_s=settings.connect_s,
        idle_s=settings.idle_s,
    )
    pool.start()
    async with client:
        try:
            yield CartesiaTextToSpeech(name, settings, pool)
        finally:
            await pool.close()


def _make_client(settings: Settings, key: str) -> "AsyncCartesia":
    """Runs in a thread: importing the SDK and reading certificates takes a third of a second."""
    import_httpx()
    from cartesia import AsyncCartesia, DefaultAsyncHttpxClient

    import voxd.engines.tts.cartesia_pool  # noqa: F401 (imports the WebSocket library)

    client = AsyncCartesia(
        api_key=key,
        base_url=settings.base_url,
        websocket_base_url=settings.base_url.replace("http", "ws", 1),
        max_retries=0,
        timeout=settings.connect_s,
        http_client=DefaultAsyncHttpxClient(verify=tls_context()),
    )
    _ = client.tts  # imported on first use, which must not be the first call
    return client
