"""llama.cpp in its worker process: frames in, steps, frames out. Blocking; run by `worker`.

While there is work the inbox is polled between two steps and never waited for, so that a cancel
or a new request takes effect within one step; without work the loop sleeps in the inbox.

Operations::

    request generate  {call_id, messages: [{role, content}], head?, max_tokens, temperature,
                       call_schema?}
                      -> partial {text} …, done {prompt_tokens, cached_tokens, completion_tokens,
                         finish_reason, dropped_messages}
    request prepare   {call_id, messages, head?} -> done, as above
    notify  release   {call_id}
    notify  promote   {id, priority}
"""

import math
import random
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from voxd.commands import Message
from voxd.contracts import Priority
from voxd.engines.local.idle_cores import count_idle_cores
from voxd.engines.local.llama_batch import LlamaBatch
from voxd.engines.local.llama_context import LlamaContext
from voxd.engines.local.llama_grammar import call_grammar
from voxd.engines.local.llama_request import Answer, Failed, Request, Started, Text
from voxd.engines.local.llama_sequences import SequencePool
from voxd.engines.local.prompt import ChatTemplate
from voxd.engines.local.protocol import PROMOTE, Frame, MessageType
from voxd.engines.local.serving import Inbox, Send, done, failed, failed_by, partial, started
from voxd.engines.local.step_plan import Pace, choose_threads
from voxd.errors import Category

GENERATE = "generate"
PREPARE = "prepare"
RELEASE = "release"

SHELF_SEQUENCES = 4
"""System prompts kept after their calls: one per agent, and few agents share a machine."""


class LlamaWorker:
    """A `serving.Worker` with one model and many calls."""

    def __init__(self) -> None:
        self._batch: LlamaBatch | None = None

    def load(self, options: Mapping[str, Any]) -> dict[str, Any]:
        """Load and warm the model.

        Args:
            options: the keys of `[engines.llamacpp]`, `model` as an absolute path.

        Raises:
            ModelError: the weights cannot be used.
        """
        self._batch = open_batch(options)
        return {
            "model": Path(options["model"]).name,
            "sequences": options["sequences"],
            "context_tokens": options["context_tokens"],
        }

    def serve(self, inbox: Inbox, send: Send) -> None:
        """Answer frames until the inbox closes."""
        batch = self._batch
        if batch is None:
            raise RuntimeError("load comes first")
        while True:
            frame = inbox.poll() if batch.has_work else inbox.get()
            while frame is not None:
                for answer in receive(batch, frame):
                    send(encode_answer(answer) if not isinstance(answer, Frame) else answer)
                frame = inbox.poll()
            for answer in batch.step():
                send(encode_answer(answer))


def open_batch(options: Mapping[str, Any]) -> LlamaBatch:
    """The model of these options, warm. Raises ModelError."""
    sequences, context_tokens = options["sequences"], options["context_tokens"]
    chunk_tokens = options["prefill_chunk_tokens"]
    context = LlamaContext(
        Path(options["model"]),
        context_tokens=context_tokens,
        # Every call can fill its share, and so can the shelf: cells never run out.
        n_ctx=(sequences + 1) * context_tokens,
        n_seq_max=sequences + SHELF_SEQUENCES,
        n_batch=sequences + chunk_tokens,
        threads=options["threads"],
        gpu_layers=options["n_gpu_layers"],
    )
    template = ChatTemplate(
        context.chat_template,
        bos=context.bos_text,
        eos=context.eos_text,
        controls=context.control_texts(),
    )
    pool = SequencePool(
        context, calls=sequences, shelf=SHELF_SEQUENCES, shelf_tokens=context_tokens
    )
    least = options["threads"]
    most, cores = min(options["idle_threads"], options["cores"]), options["cores"]

    def find_threads(is_waited_for: bool) -> int:
        return choose_threads(
            least, most, lambda: count_idle_cores(cores), is_waited_for=is_waited_for
        )

    batch = LlamaBatch(
        context,
        template,
        pool,
        Pace(chunk_tokens),
        context_tokens=context_tokens,
        may_drop=options["context_overflow"] == "drop_oldest",
        find_threads=find_threads,
        stops=options["stop"],
    )
    batch.warm()
    return batch


def decode_request(frame: Frame) -> Request:
    """The request in a frame.

    Raises:
        ValueError, KeyError, TypeError: it is none.
    """
    op, params = frame.fields["op"], frame.fields["params"]
    if op not in (GENERATE, PREPARE):
        raise ValueError("no such operation")
    call_id = params["call_id"]
    messages = tuple(Message(item["role"], item["content"]) for item in params["messages"])
    if not isinstance(call_id, str) or not call_id or not messages:
        raise ValueError("a request needs a call and messages")
    max_tokens = int(params["max_tokens"]) if op == GENERATE else 0
    if op == GENERATE and max_tokens < 1:
        raise ValueError("max_tokens must be positive")
    priority = float(frame.fields.get("priority", Priority.COMMITTED))
    deadline = float(frame.fields.get("deadline", math.inf))
    return Request(
        id=frame.id,
        call_id=call_id,
        messages=messages,
        max_tokens=max_tokens,
        temperature=float(params.get("temperature", 0.0)),
        urgency=(priority, deadline, frame.id),
        seed=random.getrandbits(32),
        call_grammar=call_grammar(str(params["call_schema"])) if "call_schema" in params else "",
        head=int(params.get("head", 1)),
    )


def encode_answer(answer: Answer) -> Frame:
    """The frame that carries an answer."""
    if isinstance(answer, Started):
        return started(answer.id)
    if isinstance(answer, Text):
        return partial(answer.id, {"text": answer.text})
    if isinstance(answer, Failed):
        return failed(answer.id, answer.category, answer.message)
    data = asdict(answer)
    del data["id"]
    return done(answer.id, data)


def receive(batch: LlamaBatch, frame: Frame) -> Sequence[Answer | Frame]:
    """Take a frame of the daemon's; what is to be answered at once."""
    if frame.type is MessageType.CANCEL:
        return batch.cancel(frame.id)
    if frame.type is MessageType.NOTIFY:
        return _take_notice(batch, frame.fields.get("op"), frame.fields.get("params", {}))
    if frame.type is not MessageType.REQUEST:
        return []
    try:
        request = decode_request(frame)
    except (ValueError, KeyError, TypeError):
        return [Failed(frame.id, Category.BAD_REQUEST, "the request cannot be read")]
    try:
        return batch.submit(request)
    except Exception as error:  # the named border: a worker's request
        return [failed_by(frame.id, error)]


def _take_notice(batch: LlamaBatch, op: object, params: Mapping[str, Any]) -> Sequence[Answer]:
    if op == RELEASE:
        return batch.release(str(params.get("call_id", "")))
    if op == PROMOTE:
        batch.promote(int(params["id"]), float(params["priority"]))
    return []
