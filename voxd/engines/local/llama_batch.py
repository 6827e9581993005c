"""Many calls' replies from one model, a step at a time. Worker side; synchronous, no socket.

Each call owns one sequence of the context and keeps it until `release`: what the sequence holds
is the call's conversation, so that a turn reads only what is new (see `llama_sequences`).

`llama_worker` calls `submit`, `cancel` and `release` as frames arrive and `step` while
`has_work`; each returns what is to be answered. A request is over when its `Finished` or
`Failed` was returned. Between two steps everything is consistent, whatever was cancelled.

A call has at most one request computing. A new reply takes the place of what its call computes:
the older attempt was dropped by the caller, whose cancel may still be on its way. A `prepare`
waits for the reply that is being written, and only the newest one is kept.
"""

import time
from collections.abc import Callable, Sequence
from dataclasses import replace

from voxd.commands import Message
from voxd.engines.local.llama_context import DecodeError, LlamaContext
from voxd.engines.local.llama_grammar import CALL_BEGINS
from voxd.engines.local.llama_job import Job
from voxd.engines.local.llama_request import (
    SUPERSEDED,
    Answer,
    Failed,
    Request,
    Started,
    Text,
    cancelled,
    superseded,
)
from voxd.engines.local.llama_sampler import CallSampler
from voxd.engines.local.llama_sequences import Held, SequencePool
from voxd.engines.local.prompt import ChatTemplate, PromptError
from voxd.engines.local.prompt_fit import Prompt, fit_prompt
from voxd.engines.local.reply_end import ReplyEnd
from voxd.engines.local.step_plan import BatchToken, Pace, common_prefix, is_waited_for, plan_step
from voxd.errors import Category, ModelError

CALLER_TOKENS, CALLER_SHARE = 128, 16
"""Kept free for the caller's next words when a prompt is read ahead: half a minute of speech, but
no more than this part of a context."""
WARM_TOKENS = 8
"""Enough to read every weight once; more would only cost time at the start."""


