"""What a reply counts as; the model is not loaded."""

import pytest

from benches.tool_calls import SAID, SCHEMAS, WAYS, Result, judge, said_to
from voxd.schema import check_schema, find_fault
from voxd.settings.examples import Example


def test_every_tool_is_asked_for_and_has_a_schema_that_can_be_checked() -> None:
    assert {wanted for _, wanted in SAID} == {"", *SCHEMAS}
    assert not any(check_schema(schema) for schema in SCHEMAS.values())


def test_examples_are_of_what_is_offered_and_none_is_a_sentence_of_the_bench() -> None:
    for tools, examples in WAYS.values():
        names = {tool.name for tool in tools}
        for example in map(Example.model_validate, examples):
            assert example.said not in dict(SAID)
            if example.tool is not None:
                assert example.tool in names
                assert not find_fault(example.arguments, SCHEMAS[example.tool])
        assert {wanted for _, wanted in said_to(tools)} == {"", *names}


@pytest.mark.parametrize(
    ("reply", "called", "fault"),
    [
        ("We are open.", "", ""),
        ('{"tool": "end_call", "arguments": {}}', "end_call", ""),
        ('{"tool": "book_table", "arguments": {"people": 2}}', "book_table", "is missing"),
        ('{"tool": "dance", "arguments": {}}', "dance", "no such tool"),
        ('{"tool": "end', "?", "half a call"),
    ],
)
def test_a_reply_is_words_or_a_call_that_can_be_done_or_not(
    reply: str, called: str, fault: str
) -> None:
    outcome = judge("end_call", reply, 0.1)
    assert outcome.called == called and fault in outcome.fault
    assert bool(outcome.fault) is bool(fault)


def test_only_calls_that_cannot_be_done_break_the_promise() -> None:
    right, none, wrong = (
        judge("end_call", reply, 0.1)
        for reply in ('{"tool": "end_call", "arguments": {}}', "Bye!", '{"tool": "x"}')
    )
    assert Result((right, none)).is_good and not Result((right, wrong)).is_good
    assert Result((right, none)).to_json()["right"] == 1
