import logging

import pytest

from tests.telemetry.outcomes import make_facts, make_outcome, make_turn
from voxd.errors import Category
from voxd.events import Kind
from voxd.telemetry.outcome import Switch
from voxd.telemetry.turn_log import TurnLog


@pytest.mark.parametrize(
    ("target_s", "messages"),
    [(0.5, ["LATENCY VIOLATION"]), (0.8, ["turn slower than its target"]), (1.0, [])],
)
def test_slow_turns_are_named_as_soon_as_they_were_heard(
    caplog: pytest.LogCaptureFixture, target_s: float, messages: list[str]
) -> None:
    caplog.set_level(logging.INFO)
    TurnLog().turn_heard(make_facts(target_s=target_s), make_turn())
    assert [record.message for record in caplog.records] == messages


def test_each_turn_of_a_finished_call_has_its_line(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    TurnLog().call_finished(make_outcome())
    record, last = caplog.records
    fields = vars(record)
    assert record.message == "turn"
    assert (fields["call"], fields["tenant"], fields["tier"]) == ("CA1", "sol", "pro")
    assert (fields["voice_to_voice_ms"], fields["target_s"]) == (900.0, 1.0)
    assert "transcript" not in fields and "reply" not in fields
    assert last.message == "latency of the call"
    summary = vars(last)
    assert (summary["count"], summary["average_ms"], summary["is_met"]) == (1, 900.0, True)


def test_an_engine_that_was_left_for_another_has_a_line(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    switch = Switch(2.5, Kind.LLM, "groq", "llamacpp", Category.RATE_LIMIT, 3)
    TurnLog().engine_switched(make_facts(), switch)
    (record,) = caplog.records
    fields = vars(record)
    assert (record.message, fields["call"]) == ("engine left in a call", "CA1")
    assert (fields["stage"], fields["left"], fields["taken"]) == ("llm", "groq", "llamacpp")
    assert (fields["reason"], fields["turn"], fields["at_s"]) == ("rate_limit", 3, 2.5)


def test_a_call_without_an_answer_has_no_latency(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    TurnLog().call_finished(make_outcome([]))
    assert caplog.records == []
