"""A language model behind an HTTP API: all that Groq and OpenAI-compatible servers share.

What differs (the client library, the body of a request, its exceptions) is behind `ChatProvider`;
a provider raises what its library raises, and only here does that become an `EngineError`.

Timeouts are this file's and not the libraries': theirs bound each read, and a server that sends
something useless every second would satisfy them for ever.
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import AbstractAsyncContextManager
from typing import Protocol

from pydantic import Field

from voxd.commands import Message
from voxd.config import Table
from voxd.contracts import (
    Capabilities,
    EngineState,
    EngineStatus,
    Piece,
    Priority,
    ReplyRequest,
    Urgency,
)
from voxd.engines.failure import Failure
from voxd.engines.llm.chat import Reply, decode_chunk
from voxd.engines.llm.warm_connections import WarmConnections
from voxd.engines.recent import RecentLatencies
from voxd.errors import Category, EngineError, Phase
from voxd.events import ToolCall

PROBE_ID = "probe"
"""What probes ask under; no CallSid of Twilio's looks like it."""
PROBE = (Message("user", "Say yes."),)
PROBE_TOKENS = 8


class RemoteSettings(Table):
    """What the tables of remote language models have in common."""

    languages: tuple[str, ...] = ()
    """BCP-47 primary subtags the model writes well; empty: any."""
    reasoning_tokens: int = Field(0, ge=0, le=32_768)
    """Room for thinking on top of a reply's own limit."""
    connect_s: float = Field(1.5, gt=0)
    """A connection must stand, TLS included, after this long."""
    first_token_s: float = Field(5.0, gt=0)
    """The first word must be there this long after the request."""
    next_token_s: float = Field(3.0, gt=0)
    """A reply that pauses for longer is given up."""


class ChatProvider(Protocol):
    """One way to reach chat completions."""

    failures: tuple[type[Exception], ...]
    """What the methods may raise, beside `ValueError` for answers that make no sense."""

    def explain(self, error: Exception) -> Failure:
        """What one of `failures` means."""
        ...

    async def list_models(self) -> tuple[str, ...]:
        """Ids of the models that the account may use."""
        ...

    def stream(
        self, model: str, request: ReplyRequest
    ) -> AbstractAsyncContextManager[AsyncIterator[object]]:
        """Ask for a reply: its decoded chunks. Leaving the context ends the request."""
        ...


