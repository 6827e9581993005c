"""Tools in plain words: nothing of a conversation is lost, and a call is read as it was written."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from voxd.commands import Message, ToolSpec
from voxd.engines.llm.plain import (
    PlainReply,
    call_schema,
    decode_call,
    describe_tools,
    head_length,
    plain_messages,
)
from voxd.events import ToolCall

SCHEMA = {
    "type": "object",
    "properties": {"people": {"type": "integer"}, "day": {"type": "string"}},
    "required": ["people"],
}
BOOK = ToolSpec("book", "Books a table.", json.dumps(SCHEMA))
END = ToolSpec("end_call", "Hangs up.", '{"type": "object", "properties": {}}')
CALL = ToolCall("call_1", "book", '{"people": 2}')


def test_a_conversation_without_tools_stays_what_it_is() -> None:
    messages = (Message("system", "Be kind."), Message("user", "Hi."), Message("assistant", "Yes?"))
    assert plain_messages(messages) == messages


def test_tools_are_described_behind_the_prompt() -> None:
    (system,) = plain_messages([Message("system", "Be kind.", tools=(END, BOOK))])
    assert system.content.startswith("Be kind.\n\nYou can use tools.")
    assert '{"tool": "end_call", "arguments": {}}' in system.content
    assert "- book(people, day (optional)): Books a table." in system.content
    assert system.tools == ()
    assert describe_tools((END, BOOK)) in system.content


EXAMPLES = (
    Message("user", "For two."),
    Message("assistant", "", tool_calls=(CALL,)),
    Message("tool", "Number 7."),
    Message("assistant", "It is booked."),
)


@pytest.mark.parametrize("tools", [(BOOK,), ()], ids=["tools", "no tools"])
def test_examples_are_turns_before_the_conversation(tools: tuple[ToolSpec, ...]) -> None:
    messages = (
        Message("system", "Be kind.", tools=tools, examples=EXAMPLES),
        Message("user", "Hi."),
    )
    system, *turns, last = plain_messages(messages)
    assert system.content.startswith("Be kind.") and not system.examples
    assert [(turn.role, turn.content) for turn in turns] == [
        ("user", "For two."),
        ("assistant", '{"tool": "book", "arguments": {"people": 2}}'),
        ("user", "(The answer: Number 7.)"),
        ("assistant", "It is booked."),
    ]
    assert last == messages[1]
    assert head_length(messages) == len(plain_messages(messages)) - 1


def test_what_begins_every_prompt_is_counted() -> None:
    assert head_length(()) == head_length((Message("user", "Hi."),)) == 0
    assert head_length((Message("system", "Be kind."), Message("user", "Hi."))) == 1


def test_a_call_and_its_answer_alternate_as_templates_want_it() -> None:
    told = plain_messages(
        [
            Message("user", "A table for two."),
            Message("assistant", "Let me see.", tool_calls=(CALL, ToolCall("b", "end_call", "?"))),
            Message("tool", "Booked.", tool_call_id="call_1"),
            Message("tool", "Not done.", tool_call_id="b"),
            Message("assistant", "It is booked."),
        ]
    )
    assert [(message.role, message.content) for message in told] == [
        ("user", "A table for two."),
        (
            "assistant",
            'Let me see.\n{"tool": "book", "arguments": {"people": 2}}\n'
            '{"tool": "end_call", "arguments": {}}',
        ),
        ("user", "(The answer: Booked.) (The answer: Not done.)"),
        ("assistant", "It is booked."),
    ]


@given(st.dictionaries(st.text(), st.one_of(st.text(), st.integers(), st.booleans())))
def test_what_is_written_is_read_back(arguments: dict[str, object]) -> None:
    call = ToolCall("call_1", "book", json.dumps(arguments))
    (written,) = plain_messages([Message("assistant", "", tool_calls=(call,))])
    read = decode_call(written.content)
    assert (read.name, json.loads(read.arguments)) == ("book", arguments)


WRITTEN = 'Let me see.\n{"tool": "book", "arguments": {"people": 2}}\nBooked!'


@pytest.mark.parametrize("size", [1, 2, 5, 14, 100])
def test_words_are_shown_and_the_call_behind_them_is_kept(size: int) -> None:
    reply = PlainReply()
    shown = [reply.feed(WRITTEN[at : at + size]) for at in range(0, len(WRITTEN), size)]
    assert "".join(shown) == "Let me see.\n"
    assert reply.finish() == ToolCall("", "book", '{"people": 2}')


def test_half_a_call_is_left_out_behind_words_and_an_error_without() -> None:
    for words in ("Let me see. ", "  "):
        reply = PlainReply()
        assert reply.feed(words + '{"tool": "bo') == words
        if words.strip():
            assert reply.finish() is None
        else:
            with pytest.raises(ValueError):
                reply.finish()
    assert PlainReply().finish() is None


@pytest.mark.parametrize("text", ["", "Hello", "{", "[]", '{"tool": 3}', '{"name": "book"}'])
def test_what_is_no_call_is_told(text: str) -> None:
    with pytest.raises(ValueError):
        decode_call(text)


def test_the_grammar_is_made_of_every_tool() -> None:
    one, many = json.loads(call_schema((BOOK,))), json.loads(call_schema((BOOK, END)))
    assert one["properties"] == {"tool": {"const": "book"}, "arguments": SCHEMA}
    assert one in many["oneOf"] and len(many["oneOf"]) == 2
