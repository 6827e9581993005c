import pytest

from tests.telemetry.outcomes import make_facts, make_turn
from voxd.telemetry.promises import KEPT, MOST_NAMES, OTHER, LatencyBook, summarize_call


def test_turns_are_summed_up_by_tier_agent_and_engine() -> None:
    book = LatencyBook()
    for heard_ms in (800.0, 900.0, 1200.0, 1700.0):
        book.turn_heard(make_facts(), make_turn(heard_ms))
    book.turn_heard(make_facts(tier="free", agent="ana", target_s=3.0), make_turn(2000.0))
    summaries = book.summaries()
    assert set(summaries["tiers"]) == {"pro", "free"}
    assert set(summaries["agents"]) == {"default", "ana"}
    assert set(summaries["engines"]) == {"ear", "mind", "mouth"}
    pro = summaries["tiers"]["pro"]
    assert (pro.count, pro.average_ms, pro.worst_ms) == (4, 1150.0, 1700.0)
    assert (pro.met, pro.violations, pro.is_met) == (2, 1, False)
    ear = summaries["engines"]["ear"]
    assert (ear.count, ear.p50_ms) == (5, 250.0)


def test_a_promise_is_kept_when_the_average_is_within_the_target() -> None:
    book = LatencyBook()
    for heard_ms in (400.0, 1500.0, 1100.0):
        book.turn_heard(make_facts(), make_turn(heard_ms))
    assert book.summaries()["tiers"]["pro"].is_met
    book.turn_heard(make_facts(), make_turn(1001.0))
    assert not book.summaries()["tiers"]["pro"].is_met


def test_percentiles_are_of_the_latest_turns_and_averages_of_all() -> None:
    book = LatencyBook()
    for n in range(KEPT + 100):
        book.turn_heard(make_facts(), make_turn(100.0 if n < 100 else 900.0))
    summary = book.summaries()["tiers"]["pro"]
    assert (summary.p50_ms, summary.p95_ms, summary.count) == (900.0, 900.0, KEPT + 100)
    assert summary.average_ms == pytest.approx((100 * 100 + 900 * KEPT) / (KEPT + 100), abs=0.1)


def test_a_turn_without_an_answer_and_a_stage_that_was_not_are_left_out() -> None:
    book = LatencyBook()
    book.turn_heard(make_facts(), make_turn(None))
    assert book.summaries() == {"tiers": {}, "agents": {}, "engines": {}}
    book.turn_heard(make_facts(), make_turn(900.0, tts_ttfa_ms=None, stt_engine=""))
    assert set(book.summaries()["engines"]) == {"mind"}


def test_an_answer_to_half_a_sentence_keeps_no_promise() -> None:
    book, early = LatencyBook(), make_turn(-300.0, is_premature=True)
    book.turn_heard(make_facts(), early)
    book.turn_heard(make_facts(), make_turn(1200.0))
    pro = book.summaries()["tiers"]["pro"]
    assert (pro.count, pro.average_ms, pro.met, pro.is_met) == (1, 1200.0, 0, False)
    assert summarize_call(make_facts(), [early]).count == 0


def test_names_are_bounded() -> None:
    book = LatencyBook()
    for n in range(MOST_NAMES + 10):
        book.turn_heard(make_facts(tier=f"tier-{n}"), make_turn())
    tiers = book.summaries()["tiers"]
    assert len(tiers) == MOST_NAMES + 1
    assert tiers[OTHER].count == 10


def test_one_call_has_a_summary_of_its_own() -> None:
    turns = [make_turn(800.0), make_turn(None), make_turn(1000.0)]
    summary = summarize_call(make_facts(), turns)
    assert (summary.count, summary.average_ms, summary.is_met) == (2, 900.0, True)


def test_of_nothing_the_summary_is_empty() -> None:
    summary = summarize_call(make_facts(), [])
    assert (summary.count, summary.p95_ms, summary.violations) == (0, 0.0, 0)
