"""Messages to prompt tokens: the model's chat template, and what happens when they do not fit.

Pure but for jinja2 (sandboxed): no model; the tokenizer comes as a parameter. Used by
`llama_batch`.

Rendering is append-only wherever the template is: each message adds text at the end and changes
nothing before it, so that the tokens of one turn are a prefix of the next turn's and stay in the
KV cache. What the model wrote may be cut into tokens differently when it comes back as text; that
only makes the shared prefix shorter, because prefixes are compared token by token.
"""

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import jinja2
from llama_cpp.llama_chat_format import Jinja2ChatFormatter

from voxd.commands import Message
from voxd.errors import ModelError, VoxdError

DROP_BLOCK = 8
"""Messages that go together when a prompt overflows. Dropping the fewest possible would drop a
pair in every later turn, and each time all that follows must be read again (seconds); the
conversation's own limit, `[history] drop_messages`, is 8 for the same reason."""


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


@dataclass(frozen=True, slots=True)
class Prompt:
    """What the model reads."""

    tokens: list[int]
    dropped_messages: int
    """How many of the oldest messages did not fit."""


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


def fit_prompt(
    messages: Sequence[Message],
    tokenize: Callable[[Sequence[Message]], list[int]],
    room: int,
    *,
    may_drop: bool,
    head: int = 1,
    ahead: int | None = None,
) -> Prompt:
    """The prompt's tokens, without the oldest messages when they do not fit.

    The system prompt, the examples behind it and the last message always stay. What goes are whole
    exchanges, so that what is left begins with the caller, `DROP_BLOCK` messages at a time while
    there are enough.

    What is read ahead of the caller's next words must leave out what the prompt with these words
    does, or all of it is read again while the caller waits. So both go by what is known before
    them: by `ahead`, in which the words and the reply have room.

    Args:
        tokenize: renders messages and cuts them into tokens.
        room: most tokens.
        may_drop: False: a prompt that does not fit is an error.
        head: messages from the system prompt to the last example; 1: no examples.
        ahead: most tokens without the caller's last words, as long as leaving out older messages
            gets there; None: any number.

    Raises:
        PromptError: it does not fit.
    """
    tokens = tokenize(messages)
    fitting = Prompt(tokens, 0) if len(tokens) <= room else None
    if fitting and (not may_drop or _is_within(ahead, messages, tokens, tokenize)):
        return fitting
    if not may_drop:
        raise PromptError(f"the prompt has {len(tokens)} tokens, there is room for {room}")
    if not messages or messages[0].role != "system":
        head = 0
    cuts = [i for i in range(head + 1, len(messages)) if messages[i].role == "user"]
    if messages and len(messages) - 1 > head and len(messages) - 1 not in cuts:
        cuts.append(len(messages) - 1)
    last = max(cuts, default=head)
    blocks = [
        next(cut for cut in cuts if cut >= start)
        for start in range(head + DROP_BLOCK, last + 1, DROP_BLOCK)
    ]
    for cut in [*blocks, *cuts]:
        kept = [*messages[:head], *messages[cut:]]
        tokens = tokenize(kept)
        if len(tokens) > room:
            continue
        prompt = Prompt(tokens, cut - head)
        if _is_within(ahead, kept, tokens, tokenize):
            return prompt
        fitting = fitting or prompt
    if fitting:
        return fitting
    raise PromptError(f"the shortest prompt has {len(tokens)} tokens, there is room for {room}")


def _is_within(
    limit: int | None,
    messages: Sequence[Message],
    tokens: list[int],
    tokenize: Callable[[Sequence[Message]], list[int]],
) -> bool:
    """Whether these messages (`tokens` in all) are within it without the caller's last words."""
    if limit is None or len(tokens) <= limit:
        return True
    before = messages[:-1] if messages[-1].role == "user" else messages
    return not before or len(tokenize(before)) <= limit
