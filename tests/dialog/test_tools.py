"""What a model is offered, and what is wrong with what it writes."""

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.dialog.playbook import TIER
from tests.dialog.tooled import AGENT, BOOK, DIGITS, END, TOOLS
from voxd.config import Config
from voxd.dialog.conversation import system_message
from voxd.dialog.tools import MAX_ARGUMENTS_CHARS, filed_call, judge_call, offered_tools
from voxd.events import ToolCall

CONFIG = Config(tiers={"free": TIER}, base_dir=Path(), agent=AGENT, tools=TOOLS)


def test_an_agent_is_offered_its_tools_and_no_others() -> None:
    assert [tool.name for tool in offered_tools(CONFIG)] == list(AGENT["tools"])
    assert system_message(CONFIG).tools == offered_tools(CONFIG)
    assert offered_tools(Config(tiers={"free": TIER}, base_dir=Path(), tools=TOOLS)) == ()


def test_examples_are_shown_as_turns() -> None:
    booked = {"said": "For two.", "tool": "book", "arguments": {"people": 2}}
    examples = (
        {"said": "Hi.", "reply": "Hello!"},
        {**booked, "answer": "Number 7.", "reply": "It is booked."},
        {"said": "Bye.", "tool": "end_call"},
    )
    agent = {**AGENT, "examples": examples}
    shown = Config(tiers={"free": TIER}, base_dir=Path(), agent=agent, tools=TOOLS)
    turns = system_message(shown).examples
    assert [(turn.role, turn.content) for turn in turns] == [
        ("user", "Hi."),
        ("assistant", "Hello!"),
        ("user", "For two."),
        ("assistant", ""),
        ("tool", "Number 7."),
        ("assistant", "It is booked."),
        ("user", "Bye."),
        ("assistant", ""),
    ]
    calls = [call for turn in turns for call in turn.tool_calls]
    assert [(call.name, call.arguments) for call in calls] == [
        ("book", '{"people": 2}'),
        ("end_call", "{}"),
    ]
    assert system_message(CONFIG).examples == ()


def test_the_operators_schema_goes_to_the_model_as_it_is() -> None:
    book = next(tool for tool in offered_tools(CONFIG) if tool.name == "book")
    assert json.loads(book.parameters) == TOOLS["book"]["parameters"]
    assert book.description == "Books a table."


@pytest.mark.parametrize("call", [BOOK, DIGITS, END])
def test_good_calls_pass(call: ToolCall) -> None:
    assert judge_call(CONFIG, call) == ""


@pytest.mark.parametrize(
    ("call", "fault"),
    [
        (ToolCall("", "nothing", "{}"), "there is no tool of that name"),
        (ToolCall("", "book", "two"), "no JSON"),
        (ToolCall("", "book", "[" * 3000), "no JSON"),
        (ToolCall("", "book", '{"people": NaN}'), "no JSON"),
        (ToolCall("", "book", '{"people": 2, "who": "\\ud800"}'), "no JSON"),
        (ToolCall("", "book", '{"people": 2, "who": "%s"}' % ("x" * 5000)), "too long"),
        (ToolCall("", "book", "[]"), "must be of type object"),
        (ToolCall("", "book", "{}"), "'people' is missing"),
        (ToolCall("", "send_digits", '{"digits": "call mum"}'), "digits: must match"),
        (ToolCall("", "end_call", '{"why": "bored"}'), "'why' is not wanted"),
    ],
)
def test_what_is_wrong_is_told_in_words_for_the_model(call: ToolCall, fault: str) -> None:
    assert fault in judge_call(CONFIG, call)


@pytest.mark.parametrize("arguments", ["two", '{"a": NaN}', '{"a": "%s"}' % ("x" * 5000)])
def test_the_history_keeps_nothing_that_a_provider_would_refuse(arguments: str) -> None:
    assert filed_call(ToolCall("", "x" * 100, arguments), "call_1") == ToolCall(
        "call_1", "x" * 64, "{}"
    )


@given(st.text())
def test_whatever_a_model_writes_is_judged_and_filed(arguments: str) -> None:
    call = ToolCall("", "book", arguments)
    assert isinstance(judge_call(CONFIG, call), str)
    assert len(filed_call(call, "call_1").arguments) <= MAX_ARGUMENTS_CHARS
