"""Any OpenAI-compatible server as a `LanguageModel`: vLLM, llama-server, Ollama, by URL.

This is how a model outgrows the telephone machine: the server may stand on another one, with a
GPU. No SDK: the requests are two, and aiohttp is here anyway.
"""

import contextlib
import json
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
from voxd.engines.llm.sse import EventDecoder
from voxd.engines.llm.warm_connections import KEEPALIVE_S
from voxd.errors import Category
from voxd.events import Kind

if TYPE_CHECKING:
    from voxd.engines.registry import Services

MAX_CONNECTIONS = 100
"""More replies at once than one daemon can carry calls."""
MAX_BODY_BYTES = 1_048_576
"""What is read of an answer that is no stream: a list of models, an error."""
DONE = "[DONE]"

CAPABILITIES = Capabilities(
    kind=Kind.LLM,
    is_local=False,
    languages=(),
    expected_latency_s=0.220,
)


class Settings(RemoteSettings):
    """`[engines.openai]`."""

    base_url: str = Field("http://127.0.0.1:8000/v1", pattern=r"^https?://[^/?#]+[^?#]*$")
    """Everything before `/chat/completions`; the default is vLLM's."""
    model: str = ""
    """The server's name of a model; empty: the first that it lists."""
    credential: str = ""
    """Name of the secret that holds the server's key; empty: it wants none."""
    limit_key: Literal["max_tokens", "max_completion_tokens"] = "max_tokens"
    """How the server calls the limit of a reply; OpenAI's own wants the longer word."""


def encode_request(settings: Settings, model: str, request: ReplyRequest) -> dict[str, Any]:
    """The body of a request.

    Raises:
        UnicodeEncodeError: see `encode_messages`.
    """
    return {
        "model": model,
        "messages": encode_messages(request.messages),
        "stream": True,
        "stream_options": {"include_usage": True},
        "temperature": request.temperature,
        settings.limit_key: request.max_tokens + settings.reasoning_tokens,
        **encode_tools(request.tools),
    }


class RefusedError(Exception):
    """The server answered, but not with what was asked for."""

    def __init__(self, failure: Failure) -> None:
        self.failure = failure
        super().__init__(failure.message)


class OpenAIProvider:
    """`remote.ChatProvider` on plain HTTP."""

    failures: tuple[type[Exception], ...] = (RefusedError, aiohttp.ClientError)

    def __init__(self, session: aiohttp.ClientSession, settings: Settings) -> None:
        self._session = session
        self._settings = settings
        self._url = settings.base_url.rstrip("/")

    async def list_models(self) -> tuple[str, ...]:
        """`GET …/models`."""
        async with self._session.get(f"{self._url}/models") as response:
            await _check(response)
            return decode_models(json.loads(await _read(response)))

    @contextlib.asynccontextmanager
    async def stream(
        self, model: str, request: ReplyRequest
    ) -> AsyncIterator[AsyncIterator[object]]:
        """`POST …/chat/completions`."""
        body = orjson.dumps(encode_request(self._settings, model, request))
        async with self._session.post(f"{self._url}/chat/completions", data=body) as response:
            await _check(response)
            async with contextlib.aclosing(_chunks(response)) as chunks:
                yield chunks

    def explain(self, error: Exception) -> Failure:
        """See `remote.ChatProvider`."""
        if isinstance(error, RefusedError):
            return error.failure
        return explain_http(error)


async def _check(response: aiohttp.ClientResponse) -> None:
    """Refuse everything but 200."""
    if response.status == 200:
        return
    try:
        body: object = json.loads(await _read(response))
    except ValueError:
        body = None
    retry_after = response.headers.get("retry-after")
    raise RefusedError(judge_answer(response.status, body, retry_after))


async def _read(response: aiohttp.ClientResponse) -> bytes:
    """The whole body of an answer that is short."""
    body = b""
    while len(body) < MAX_BODY_BYTES and (received := await _receive(response)):
        body += received
    return body[:MAX_BODY_BYTES]


async def _receive(response: aiohttp.ClientResponse) -> bytes:
    """What has come of the body; empty at its end."""
    try:
        return await response.content.readany()
    except RuntimeError as error:  # aiohttp's word for a session that was closed meanwhile
        raise aiohttp.ClientConnectionError("closed while it was read") from error


async def _chunks(response: aiohttp.ClientResponse) -> AsyncGenerator[object, None]:
    """Decoded chunks until the server says that it is done; the rest is read so that the
    connection can be used again."""
    decoder = EventDecoder()
    is_done = False
    while received := await _receive(response):
        for event in decoder.feed(received):
            is_done = is_done or event.data.strip() == DONE
            if is_done:
                continue
            data = json.loads(event.data)  # orjson refuses a character cut in half
            if event.type == "error" or (isinstance(data, dict) and data.get("error")):
                raise RefusedError(judge_stream_error(data))
            yield data


@contextlib.asynccontextmanager
async def open_engine(
    name: str, settings: Settings, services: "Services"
) -> AsyncIterator[RemoteLanguageModel]:
    """Open the engine; no request is made before `warm`."""
    headers = {"Content-Type": "application/json", "Accept": "text/event-stream, application/json"}
    problem = None
    if settings.credential:
        if key := read_secret(settings.credential):
            headers["Authorization"] = f"Bearer {key}"
        else:
            problem = Failure(Category.AUTH, f"{settings.credential} is not set")
    timeout = aiohttp.ClientTimeout(total=None, connect=settings.connect_s)
    connector = aiohttp.TCPConnector(limit=MAX_CONNECTIONS, keepalive_timeout=KEEPALIVE_S)
    capabilities = replace(CAPABILITIES, languages=settings.languages)
    async with aiohttp.ClientSession(
        connector=connector, timeout=timeout, headers=headers
    ) as session:
        provider = OpenAIProvider(session, settings)
        engine = RemoteLanguageModel(
            name, settings.model, capabilities, settings, provider, problem
        )
        async with serving(engine):
            yield engine
