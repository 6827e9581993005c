import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tests.records.outcomes import FULL, make_outcome, with_trouble
from voxd.records.making import MAX_TEXT_CHARS, make_record
from voxd.records.record import CALL_COLUMNS, TURN_COLUMNS, encode_record
from voxd.settings.records import Price, Records
from voxd.telemetry.outcome import CallOutcome

DOCUMENT = Path(__file__).parents[2] / "docs/records.md"
DESIGN = (
    *("session_id", "turn_number", "content", "stt_latency_ms", "llm_ttft_ms", "tts_ttfa_ms"),
    *("total_latency_ms", "stt_provider", "llm_provider", "tts_provider"),
)


def turn_row(outcome: CallOutcome, settings: Records = FULL, turn: int = 0) -> dict[str, Any]:
    return make_record(outcome, settings, 25.0).turns[turn]


def saying(transcript: str, reply: str) -> CallOutcome:
    outcome = make_outcome(turns=1)
    return replace(outcome, turns=(replace(outcome.turns[0], transcript=transcript, reply=reply),))


def test_a_turn_has_the_ten_columns_of_the_design_by_their_names() -> None:
    row = turn_row(make_outcome())
    assert {name: row[name] for name in DESIGN} == {
        "session_id": "CA1",
        "turn_number": 1,
        "content": "secret answer. And more.",
        "stt_latency_ms": 250,
        "llm_ttft_ms": 60,
        "tts_ttfa_ms": 140,
        "total_latency_ms": 450,
        "stt_provider": "ear",
        "llm_provider": "mind",
        "tts_provider": "mouth",
    }
    assert tuple(row) == TURN_COLUMNS


def test_everything_else_of_a_turn_is_in_meta() -> None:
    meta = turn_row(with_trouble(make_outcome()), turn=1)["meta"]
    assert meta["transcript"] == "secret words"
    assert (meta["endpoint_ms"], meta["voice_to_voice_ms"]) == (400.0, 900.0)
    assert (meta["prompt_tokens"], meta["completion_tokens"]) == (60, 8)
    assert meta["characters"] == len("secret answer. And more.")
    assert meta["interrupted"] is True and meta["pace"] == "slow"
    (failover,) = meta["failovers"]
    assert (failover["from"], failover["to"], failover["reason"]) == (
        *("groq", "llamacpp"),
        "timeout",
    )
    assert "estimated_cost" not in meta


def test_every_key_of_a_turns_meta_is_told_of_in_the_document() -> None:
    told = set(re.findall(r"`(\w+)`", DOCUMENT.read_text(encoding="utf-8")))
    settings = Records(content="full", prices={"mind": Price(million_completion_tokens=1000.0)})
    meta = turn_row(with_trouble(make_outcome()), settings)["meta"]
    assert "estimated_cost" in meta and meta.keys() <= told


def test_turns_are_placed_in_the_day_by_the_clock_at_the_calls_end() -> None:
    # The turn was decided at 10.4 s of a call of 25 s that began at ten o'clock.
    assert turn_row(make_outcome())["created_at"] == "2026-11-23T10:00:10.400000+00:00"


def test_a_call_says_who_how_and_how_well() -> None:
    call = make_record(with_trouble(make_outcome()), FULL, 25.0).call
    assert tuple(call) == CALL_COLUMNS
    assert (call["tenant"], call["tier"], call["agent"]) == ("sol", "pro", "frontdesk")
    assert (call["duration_s"], call["reason"], call["turn_count"]) == (25.0, "caller_hung_up", 2)
    assert (call["target_ms"], call["voice_to_voice_ms"], call["violations"]) == (650, 900, 0)
    assert call["meta"]["interrupted"] == 1 and call["meta"]["slow"] == 2
    assert call["meta"]["hedges"] == [{"stage": "llm", "engine": "llamacpp", "won": True}]


def test_slow_turns_above_one_and_a_half_targets_are_violations() -> None:
    assert make_record(make_outcome(target_s=0.5), FULL, 25.0).call["violations"] == 2


def test_an_answer_to_half_a_sentence_is_in_no_median_and_keeps_no_promise() -> None:
    outcome = make_outcome()
    early = replace(outcome.turns[0], voice_to_voice_ms=-300.0, is_premature=True)
    outcome = replace(outcome, turns=(early, *outcome.turns[1:]))
    assert make_record(outcome, FULL, 25.0).call["voice_to_voice_ms"] == 900
    meta = turn_row(outcome)["meta"]
    assert (meta["pace"], meta["voice_to_voice_ms"]) == (None, -300.0)


def test_a_call_without_a_turn_has_a_row() -> None:
    record = make_record(make_outcome(turns=0), FULL, 5.0)
    assert record.turns == () and record.call["voice_to_voice_ms"] is None


def test_content_none_keeps_no_word_anywhere() -> None:
    record = make_record(make_outcome(), Records(content="none"), 25.0)
    assert b"secret" not in encode_record(record)
    assert record.turns[0]["content"] is None


def test_redacted_content_keeps_words_without_numbers() -> None:
    outcome = saying("my card is 4111 1111 1111 1111", "Is it five five five, zero one two?")
    row = turn_row(outcome, Records(content="redacted"))
    assert row["meta"]["transcript"] == "my card is [number]"
    assert row["content"] == "Is it [number]?"


@pytest.mark.parametrize(
    ("numbers", "expected"),
    [("full", "+15550123456"), ("masked", "+*********56"), ("none", None)],
)
def test_telephone_numbers_are_kept_as_the_config_says(numbers: Any, expected: str | None) -> None:
    assert make_record(make_outcome(), Records(numbers=numbers), 25.0).call["caller"] == expected


def test_masked_by_default_no_number_is_anywhere_in_the_record() -> None:
    data = encode_record(make_record(make_outcome(), Records(), 25.0))
    assert b"0123456" not in data and b"50199" not in data


def test_what_a_database_refuses_is_taken_out_of_texts() -> None:
    row = turn_row(saying("a\0b \ud83d", "c" * 2 * MAX_TEXT_CHARS))
    assert row["meta"]["transcript"] == "ab ?"
    assert len(row["content"]) == MAX_TEXT_CHARS


def test_figures_without_bounds_fit_into_an_integer() -> None:
    outcome = make_outcome(turns=1)
    turn = replace(outcome.turns[0], stt_latency_ms=1e15)
    assert turn_row(replace(outcome, turns=(turn,)))["stt_latency_ms"] == 2**31 - 1


def test_costs_are_told_where_engines_have_a_price() -> None:
    settings = Records(prices={"mind": Price(million_completion_tokens=1000.0)})
    record = make_record(make_outcome(), settings, 25.0)
    assert record.turns[0]["meta"]["estimated_cost"] == {"llm": 0.008, "sum": 0.008}
    assert record.call["meta"]["estimated_cost"] == {"llm": 0.016, "sum": 0.016}
