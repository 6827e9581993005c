"""Pieces of tool calls become whole calls, however they are cut."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from voxd.engines.llm.tool_calls import (
    MAX_ARGUMENTS_CHARS,
    MAX_CALLS,
    ToolCallAccumulator,
    ToolDelta,
)
from voxd.events import ToolCall


def accumulate(*deltas: ToolDelta) -> tuple[ToolCall, ...]:
    accumulator = ToolCallAccumulator()
    for delta in deltas:
        accumulator.feed(delta)
    return accumulator.finish()


def test_a_whole_call_in_one_delta() -> None:
    assert accumulate(ToolDelta(0, "a", "hang_up", '{"why":"bye"}')) == (
        ToolCall("a", "hang_up", '{"why":"bye"}'),
    )


@given(st.text(min_size=1), st.lists(st.integers(0, 50)))
def test_arguments_may_be_cut_anywhere(arguments: str, cuts: list[int]) -> None:
    edges = [0, *sorted(min(cut, len(arguments)) for cut in cuts), len(arguments)]
    pieces = [arguments[a:b] for a, b in zip(edges, edges[1:], strict=False)]
    deltas = [ToolDelta(0, "a", "book"), *(ToolDelta(0, arguments=piece) for piece in pieces)]
    assert accumulate(*deltas) == (ToolCall("a", "book", arguments),)


def test_pieces_of_several_calls_may_be_mixed() -> None:
    calls = accumulate(
        ToolDelta(1, "b", "second"),
        ToolDelta(0, "a", "first", "{"),
        ToolDelta(1, arguments="[]"),
        ToolDelta(0, arguments="}"),
    )
    assert calls == (ToolCall("a", "first", "{}"), ToolCall("b", "second", "[]"))


def test_an_id_and_a_name_that_are_repeated_count_once() -> None:
    assert accumulate(ToolDelta(0, "a", "f", "{"), ToolDelta(0, "a", "f", "}")) == (
        ToolCall("a", "f", "{}"),
    )


def test_no_arguments_are_an_empty_object() -> None:
    assert accumulate(ToolDelta(0, "a", "f"))[0].arguments == "{}"


def test_a_call_without_a_name_is_refused() -> None:
    with pytest.raises(ValueError, match="without a name"):
        accumulate(ToolDelta(0, "a", "", "{}"))


@pytest.mark.parametrize(
    "deltas",
    [
        [ToolDelta(n, "a", "f") for n in range(MAX_CALLS + 1)],
        [ToolDelta(0, "a", "f", "x" * (MAX_ARGUMENTS_CHARS + 1))],
    ],
    ids=["calls", "arguments"],
)
def test_endless_calls_are_refused(deltas: list[ToolDelta]) -> None:
    with pytest.raises(ValueError, match="endless"):
        accumulate(*deltas)
