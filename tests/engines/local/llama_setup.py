"""The shipped language model for tests: options, a request, and running it to its end."""

import itertools
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from voxd.commands import Message
from voxd.engines.local.llama_batch import LlamaBatch
from voxd.engines.local.llama_request import Answer, Failed, Finished, Request, Started, Text

MODEL = Path(__file__).parents[3] / "models/llm/SmolLM2-135M-Instruct.Q4_1.gguf"
SYSTEM = Message(
    "system",
    "You are the friendly receptionist of a small business and you speak on the telephone. "
    "Answer in one or two short sentences of plain spoken English.",
)
GREETING = Message("assistant", "Hello! Thank you for calling. How can I help you today?")
IDS = itertools.count(1)


def options(**changes: Any) -> dict[str, Any]:
    """What the engine gives `LlamaWorker.load`."""
    return {
        "model": str(MODEL),
        "n_gpu_layers": 0,
        "threads": 1,
        "idle_threads": 1,
        "cores": 1,
        "sequences": 4,
        "context_tokens": 512,
        "context_overflow": "drop_oldest",
        "prefill_chunk_tokens": 64,
        "stop": [],
        **changes,
    }


def ask(text: str, *before: Message) -> tuple[Message, ...]:
    """A conversation that ends with the caller saying this."""
    return (SYSTEM, GREETING, *before, Message("user", text))


def request(
    call_id: str,
    messages: Sequence[Message],
    max_tokens: int = 24,
    *,
    temperature: float = 0.0,
    priority: int = 0,
    seed: int = 1,
) -> Request:
    number = next(IDS)
    urgency = (float(priority), 0.0, float(number))
    return Request(number, call_id, tuple(messages), max_tokens, temperature, urgency, seed)


@dataclass
class Answers:
    """What came back, by request."""

    texts: dict[int, str] = field(default_factory=dict)
    finished: dict[int, Finished] = field(default_factory=dict)
    failed: dict[int, Failed] = field(default_factory=dict)
    started: list[int] = field(default_factory=list)

    def add(self, answers: Sequence[Answer]) -> None:
        for answer in answers:
            match answer:
                case Text(id, text):
                    self.texts[id] = self.texts.get(id, "") + text
                case Started(id):
                    self.started.append(id)
                case Finished():
                    assert answer.id not in self.finished and answer.id not in self.failed
                    self.finished[answer.id] = answer
                case Failed():
                    assert answer.id not in self.finished and answer.id not in self.failed
                    self.failed[answer.id] = answer


def run(
    batch: LlamaBatch, *requests: Request, until: Callable[[Answers], bool] | None = None
) -> Answers:
    """Submit requests and step until all is answered (or `until` says so)."""
    answers = Answers()
    for item in requests:
        answers.add(batch.submit(item))
    while batch.has_work and not (until is not None and until(answers)):
        answers.add(batch.step())
    return answers
