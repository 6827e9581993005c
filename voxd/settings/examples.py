"""An agent's `examples`: how a small model is shown what it is to do. Pure.

A model that has not learned to call tools does it when it has seen it done. Only models on this
machine get examples, as turns before the conversation (`voxd.engines.llm.plain`).
"""

import json
from collections.abc import Iterable
from typing import Annotated, Any, Self

from pydantic import Field, model_validator

from voxd.settings.table import Table
from voxd.settings.values import ToolName

MAX_EXAMPLES = 16
MAX_EXAMPLES_CHARS = 2500
"""Of an agent's examples together, arguments as JSON: about 700 tokens, in a context of 2,048."""

Spoken = Annotated[str, Field(max_length=500, pattern=r"^[^{}]*$")]
"""Words of the agent: a brace would begin a call."""


class Example(Table):
    """What a caller says and what the agent does: it replies, or calls a tool and then replies."""

    said: str = Field(min_length=1, max_length=500)
    tool: ToolName | None = None
    arguments: dict[str, Any] = Field(default_factory=dict)
    """Of the tool."""
    answer: str = Field("", max_length=500)
    """What the tool answers; empty: the example ends with its call."""
    reply: Spoken = ""
    """What the agent says in the end."""

    @model_validator(mode="after")
    def _is_whole(self) -> Self:
        if not self.said.strip():
            raise ValueError("nothing is said")
        if self.tool is None:
            if self.arguments or self.answer:
                raise ValueError("arguments and an answer need a tool")
            if not self.reply.strip():
                raise ValueError("needs a reply or a tool")
        elif bool(self.reply.strip()) != bool(self.answer.strip()):
            raise ValueError("after a tool, a reply needs the tool's answer, and an answer a reply")
        try:
            json.dumps(self.arguments, allow_nan=False)
        except (TypeError, ValueError):  # TOML has dates and infinity
            raise ValueError("arguments hold what JSON has not") from None
        return self


def count_characters(examples: Iterable[Example]) -> int:
    """How much there is to read."""
    return sum(len(_written(example)) for example in examples)


def _written(example: Example) -> str:
    call = f"{example.tool}{json.dumps(example.arguments)}" if example.tool else ""
    return f"{example.said}{call}{example.answer}{example.reply}"