class LlamaBatch:
    """All replies being written, all prompts being read."""

    def __init__(
        self,
        context: LlamaContext,
        template: ChatTemplate,
        pool: SequencePool,
        pace: Pace,
        *,
        context_tokens: int,
        may_drop: bool,
        find_threads: Callable[[bool], int],
        stops: Sequence[str] = (),
        now: Callable[[], float] = time.perf_counter,
    ) -> None:
        """
        Args:
            pool: the sequences of `context`.
            context_tokens: most tokens of a call, prompt and reply. The context has so many
                cells for every call and for the shelf: it never runs out of them.
            may_drop: leave out the oldest messages of a prompt that does not fit.
            find_threads: with how many threads a step is computed now, by `is_waited_for`.
            stops: texts that end a reply (see `reply_end`).
            now: seconds; measures steps for the pace.
        """
        self._context = context
        self._template = template
        self._pool = pool
        self._pace = pace
        self._context_tokens = context_tokens
        self._may_drop = may_drop
        self._find_threads = find_threads
        self._stops = tuple(stops)
        self._now = now
        self._jobs: dict[str, Job] = {}
        self._waiting: dict[str, Request] = {}

    def warm(self) -> None:
        """Compute a few tokens for nothing: pages the weights in.

        How fast this machine is, the first prompt tells: the daemon has its system prompts read
        before it takes calls.

        Raises:
            ModelError: the model cannot compute.
        """
        try:
            tokens = [BatchToken(0, 0, place, False) for place in range(WARM_TOKENS)]
            self._context.decode(tokens, self._find_threads(False))
            self._pool.clear()
        except DecodeError as error:
            raise ModelError(str(error)) from error

    @property
    def has_work(self) -> bool:
        """Whether `step` would compute something."""
        return bool(self._jobs)

    @property
    def sequences_in_use(self) -> int:
        """Calls that own a sequence."""
        return self._pool.in_use

    # --- requests ---------------------------------------------------------------------------

    def submit(self, request: Request) -> list[Answer]:
        """Take a request on; the answer may be that it is refused."""
        held = self._pool.find(request.call_id) or self._pool.find_free()
        if held is None:
            return [Failed(request.id, Category.OVERLOADED, "every sequence is in use")]
        answers: list[Answer] = []
        older = self._waiting.pop(request.call_id, None)
        if older is not None:
            answers.append(superseded(older))
        job = self._jobs.get(request.call_id)
        if job is not None and job.request.writes and not request.writes:
            self._waiting[request.call_id] = request
            return answers
        if job is not None:
            was = job.request
            answers.append(cancelled(was) if was.writes else job.finished(SUPERSEDED))
            self._end(job)
        return answers + self._start(held, request)

    def cancel(self, request_id: int) -> list[Answer]:
        """Stop a request; what was computed of it stays useful. Nothing when it is over."""
        for request in list(self._waiting.values()):
            if request.id == request_id:
                del self._waiting[request.call_id]
                return [cancelled(request)]
        for job in list(self._jobs.values()):
            if job.request.id == request_id:
                return [cancelled(job.request), *self._end(job)]
        return []

    def promote(self, request_id: int, priority: float) -> None:
        """A request has become more urgent, from the next step on; harmless when it is over."""
        for job in self._jobs.values():
            if job.request.id == request_id:
                urgency = (priority, *job.request.urgency[1:])
                job.request = replace(job.request, urgency=urgency)

    def release(self, call_id: str) -> list[Answer]:
        """The call is over: free its sequence. Harmless when it has none."""
        held = self._pool.find(call_id) if call_id else None
        if held is None:
            return []
        waiting = self._waiting.pop(call_id, None)
        job = self._jobs.get(call_id)
        if job is not None:
            self._end(job)
        self._pool.release(held)
        requests = (waiting, job.request if job is not None else None)
        return [cancelled(request) for request in requests if request is not None]

    def _start(self, held: Held, request: Request) -> list[Answer]:
        try:
            prompt = self._read(request, held)
        except (PromptError, DecodeError) as error:
            return [Failed(request.id, Category.BAD_REQUEST, str(error))]
        held.call_id, held.cut_at = request.call_id, prompt.cut_at
        held.reply_tokens = request.max_tokens or held.reply_tokens
        # A reply needs the logits of the prompt's last token, so that one is always computed.
        cached = self._pool.reuse(held, prompt.tokens, spare=1 if request.writes else 0)
        sampler = None
        if request.writes:
            sampler = self._context.new_sampler(request.temperature, request.seed)
        end = ReplyEnd(self._stops)
        job = Job(request, prompt, held, cached, prompt.tokens[cached:], sampler, end)
        self._jobs[request.call_id] = job
        started = Started(request.id)
        return [started] if job.pending else [started, *self._finish(job, "prepared")]

    def _read(self, request: Request, held: Held) -> Prompt:
        def tokenize(messages: Sequence[Message]) -> list[int]:
            if request.writes:
                return self._tokenize(messages, awaits_reply=True)
            if messages[-1].role == "user":
                return self._tokenize(messages, awaits_reply=False)
            # Read ahead up to the caller's next word: whatever it is, this comes before it.
            turns = [[*messages, Message("user", word)] for word in ("a", "b")]
            left, right = (self._tokenize(turn, awaits_reply=False) for turn in turns)
            return left[: common_prefix(left, right)]

        room = self._context_tokens - request.max_tokens
        prompt = fit_prompt(
            request.messages,
            tokenize,
            room,
            may_drop=self._may_drop,
            head=request.head,
            spare=0 if request.writes else self._spare_tokens(held),
            held=held.tokens,
            cut_at=held.cut_at,
        )
        if not prompt.tokens:
            raise PromptError("the prompt is empty")
        return prompt

    def _spare_tokens(self, held: Held) -> int:
        """What the caller's next words and the reply to them will take: where they would not fit,
        older messages go now and not while the caller waits."""
        words = min(CALLER_TOKENS, self._context_tokens // CALLER_SHARE)
        return words + (held.reply_tokens or words)

    def _tokenize(self, messages: Sequence[Message], *, awaits_reply: bool) -> list[int]:
        text = self._template.render(messages, awaits_reply=awaits_reply)
        tokens = self._context.tokenize(text)
        # Some templates write the beginning-of-sequence token themselves, others leave it to us.
        if self._context.adds_bos and tokens[:1] != [self._context.bos]:
            tokens.insert(0, self._context.bos)
        return tokens

    # --- steps ------------------------------------------------------------------------------

    def step(self) -> list[Answer]:
        """Compute one batch and return what came of it."""
        batch = plan_step((job.work() for job in self._jobs.values()), self._pace.chunk_tokens)
        if not batch:
            return []
        written = (job.completion_tokens for job in self._jobs.values() if job.is_writing)
        threads = self._find_threads(is_waited_for(len(batch), written))
        began = self._now()
        try:
            self._context.decode(batch, threads)
        except DecodeError as error:
            return self._lose_everything(str(error))
        self._pace.measured(len(batch), (self._now() - began) * threads)
        jobs = {job.held.number: job for job in self._jobs.values()}
        # Sample first, decide afterwards: what a decision starts may change the KV cache.
        ready: list[tuple[Job, int]] = []
        for row, item in enumerate(batch):
            job = jobs[item.sequence]
            job.held.tokens.append(item.token)
            del job.pending[0]
            if item.wants_logits and job.sampler is not None:
                ready.append((job, self._context.sample(job.sampler, row)))
        answers: list[Answer] = []
        for job in jobs.values():
            if not job.pending and not job.is_writing:
                self._shelve(job)
                if job.sampler is None:
                    answers += self._finish(job, "prepared")
        for job, token in ready:
            answers += self._write(job, token)
        return answers

    def _write(self, job: Job, token: int) -> list[Answer]:
        """The model chose the reply's next token."""
        if self._context.is_end(token):
            return self._finish(job, "stop")
        piece = self._context.piece(token)
        has_begun_call = isinstance(job.sampler, CallSampler)
        if job.request.call_grammar and not has_begun_call and _begins_call(piece):
            call = self._context.new_call_sampler(job.request.call_grammar, CALL_BEGINS)
            if call is not None:
                return self._write_call(job, *call)
        job.is_writing = True
        job.completion_tokens += 1
        text = job.end.feed(job.characters.decode(piece))
        answers: list[Answer] = [Text(job.request.id, text)] if text else []
        if job.end.is_over:
            return answers + self._finish(job, "stop")
        if job.completion_tokens >= job.request.max_tokens:
            return answers + self._finish(job, "length")
        job.pending = [token]
        return answers

    def _write_call(self, job: Job, sampler: CallSampler, begun: list[int]) -> list[Answer]:
        """The reply goes on as a call of a tool: its beginning is given, the rest allowed or not.

        The tokens of the beginning are read like those of a prompt.
        """
        assert job.sampler is not None
        job.sampler.close()
        job.sampler = sampler
        before, job.end = job.end.finish(), ReplyEnd(())
        job.is_writing = False
        job.pending = begun
        job.completion_tokens += len(begun)
        return [Text(job.request.id, before + CALL_BEGINS)]

    def _finish(self, job: Job, reason: str) -> list[Answer]:
        rest = job.end.finish()
        text: list[Answer] = [Text(job.request.id, rest)] if rest else []
        return [*text, job.finished(reason), *self._end(job)]

    def _end(self, job: Job) -> list[Answer]:
        """Free what the job had, and begin the `prepare` that waited for it."""
        if job.sampler is not None:
            job.sampler.close()
        call_id = job.request.call_id
        del self._jobs[call_id]
        waiting = self._waiting.pop(call_id, None)
        return self._start(job.held, waiting) if waiting is not None else []

    def _shelve(self, job: Job) -> None:
        """Keep the system prompt and examples that were just read for the calls to come."""
        messages = job.request.messages
        if messages[0].role == "system" and not self._pool.is_shelved(job.held):
            head = self._tokenize(messages[: job.request.head], awaits_reply=False)
            self._pool.shelve(job.held, common_prefix(head, job.held.tokens))

    def _lose_everything(self, message: str) -> list[Answer]:
        """A batch failed and nobody knows what the cache holds: begin anew."""
        requests = [*self._waiting.values(), *(job.request for job in self._jobs.values())]
        self._waiting.clear()
        for job in list(self._jobs.values()):
            self._end(job)
        self._pool.clear()
        return [Failed(request.id, Category.SERVER, message) for request in requests]


def _begins_call(piece: bytes) -> bool:
    return piece.lstrip().startswith(CALL_BEGINS[:1].encode())
