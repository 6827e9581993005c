"""How much of a conversation a cold model is shown. Pure.

A local model reads a few hundred tokens in a second (measured: 270 tokens/s, SmolLM2-135M on one
thread), so one that must take over at once gets what fits into `LIMIT_TOKENS`: the system prompt,
the last exchange and what the caller said now, each cut where it is too long.

Tokens are estimated from characters, on the high side: asking the model's tokenizer would mean
asking the worker that is busy.
"""

import math
import re
from collections.abc import Sequence
from itertools import takewhile

from voxd.commands import Message
from voxd.engines.llm.plain import plain_messages

LIMIT_TOKENS = 150
"""About 0.55 s of reading."""
CHARACTERS_PER_TOKEN = 3.5
"""English text has 4.3 in SmolLM2's vocabulary, names fewer; each digit is a token."""
MESSAGE_TOKENS = 5
"""What a chat template adds to each message."""

_SENTENCE_END = re.compile(r"[.!?…][\"'”’)\]]*(?=\s|$)|\n")
_WORD = re.compile(r"\S+")


def estimate_tokens(messages: Sequence[Message]) -> int:
    """Tokens of a prompt, rather too many than too few."""
    return sum(_tokens(message.content) + MESSAGE_TOKENS for message in messages)


def choose_prompt(
    messages: tuple[Message, ...], read: Sequence[Message], limit: int = LIMIT_TOKENS
) -> tuple[Message, ...]:
    """The whole prompt, if the model has little left to read of it, else a compact one.

    Args:
        messages: the prompt; ends with what the caller said.
        read: what the model has in its memory of this call; as it came or as the model reads it.
        limit: tokens that it may have to read now.
    """
    unread = plain_messages(messages)[len(common_prefix(messages, read)) :]
    return messages if estimate_tokens(unread) <= limit else compact(messages, limit)


def common_prefix(one: Sequence[Message], other: Sequence[Message]) -> tuple[Message, ...]:
    """The messages that two prompts share from the beginning, as a local model reads them.

    It reads plain words: a call of a tool is the same under another id, and the model's own id is
    not the one under which the history files it.
    """
    shared: list[Message] = []
    for left, right in zip(plain_messages(one), plain_messages(other), strict=False):
        if left != right:
            break
        shared.append(left)
    return tuple(shared)


def compact(messages: Sequence[Message], limit: int = LIMIT_TOKENS) -> tuple[Message, ...]:
    """The system prompt and the last two turns, cut to about `limit` tokens.

    What the caller said now is the most important, to half of the room; then the system prompt,
    to two thirds of what remains. The exchange before gets the rest, its ends rather than its
    beginnings, or is left out. There are no tools: to describe them takes more than the room.
    """
    system = [message for message in messages if message.role == "system"][:1]
    turns = plain_messages(message for message in messages if message.role != "system")
    *before, now = turns[-3:]
    if len(before) != 2 or before[0].role != "user":  # templates want roles to alternate
        before = []
    room = limit - MESSAGE_TOKENS * (len(system) + len(before) + 1)
    now = Message(now.role, _end(now.content, room // 2))
    room -= _tokens(now.content)
    share = room * 2 // 3 if before else room
    system = [Message("system", _beginning(message.content, share)) for message in system]
    room -= sum(_tokens(message.content) for message in system)
    exchange: list[Message] = []
    for message in reversed(before):
        part = _end(message.content, room if exchange else room * 2 // 3)
        room -= _tokens(part)
        exchange.insert(0, Message(message.role, part))
    if not all(message.content for message in exchange):
        exchange = []
    return (*system, *exchange, now)


def _tokens(text: str) -> int:
    digits = sum(character.isdigit() for character in text)
    return digits + math.ceil((len(text) - digits) / CHARACTERS_PER_TOKEN)


def _beginning(text: str, tokens: int) -> str:
    """As many whole sentences from the beginning as fit, or else words."""
    if _tokens(text) <= tokens:
        return text
    sentences = (match.end() for match in _SENTENCE_END.finditer(text))
    words = (match.end() for match in _WORD.finditer(text))
    for ends in (sentences, words):
        # A longer beginning has no fewer tokens.
        fitting = list(takewhile(lambda end: _tokens(text[:end]) <= tokens, ends))
        if fitting:
            return text[: fitting[-1]]
    return ""


def _end(text: str, tokens: int) -> str:
    """The last words that fit."""
    if _tokens(text) <= tokens:
        return text
    starts = [match.start() for match in _WORD.finditer(text)]
    fitting = list(takewhile(lambda start: _tokens(text[start:]) <= tokens, reversed(starts)))
    return text[fitting[-1] :] if fitting else ""
