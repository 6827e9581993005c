"""Messages to the text of a prompt: the model's chat template. Used by `llama_batch`.

Pure but for jinja2 (sandboxed).

Rendering is append-only wherever the template is: each message adds text at the end and changes
nothing before it, so that the tokens of one turn are a prefix of the next turn's and stay in the
KV cache. What the model wrote may be cut into tokens differently when it comes back as text; that
only makes the shared prefix shorter, because prefixes are compared token by token.
"""

import re
from collections.abc import Iterable, Sequence
from typing import Any

import jinja2
from llama_cpp.llama_chat_format import Jinja2ChatFormatter

from voxd.commands import Message
from voxd.errors import ModelError, VoxdError

_TEMPLATE_ERRORS = (
    jinja2.TemplateError,
    ValueError,
    TypeError,
    LookupError,
    ArithmeticError,
    AttributeError,
    RecursionError,
)
"""What code inside a template may raise; `ValueError` is its own `raise_exception`."""


class PromptError(VoxdError):
    """These messages can never be a prompt; says why without quoting them."""


class ChatTemplate:
    """A GGUF's chat template, made safe for what people say."""

    def __init__(
        self, template: str, *, bos: str = "", eos: str = "", controls: Iterable[str] = ()
    ) -> None:
        """
        Args:
            template: jinja2 source.
            bos, eos: spelling of those tokens; the template may use them.
            controls: spellings of all control tokens. They are taken out of messages, so that
                a caller who says or sends one cannot end the turn or play the system.

        Raises:
            ModelError: the template is broken.
        """
        try:
            self._open = Jinja2ChatFormatter(template, eos, bos, add_generation_prompt=True)
            self._closed = Jinja2ChatFormatter(template, eos, bos, add_generation_prompt=False)
        except jinja2.TemplateError as error:
            raise ModelError("the chat template cannot be read") from error
        spellings = sorted(filter(None, controls), key=len, reverse=True)
        self._controls = re.compile("|".join(map(re.escape, spellings))) if spellings else None
        self._alternates = False
        try:
            self.render(_PROBE, awaits_reply=True)
        except PromptError:
            self._alternates = True

    def render(self, messages: Sequence[Message], *, awaits_reply: bool) -> str:
        """The prompt's text.

        Args:
            awaits_reply: end with what opens the assistant's turn.

        Raises:
            PromptError: the template refuses these messages.
        """
        chosen = _alternating(messages) if self._alternates else messages
        plain: Any = [{"role": m.role, "content": self._clean(m.content)} for m in chosen]
        formatter = self._open if awaits_reply else self._closed
        try:
            # Models that can think aloud are asked not to: the caller waits.
            return str(formatter(messages=plain, enable_thinking=False).prompt)
        except _TEMPLATE_ERRORS as error:
            raise PromptError("the chat template refuses these messages") from error

    def _clean(self, content: str) -> str:
        return self._controls.sub(" ", content) if self._controls else content


_PROBE = (
    Message("system", "a"),
    Message("assistant", "b"),
    Message("user", "c"),
    Message("user", "d"),
)
"""The shapes that calls have: a system prompt, a greeting first, two turns of the caller in a row
after an interruption. Some templates refuse one of them."""


def _alternating(messages: Sequence[Message]) -> list[Message]:
    """The same words for templates that know only user, assistant, user …: the system prompt and
    the greeting go into the first user message, neighbours of one role are joined."""
    merged: list[Message] = []
    is_opening = True
    for message in messages:
        is_opening = is_opening and message.role != "user"
        role = "user" if is_opening or message.role == "system" else message.role
        if merged and merged[-1].role == role:
            merged[-1] = Message(role, f"{merged[-1].content}\n\n{message.content}")
        else:
            merged.append(Message(role, message.content))
    return merged
