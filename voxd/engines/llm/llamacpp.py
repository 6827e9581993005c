"""llama.cpp as a `LanguageModel`: the engine's side in the daemon. The model is in a worker.

Every call has a sequence in the worker's KV cache from its first request to `release`. After a
restart of the worker those are empty. What they held is then read again while nobody waits; a
request that comes sooner reads its whole prompt itself: slower once, never wrong.
"""

import asyncio
import contextlib
from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Literal, Self

from pydantic import Field

from voxd.commands import Message
from voxd.config import Local, Table
from voxd.contracts import (
    PROBE_CALL_ID,
    Capabilities,
    EngineStatus,
    Piece,
    Priority,
    ReplyRequest,
    Urgency,
    Usage,
)
from voxd.engines.llm.plain import PlainReply, call_schema, head_length, plain_messages
from voxd.engines.llm.reread import Reread
from voxd.engines.local.job import Job
from voxd.engines.local.protocol import MessageType
from voxd.errors import Category, EngineError, Phase
from voxd.events import Kind, ToolCall

if TYPE_CHECKING:
    from voxd.engines.local.compute import WorkerHandle
    from voxd.engines.registry import Services

CALLS_PER_CORE = 2
"""What one core carries, all three models together: at three, replies begin to have holes
(`scripts/bench calls`)."""
MOST_SEQUENCES = 64
REQUESTS_PER_CALL = 2
"""A reply being written and a `prepare` that waits for it."""
READ_LIMIT_S = 30.0
"""Computing a prompt longer than this means that the worker hangs (2,048 tokens take 12 s on one
thread of a small machine, several calls at once share it)."""
TOKEN_LIMIT_S = 0.5
"""The same for each token of a reply (6 calls at once: about 0.1 s)."""

CAPABILITIES = Capabilities(
    kind=Kind.LLM,
    is_local=True,
    languages=("en",),
    expected_latency_s=0.2,
)


class Settings(Table):
    """`[engines.llamacpp]`."""

    model: str = Field("models/llm/SmolLM2-135M-Instruct.Q4_1.gguf", min_length=1)
    """A GGUF file with a chat template in it."""
    languages: tuple[str, ...] = ("en",)
    """BCP-47 primary subtags the model writes well; empty: any."""
    n_gpu_layers: int = Field(0, ge=-1)
    """Layers on a GPU; -1 for all."""
    threads: int = Field(1, ge=1, le=256)
    """Processor threads."""
    idle_threads: int = Field(2, ge=1, le=256)
    """Threads for what a caller waits for, the prompt and the first words of a reply, while so many
    cores have nothing else to do."""
    sequences: int = Field(0, ge=0, le=MOST_SEQUENCES)
    """Calls that can hold a conversation in memory at once; 0: two per core of `[local]`. Each
    takes `context_tokens` cells of the KV cache (shipped model: 23 KB a cell, 47 MB a call)."""
    context_tokens: int = Field(2048, ge=256, le=131_072)
    """Most tokens of a call: prompt, history and reply."""
    context_overflow: Literal["drop_oldest", "fail"] = "drop_oldest"
    """What happens when they do not suffice: leave out the oldest messages, or fail."""
    stop: tuple[str, ...] = ("\n\n",)
    """Texts that end a reply once it has a whole sentence; small models go on after a blank line
    with a letter's ending or another speaker's words."""
    prefill_chunk_tokens: int = Field(64, ge=1, le=2048)
    """Most prompt tokens between two decoding steps; fewer on a slow machine, so that a step
    stays near 0.1 s."""

    def completed(self, local: Local) -> Self:
        """With the number of sequences that 0 stands for."""
        sequences = self.sequences or min(CALLS_PER_CORE * local.core_count(), MOST_SEQUENCES)
        return self.model_copy(update={"sequences": sequences})


