"""A reply that begins as a call can only end as a whole one."""

import json
from collections.abc import Iterator
from dataclasses import replace

import pytest

from tests.engines.local.llama_setup import Answers, options, request, run
from voxd.commands import Message, ToolSpec
from voxd.engines.llm.plain import call_schema, decode_call, plain_messages
from voxd.engines.local import llama_grammar
from voxd.engines.local.llama_batch import LlamaBatch
from voxd.engines.local.llama_grammar import CALL_BEGINS, call_grammar
from voxd.engines.local.llama_worker import open_batch
from voxd.schema import find_fault

SCHEMA = {
    "type": "object",
    "properties": {
        "people": {"type": "integer", "minimum": 1},
        "day": {"enum": ["today", "tomorrow"]},
    },
    "required": ["people", "day"],
    "additionalProperties": False,
}
BOOK = ToolSpec("book", "Books a table.", json.dumps(SCHEMA))
END = ToolSpec("end_call", "Hangs up.", '{"type": "object", "properties": {}}')
GOODBYES = tuple(
    message
    for word in ("Bye.", "Goodbye.", "See you.")
    for message in (
        Message("user", word),
        Message("assistant", '{"tool": "book", "arguments": {"people": 2, "day": "today"}}'),
    )
)
"""A small model that has seen this writes it again."""


def test_every_tool_is_in_the_grammar() -> None:
    grammar = call_grammar(call_schema((BOOK, END)))
    assert grammar.count("root ::=") == 1
    for word in ("book", "end_call", "people", "tomorrow"):
        assert word in grammar


def test_what_cannot_be_a_grammar_is_none(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(schema: str) -> str:
        raise NotImplementedError

    monkeypatch.setattr(llama_grammar, "json_schema_to_gbnf", refuse)
    assert call_grammar('{"unknown": true}') == ""


@pytest.fixture(scope="module")
def batch() -> Iterator[LlamaBatch]:
    loaded = open_batch(options(context_tokens=1024))
    yield loaded
    loaded.release("a")


def ask(batch: LlamaBatch, *messages: Message, max_tokens: int = 60) -> tuple[str, Answers]:
    system = Message("system", "Answer as before.", tools=(BOOK, END))
    item = request("a", plain_messages([system, *messages]), max_tokens)
    item = replace(item, call_grammar=call_grammar(call_schema((BOOK, END))))
    answers = run(batch, item)
    return answers.texts[item.id], answers


@pytest.mark.weights
def test_a_reply_that_begins_as_a_call_is_one_that_can_be_done(batch: LlamaBatch) -> None:
    text, answers = ask(batch, *GOODBYES, Message("user", "Bye bye."))
    assert text.startswith(CALL_BEGINS)
    call = decode_call(text)
    assert call.name in ("book", "end_call")
    if call.name == "book":
        assert find_fault(json.loads(call.arguments), SCHEMA) == ""
    (finished,) = answers.finished.values()
    assert finished.finish_reason == "stop" and finished.completion_tokens > 5


@pytest.mark.weights
def test_words_are_written_as_without_tools(batch: LlamaBatch) -> None:
    text, _ = ask(batch, Message("user", "What is the capital of France?"), max_tokens=12)
    assert text and not text.lstrip().startswith("{")


@pytest.mark.weights
def test_a_vocabulary_that_cannot_begin_a_call_writes_without_a_grammar(batch: LlamaBatch) -> None:
    context = batch._context
    grammar = call_grammar(call_schema((END,)))
    begun = context.new_call_sampler(grammar, CALL_BEGINS)
    assert begun is not None
    begun[0].close()
    begun[0].close()
    assert context.new_call_sampler("this is no grammar", CALL_BEGINS) is None
