"""A request of the language model while it is computed. Worker side; used by `llama_batch`."""

import codecs
from dataclasses import dataclass, field

from voxd.engines.local.llama_request import Finished, Request
from voxd.engines.local.llama_sampler import CallSampler, Sampler
from voxd.engines.local.llama_sequences import Held
from voxd.engines.local.prompt_fit import Prompt
from voxd.engines.local.reply_end import ReplyEnd
from voxd.engines.local.step_plan import Work


@dataclass(slots=True, eq=False)
class Job:
    """A request that is being computed."""

    request: Request
    prompt: Prompt
    held: Held
    cached_tokens: int
    pending: list[int]
    """Tokens to compute next: the rest of the prompt, then one token at a time."""
    sampler: Sampler | CallSampler | None
    end: ReplyEnd
    is_writing: bool = False
    completion_tokens: int = 0
    characters: codecs.IncrementalDecoder = field(
        default_factory=lambda: codecs.getincrementaldecoder("utf-8")("replace")
    )

    def work(self) -> Work:
        """What it needs of the next step."""
        return Work(
            self.held.number,
            self.pending,
            len(self.held.tokens),
            is_writing=self.is_writing,
            samples_after=self.sampler is not None,
            urgency=self.request.urgency,
        )

    def finished(self, reason: str) -> Finished:
        """The answer that ends it."""
        return Finished(
            self.request.id,
            len(self.prompt.tokens),
            self.cached_tokens,
            self.completion_tokens,
            reason,
            self.prompt.dropped_messages,
        )