class RemoteLanguageModel:
    """`contracts.LanguageModel` on a provider. Its `run` must be running as a task."""

    def __init__(
        self,
        name: str,
        model: str,
        capabilities: Capabilities,
        settings: RemoteSettings,
        provider: ChatProvider,
        problem: Failure | None = None,
    ) -> None:
        """Make no request yet.

        Args:
            model: may be empty: the first that the server lists.
            problem: why no request can succeed, such as a missing key; found by `warm` like a
                wrong key, so that the rest of a chain still starts.
        """
        self._name = name
        self._configured_model = model
        self._model = model
        self._capabilities = capabilities
        self._settings = settings
        self._provider = provider
        self._problem = problem
        self._connections = WarmConnections(self._check_model)
        self._recent = RecentLatencies()
        self._active = 0
        self._state = EngineState.STARTING
        self._now = asyncio.get_running_loop().time

    @property
    def name(self) -> str:
        return self._name

    @property
    def capabilities(self) -> Capabilities:
        return self._capabilities

    def status(self) -> EngineStatus:
        """How the last request went; `EJECTED` after a refused key."""
        return EngineStatus(
            self._name,
            self._capabilities.kind,
            self._state,
            active=self._active,
            latency_p50_s=self._recent.percentile(0.50),
            latency_p95_s=self._recent.percentile(0.95),
            detail={"model": self._model},
        )

    async def warm(self) -> None:
        """Open the connections and see that the key is good and the model served."""
        await self._connections.refresh()

    async def probe(self) -> float:
        """Have the smallest reply written: a list of models says nothing of how they do."""
        await self._connections.ensure()  # a caller's request finds a connection, too
        request = ReplyRequest(PROBE_ID, 0, PROBE, PROBE_TOKENS, 0.0, Urgency(Priority.PROBE))
        begun_at = self._now()
        first_s: float | None = None
        async for _ in self.stream_reply(request):  # to its end, which keeps the connection
            first_s = self._now() - begun_at if first_s is None else first_s
        assert first_s is not None  # a reply without a word has raised
        return first_s

    async def run(self) -> None:
        """Keep the connections warm for ever."""
        await self._connections.run()

    async def prepare(self, call_id: str, messages: Sequence[Message], priority: Priority) -> None:
        """Nothing is read ahead at a provider; only the connections are made warm again."""
        self._connections.touch()
        await self._connections.ensure()

    async def release(self, call_id: str) -> None:
        """A provider holds nothing for a call."""

    async def stream_reply(self, request: ReplyRequest) -> AsyncIterator[Piece]:
        """See `contracts.LanguageModel`. A reply with neither a word nor a call is an error."""
        begun_at = self._now()
        reply = Reply(request.max_tokens)
        is_read_up = False
        if request.priority is not Priority.PROBE:
            self._connections.touch()
        self._active += 1
        try:
            with self._translated(lambda: Phase.STREAM if reply.tokens else Phase.FIRST_RESULT):
                async with contextlib.AsyncExitStack() as stack:
                    limit_at = begun_at + self._settings.first_token_s
                    async with asyncio.timeout_at(limit_at):
                        model = self._model or await self._find_model()
                        stream = self._provider.stream(model, request)
                        chunks = await stack.enter_async_context(stream)
                    while not reply.is_full:
                        async with asyncio.timeout_at(limit_at):
                            chunk = await anext(chunks, None)
                        if chunk is None:
                            is_read_up = True
                            break
                        had_begun = reply.has_begun
                        delta = decode_chunk(chunk)
                        text = reply.feed(delta)
                        if reply.has_begun and not had_begun:
                            self._recent.record(self._now() - begun_at)
                        if text or (delta.tools and request.tools):
                            yield text
                        if reply.has_begun:  # after the yield: the consumer's time is its own
                            limit_at = self._now() + self._settings.next_token_s
                calls = self._judge_end(reply, request)
            self._state = EngineState.HEALTHY
            for call in calls:
                yield call
            yield reply.usage()
        finally:
            self._active -= 1
            if not is_read_up:
                self._connections.note_lost()

    def _judge_end(self, reply: Reply, request: ReplyRequest) -> tuple[ToolCall, ...]:
        """The calls of a reply that is complete."""
        calls = reply.tool_calls()  # half a call is nonsense, too
        if not request.tools:
            calls = ()
        if not reply.tokens and not calls:
            raise ValueError("an answer without a word")
        if not reply.finish_reason and not reply.is_full:
            raise ValueError("the reply broke off")
        return calls

    async def _check_model(self) -> None:
        """The cheapest request there is; doubles as the check of key and model."""
        with self._translated(lambda: Phase.CONNECT):
            async with asyncio.timeout(self._settings.first_token_s):
                await self._find_model()
        self._state = EngineState.HEALTHY

    async def _find_model(self) -> str:
        models = await self._provider.list_models()
        wanted = self._configured_model or next(iter(models), "")
        # Ollama lists `name:latest` and serves `name`.
        if not wanted or not {wanted, f"{wanted}:latest"} & set(models):
            raise self._error(_missing_model(wanted), Phase.CONNECT)
        self._model = wanted
        return wanted

    @contextlib.contextmanager
    def _translated(self, phase: Callable[[], Phase]) -> Iterator[None]:
        """The border: whatever happens inside leaves as an `EngineError`."""
        if self._problem is not None:
            raise self._error(self._problem, Phase.CONNECT)
        try:
            yield
        except self._provider.failures as error:
            raise self._error(self._provider.explain(error), phase()) from error
        except TimeoutError as error:
            raise self._error(Failure(Category.TIMEOUT, "no answer in time"), phase()) from error
        except UnicodeEncodeError as error:
            failure = Failure(Category.BAD_REQUEST, "cannot be written as JSON")
            raise self._error(failure, phase()) from error
        except ValueError as error:
            raise self._error(_nonsense(error), phase()) from error

    def _error(self, failure: Failure, phase: Phase) -> EngineError:
        if failure.category in (Category.AUTH, Category.QUOTA):
            self._state = EngineState.EJECTED
        elif failure.category is not Category.BAD_REQUEST or phase is Phase.CONNECT:
            self._state = EngineState.DEGRADED
        return EngineError(
            self._name,
            failure.category,
            Phase.CONNECT if failure.is_connect else phase,
            failure.message,
            retry_after_s=failure.retry_after_s,
        )


def _missing_model(wanted: str) -> Failure:
    if wanted:  # shut down, or not for this account: every request would be refused
        return Failure(Category.AUTH, f"it does not serve the model {wanted!r}")
    return Failure(Category.SERVER, "it serves no model")


def _nonsense(error: ValueError) -> Failure:
    """Decoders say in constant words what is wrong; libraries may quote what was received."""
    is_own = type(error) is ValueError
    return Failure(Category.SERVER, str(error) if is_own else "the answer makes no sense")


@contextlib.asynccontextmanager
async def serving(engine: RemoteLanguageModel) -> AsyncIterator[RemoteLanguageModel]:
    """Run an engine's background work while the context is open."""
    # No TaskGroup: around a `yield` it would wrap the errors of whoever uses the engine.
    task = asyncio.get_running_loop().create_task(engine.run())
    try:
        yield engine
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
