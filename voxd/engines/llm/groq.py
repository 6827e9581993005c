"""Groq as a `LanguageModel`, on its own SDK.

`groq_client` is the SDK as it is used here.

Its models think before they speak. The thinking is asked to be short and is not sent to us, but
its tokens count towards the limit of the request, which is therefore higher than what is spoken.
"""

import asyncio
import contextlib
from collections.abc import AsyncGenerator, AsyncIterator
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Literal

import aiohttp
import orjson
from pydantic import Field

from voxd.config import read_secret
from voxd.contracts import Capabilities, ReplyRequest
from voxd.engines.failure import Failure, judge_answer, judge_stream_error
from voxd.engines.llm.chat import decode_models, encode_messages, encode_tools
from voxd.engines.llm.http_failure import explain_http
from voxd.engines.llm.remote import RemoteLanguageModel, RemoteSettings, serving
from voxd.errors import Category, EngineError, Phase
from voxd.events import Kind
from voxd.quickly import import_httpx

if TYPE_CHECKING:
    from voxd.engines.llm.groq_client import ChatClient
    from voxd.engines.registry import Services

SECRET = "GROQ_API_KEY"
MODELS = "/openai/v1/models"

CAPABILITIES = Capabilities(
    kind=Kind.LLM,
    is_local=False,
    languages=(),
    expected_latency_s=0.220,
)


class Settings(RemoteSettings):
    """`[engines.groq]`."""

    base_url: str = Field("https://api.groq.com", pattern=r"^https?://[^/]+/?$")
    """Scheme and host; the SDK adds the path."""
    model: str = Field("openai/gpt-oss-20b", min_length=1)
    """A model that the account may use; `warm` checks it."""
    reasoning_effort: Literal["", "none", "low", "medium", "high"] = "low"
    """How long the model thinks first; empty for models that do not."""
    reasoning_tokens: int = Field(512, ge=0, le=32_768)
    service_tier: Literal["auto", "on_demand", "flex", "performance"] = "on_demand"
    """Groq's word for the class of service."""


def encode_request(settings: Settings, model: str, request: ReplyRequest) -> dict[str, Any]:
    """The body of a request.

    Raises:
        UnicodeEncodeError: see `encode_messages`.
    """
    arguments: dict[str, Any] = {
        "model": model,
        "messages": encode_messages(request.messages),
        "stream": True,
        "temperature": request.temperature,
        "max_completion_tokens": request.max_tokens + settings.reasoning_tokens,
        "service_tier": settings.service_tier,
        **encode_tools(request.tools),
    }
    if settings.reasoning_effort:
        arguments |= {"reasoning_effort": settings.reasoning_effort, "include_reasoning": False}
    return arguments


class GroqProvider:
    """`remote.ChatProvider` on the SDK."""

    def __init__(self, client: "ChatClient", settings: Settings) -> None:
        # Imported by now, and only where Groq is used: it takes half a second.
        import groq
        import httpx

        self._groq = groq
        self._client = client
        self._settings = settings
        # A stream that breaks raises the HTTP library's errors, which the SDK does not wrap.
        self.failures: tuple[type[Exception], ...] = (
            groq.GroqError,
            httpx.HTTPError,
            httpx.StreamError,
            aiohttp.ClientConnectionError,
        )

    async def list_models(self) -> tuple[str, ...]:
        """`GET /openai/v1/models`."""
        return decode_models(await self._client.get(MODELS, cast_to=object))

    @contextlib.asynccontextmanager
    async def stream(
        self, model: str, request: ReplyRequest
    ) -> AsyncIterator[AsyncIterator[object]]:
        """`POST /openai/v1/chat/completions`."""
        body = orjson.dumps(encode_request(self._settings, model, request))
        stream = await self._client.open_chat(body)
        # Leaving closes the response: an unread one would hold its connection.
        async with stream, contextlib.aclosing(_iterate(stream)) as chunks:
            yield chunks

    def explain(self, error: Exception) -> Failure:
        """See `remote.ChatProvider`."""
        groq = self._groq
        if isinstance(error, groq.APIStatusError):
            retry_after = error.response.headers.get("retry-after")
            return judge_answer(error.status_code, error.body, retry_after)
        # The SDK and httpx wrap what went wrong, and httpx knows fewer ways: the root tells most.
        root: BaseException | None = error
        while root is not None:
            if isinstance(root, aiohttp.ClientError | RuntimeError):
                return explain_http(root)
            root = root.__cause__
        if isinstance(error, groq.APIConnectionError):
            return Failure(Category.CONNECTIVITY, "cannot connect", is_connect=True)
        if isinstance(error, groq.APIError):
            return judge_stream_error(error.body)
        return Failure(Category.SERVER, "the answer makes no sense")


async def _iterate(stream: AsyncIterator[object]) -> AsyncGenerator[object, None]:
    """A generator, because the SDK's stream does not close what it iterates over."""
    chunks = aiter(stream)
    while True:
        try:
            chunk = await anext(chunks)
        except StopAsyncIteration:
            return
        except RuntimeError as error:  # aiohttp's word for a session that was closed meanwhile
            raise aiohttp.ClientConnectionError("closed while it was read") from error
        yield chunk


@contextlib.asynccontextmanager
async def open_engine(
    name: str, settings: Settings, services: "Services"
) -> AsyncIterator[RemoteLanguageModel]:
    """Load the SDK and open the engine; no request is made before `warm`.

    Raises:
        EngineError: the SDK is not installed.
    """
    key = read_secret(SECRET)
    problem = _judge_key(key)
    try:
        client = await asyncio.to_thread(_make_client, settings, "" if problem else key)
    except ImportError as error:
        message = "its SDK is not installed: pip install 'voxd[cloud]'"
        raise EngineError(name, Category.BAD_REQUEST, Phase.CONNECT, message) from error
    capabilities = replace(CAPABILITIES, languages=settings.languages)
    provider = GroqProvider(client, settings)
    engine = RemoteLanguageModel(name, settings.model, capabilities, settings, provider, problem)
    client.make_template()
    async with client, serving(engine):
        yield engine


def _judge_key(key: str) -> Failure | None:
    """Why no request can be made with a key; what is no ASCII fits into no header."""
    if not key:
        return Failure(Category.AUTH, f"{SECRET} is not set")
    if not (key.isascii() and key.isprintable()):
        return Failure(Category.AUTH, f"{SECRET} has characters that no key has")
    return None


def _make_client(settings: Settings, key: str) -> "ChatClient":
    """Runs in a thread: importing the SDK and reading certificates takes a third of a second."""
    import_httpx()
    from voxd.engines.llm.groq_client import make_client

    return make_client(settings.base_url, key, settings.connect_s)