class LlamaCppLanguageModel:
    """`contracts.LanguageModel` on a worker."""

    def __init__(self, name: str, settings: Settings, handle: "WorkerHandle") -> None:
        self._name = name
        self._capabilities = replace(CAPABILITIES, languages=settings.languages)
        self._sequences = settings.sequences
        self._handle = handle
        self._jobs: dict[str, set[Job]] = {}
        """Every call that may own a sequence, with its unanswered requests."""
        self._reread = Reread(self.prepare, self.release, lambda call_id: call_id in self._jobs)
        handle.on_restart(self._begin_anew)

    @property
    def name(self) -> str:
        return self._name

    @property
    def capabilities(self) -> Capabilities:
        return self._capabilities

    def status(self) -> EngineStatus:
        """The worker's state and how many calls hold a sequence."""
        status = self._handle.status()
        detail = {
            **status.detail,
            "sequences_in_use": min(len(self._jobs), self._sequences),
            "sequences": self._sequences,
        }
        return replace(status, detail=detail)

    async def warm(self) -> None:
        """Return once the model is loaded."""
        await self._handle.ready()

    async def probe(self) -> float:
        """Write one token, in a sequence of its own.

        Raises:
            EngineError: (overloaded) that sequence might be wanted by a caller; no work was done.
        """
        if len(self._jobs) + 1 >= self._sequences:
            message = "no sequence to spare for a probe"
            raise EngineError(self._name, Category.OVERLOADED, Phase.CONNECT, message)
        begun_at = asyncio.get_running_loop().time()
        request = ReplyRequest(
            PROBE_CALL_ID, 0, (Message("user", "Hi"),), 1, 0.0, Urgency(Priority.PROBE)
        )
        try:
            async with contextlib.aclosing(self.stream_reply(request)) as reply:
                await anext(reply)
            return asyncio.get_running_loop().time() - begun_at
        finally:
            await self.release(PROBE_CALL_ID)

    async def stream_reply(self, request: ReplyRequest) -> AsyncGenerator[Piece, None]:
        """See `contracts.LanguageModel`. `Usage.finish_reason` is `stop` or `length`."""
        self._reread.remember(request.call_id, request.messages, request.priority)
        params = {
            **_plain(request.messages),
            "max_tokens": request.max_tokens,
            "temperature": request.temperature,
        }
        if request.tools:
            params["call_schema"] = call_schema(request.tools)
        plain = PlainReply()
        limit_s = READ_LIMIT_S + TOKEN_LIMIT_S * request.max_tokens
        async with self._job("generate", request.call_id, params, request.urgency, limit_s) as job:
            async for frame in job:
                data: dict[str, Any] = frame.fields["data"]
                if frame.type is MessageType.PARTIAL:
                    yield plain.feed(data["text"]) if request.tools else data["text"]
                else:
                    if (call := self._read_call(job, plain)) is not None:
                        yield call
                    yield Usage(
                        prompt_tokens=data["prompt_tokens"],
                        cached_tokens=data["cached_tokens"],
                        completion_tokens=data["completion_tokens"],
                        finish_reason=data["finish_reason"],
                    )
                    return
            # Only `release` ends a job without an answer: its call is over.
            raise job.error(Category.TIMEOUT, Phase.STREAM, "the call was released")

    def _read_call(self, job: Job, reply: PlainReply) -> ToolCall | None:
        try:
            return reply.finish()
        except ValueError as error:
            message = "half a call of a tool"
            raise job.error(Category.SERVER, Phase.FIRST_RESULT, message) from error

    async def prepare(self, call_id: str, messages: Sequence[Message], priority: Priority) -> None:
        """Read a prompt into the call's sequence; done as well when a reply overtakes it."""
        self._reread.remember(call_id, messages, priority)
        params = _plain(messages)
        urgency = Urgency(priority)
        async with self._job("prepare", call_id, params, urgency, 2 * READ_LIMIT_S) as job:
            await job.result()

    async def release(self, call_id: str) -> None:
        """Free the call's sequence and stop what it still computes."""
        self._reread.forget(call_id)
        for job in self._jobs.pop(call_id, set()):
            job.cancel()
        self._handle.notify("release", {"call_id": call_id})

    @contextlib.asynccontextmanager
    async def _job(
        self, op: str, call_id: str, params: dict[str, Any], urgency: Urgency, limit_s: float
    ) -> AsyncIterator[Job]:
        job = self._handle.submit(
            op,
            {"call_id": call_id, **params},
            call_id=call_id,
            priority=urgency.priority,
            deadline=asyncio.get_running_loop().time(),
            limit_s=limit_s,
        )
        jobs = self._jobs.setdefault(call_id, set())
        jobs.add(job)
        try:
            with urgency.followed_by(job.promote):
                yield job
        finally:
            job.cancel()
            jobs.discard(job)

    async def close(self) -> None:
        """Stop what runs by itself."""
        await self._reread.close()

    def _begin_anew(self) -> None:
        """The worker is a new process: only requests that run again own sequences for now."""
        self._jobs = {call_id: jobs for call_id, jobs in self._jobs.items() if jobs}
        self._reread.begin()


def _plain(messages: Sequence[Message]) -> dict[str, Any]:
    """The fields of a request that carry its prompt."""
    plain = [{"role": it.role, "content": it.content} for it in plain_messages(messages)]
    return {"messages": plain, "head": head_length(messages)}


@contextlib.asynccontextmanager
async def open_engine(
    name: str, settings: Settings, services: "Services"
) -> AsyncIterator[LlamaCppLanguageModel]:
    """Start the worker; `warm` waits for it."""
    options = settings.model_dump(mode="json", exclude={"languages"})
    options["model"] = str(services.config.resolve(settings.model))
    handle = services.compute.add_worker(
        "llm",
        name,
        options,
        threads=settings.threads,
        capacity=REQUESTS_PER_CALL * settings.sequences,
    )
    engine = LlamaCppLanguageModel(name, settings, handle)
    try:
        yield engine
    finally:
        await engine.close()
