"""Whatever a service answers becomes something bounded that a model can be told."""

import orjson
from hypothesis import given
from hypothesis import strategies as st

from voxd.tools.exchange import (
    MAX_CONTENT_CHARS,
    ToolAnswer,
    encode_request,
    read_answer,
)


def test_the_request_names_tool_arguments_and_call() -> None:
    assert orjson.loads(encode_request("book", '{"people": 2}', "CA1")) == {
        "tool": "book",
        "arguments": {"people": 2},
        "call_sid": "CA1",
    }


def test_json_loses_its_spaces_and_text_its_lines() -> None:
    assert read_answer(200, b'{ "free": [ 1, 2 ] }') == ToolAnswer('{"free":[1,2]}')
    assert read_answer(201, b"Booked,\n see you.") == ToolAnswer("Booked, see you.")
    assert read_answer(204, b"") == ToolAnswer("Done.")


def test_a_refusal_says_why_and_a_failure_does_not() -> None:
    refused = read_answer(409, b"No table is free.")
    assert refused == ToolAnswer("Refused (409). No table is free.", is_error=True)
    assert read_answer(500, b"Traceback ...") == ToolAnswer("It failed (500).", is_error=True)
    assert read_answer(302, b"elsewhere") == ToolAnswer("It failed (302).", is_error=True)


@given(st.integers(100, 599), st.binary(max_size=20_000))
def test_any_answer_is_bounded(status: int, body: bytes) -> None:
    answer = read_answer(status, body)
    assert 0 < len(answer.content) <= MAX_CONTENT_CHARS


def test_what_is_nested_without_end_is_taken_as_text() -> None:
    deep = "[" * 300 + "]" * 300
    assert read_answer(200, deep.encode()).content == deep
    assert deep in encode_request("book", f'{{"x":{deep}}}', "CA1").decode()
