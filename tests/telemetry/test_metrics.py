from collections.abc import Iterator

from prometheus_client import generate_latest
from prometheus_client.parser import text_string_to_metric_families

from tests.telemetry.journals import entries, one_turn
from tests.telemetry.outcomes import make_facts, make_outcome, make_turn
from voxd.errors import Category
from voxd.events import EndReason, Kind, ReplyWasted
from voxd.telemetry.metrics import MOST_VALUES, Bounded, CallMetrics
from voxd.telemetry.outcome import Switch


def samples(metrics: CallMetrics) -> Iterator[tuple[str, dict[str, str], float]]:
    text = generate_latest(metrics.registry).decode()
    for family in text_string_to_metric_families(text):
        for sample in family.samples:
            yield sample.name, sample.labels, sample.value


def value(metrics: CallMetrics, name: str, **labels: str) -> float:
    """The one sample of that name with these labels among its own."""
    found = [
        given
        for known, own, given in samples(metrics)
        if known == name and labels.items() <= own.items()
    ]
    assert len(found) == 1, (name, labels, found)
    return found[0]


def test_every_time_of_a_turn_is_observed_in_seconds() -> None:
    metrics = CallMetrics()
    metrics.turn_heard(make_facts(), make_turn())
    tier = {"tier": "pro"}
    assert value(metrics, "voxd_voice_to_voice_seconds_sum", **tier, transport="stream") == 0.9
    assert round(value(metrics, "voxd_endpoint_seconds_sum", **tier), 6) == 0.4
    assert value(metrics, "voxd_stt_latency_seconds_sum", **tier, engine="ear") == 0.25
    sums = {
        "voxd_llm_first_token_seconds_sum": ("mind", 0.06),
        "voxd_llm_first_clause_seconds_sum": ("mind", 0.16),
        "voxd_tts_first_audio_seconds_sum": ("mouth", 0.14),
    }
    for name, (engine, seconds) in sums.items():
        assert round(value(metrics, name, **tier, engine=engine), 6) == seconds
    assert round(value(metrics, "voxd_stage_sum_seconds_sum", **tier), 6) == 0.45
    assert value(metrics, "voxd_voice_to_voice_seconds_bucket", le="0.9", **tier) == 1
    assert value(metrics, "voxd_voice_to_voice_seconds_bucket", le="0.75", **tier) == 0
    assert value(metrics, "voxd_turns_total", **tier, pace="met") == 1


def test_a_time_that_did_not_happen_is_not_observed() -> None:
    metrics = CallMetrics()
    metrics.turn_heard(make_facts(), make_turn(judge_latency_ms=None))
    assert value(metrics, "voxd_turn_judge_seconds_count", tier="pro") == 0


def test_a_violation_counts_for_the_stage_that_cost_the_most() -> None:
    metrics = CallMetrics()
    metrics.turn_heard(make_facts(), make_turn(2000.0, llm_clause_ms=1500.0))
    labels = {"tier": "pro", "stage": "llm", "engine": "mind"}
    assert value(metrics, "voxd_latency_violations_total", **labels) == 1
    assert value(metrics, "voxd_turns_total", tier="pro", pace="violation") == 1


def test_a_premature_answer_counts_and_its_times_do_not() -> None:
    metrics = CallMetrics()
    metrics.turn_heard(make_facts(), make_turn(-100.0, is_premature=True))
    assert value(metrics, "voxd_premature_replies_total", tier="pro") == 1
    assert value(metrics, "voxd_turns_total", tier="pro") == 1
    assert value(metrics, "voxd_turns_total", tier="pro", pace="premature") == 1
    assert not [name for name, *_ in samples(metrics) if name.startswith("voxd_voice_to_voice")]


def test_a_finished_call_counts_with_what_it_cost() -> None:
    metrics = CallMetrics()
    wasted = ReplyWasted(9.5, 7, completion_tokens=3, characters=20)
    metrics.call_finished(make_outcome(entries(wasted) + one_turn(), EndReason.LINE_LOST))
    labels = {"tier": "pro", "transport": "stream", "direction": "inbound", "reason": "line_lost"}
    assert value(metrics, "voxd_calls_total", **labels) == 1
    assert value(metrics, "voxd_call_duration_seconds_sum", tier="pro") == 20
    assert value(metrics, "voxd_wasted_attempts_total", tier="pro") == 1
    assert value(metrics, "voxd_reply_attempts_total", tier="pro") == 1
    assert value(metrics, "voxd_tokens_total", engine="mind", kind="prompt") == 60
    assert value(metrics, "voxd_tokens_total", engine="mind", kind="cached") == 50
    assert value(metrics, "voxd_tokens_total", engine="mind", kind="completion") == 8
    assert value(metrics, "voxd_interrupted_replies_total", tier="pro") == 0


def test_turns_without_an_answer_count_when_the_call_is_over() -> None:
    metrics = CallMetrics()
    metrics.call_finished(make_outcome(one_turn()[:7]))
    assert value(metrics, "voxd_turns_total", tier="pro", pace="unanswered") == 1


def test_a_failover_counts_by_stage_and_reason() -> None:
    metrics = CallMetrics()
    switch = Switch(1.0, Kind.STT, "cloud", "local", Category.TIMEOUT, 1)
    metrics.engine_switched(make_facts(), switch)
    labels = {"stage": "stt", "left": "cloud", "taken": "local", "reason": "timeout"}
    assert value(metrics, "voxd_failovers_total", **labels) == 1


def test_two_registries_know_nothing_of_each_other() -> None:
    first, second = CallMetrics(), CallMetrics()
    first.call_finished(make_outcome())
    assert not [name for name, *_ in samples(second) if name.startswith("voxd_calls_total")]


def test_labels_are_bounded() -> None:
    metrics = CallMetrics()
    for n in range(3 * MOST_VALUES):
        metrics.call_finished(make_outcome(tier=f"tier-{n}"))
    tiers = {own["tier"] for name, own, _ in samples(metrics) if name == "voxd_calls_total"}
    assert len(tiers) == MOST_VALUES + 1 and "other" in tiers
    assert value(metrics, "voxd_calls_total", tier="other") == 2 * MOST_VALUES


def test_an_empty_value_is_none() -> None:
    assert Bounded()("") == "none"
