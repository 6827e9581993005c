"""Health by virtual time: slow is noticed, broken is left, well again is proved by probes."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from voxd.contracts import EngineState
from voxd.errors import Category
from voxd.selection.health import EJECTION_MAX_S, FORGIVE_S, EngineHealth

INF = float("inf")


def well(requests: int = 20, latency_s: float = 0.2) -> EngineHealth:
    health = EngineHealth(expected_latency_s=0.2)
    for number in range(requests):
        health.record_result(float(number), latency_s)
    return health


def state(health: EngineHealth, now: float = 100.0) -> EngineState:
    return health.verdict(now).state


def test_a_new_engine_is_healthy_by_its_declaration() -> None:
    health = EngineHealth(0.22)
    assert state(health) is EngineState.HEALTHY
    assert health.median_s == 0.22


def test_a_tripled_median_degrades_within_ten_requests_and_probes_bring_it_back() -> None:
    health = well()
    needed = 0
    while state(health) is EngineState.HEALTHY:
        health.record_result(30.0 + needed, 0.6)
        needed += 1
    assert needed <= 10
    assert state(health) is EngineState.DEGRADED
    for _ in range(5):
        health.record_probe(60.0, 0.6, None)
    assert state(health) is EngineState.DEGRADED
    for _ in range(3):
        health.record_probe(90.0, 0.21, None)
    assert state(health) is EngineState.HEALTHY
    health.record_result(91.0, 0.6)
    assert state(health) is EngineState.HEALTHY


def test_what_stays_slow_for_half_an_hour_has_become_so() -> None:
    health = well()
    for number in range(10):
        health.record_result(30.0 + number, 0.6)
    now = 40.0
    while state(health, now) is EngineState.DEGRADED:
        now += 2.0
        health.record_probe(now, 0.6, None)
    assert 1700 < now < 1900
    for number in range(20):
        health.record_result(now + number, 0.65)
    assert state(health, now + 20) is EngineState.HEALTHY


def test_its_own_past_is_not_forgotten_while_it_is_slow() -> None:
    health = well()
    for number in range(200):
        health.record_result(30.0 + number, 0.9)
    assert health.median_s == pytest.approx(0.2)


def test_one_slow_answer_proves_nothing() -> None:
    health = well()
    health.record_result(30.0, 5.0)
    assert state(health) is EngineState.HEALTHY


def test_three_errors_in_a_row_eject() -> None:
    health = well()
    for now, category in ((30.0, Category.SERVER), (31.0, Category.TIMEOUT)):
        health.record_error(now, category)
        assert state(health, now) is EngineState.PROBING
    health.record_error(32.0, Category.CONNECTIVITY)
    assert state(health, 32.1) is EngineState.EJECTED


def test_after_one_error_a_probe_decides() -> None:
    health = well()
    health.record_error(30.0, Category.SERVER)
    assert state(health, 30.0) is EngineState.PROBING
    health.record_probe(30.2, 0.2, None)
    assert state(health, 30.2) is EngineState.HEALTHY
    health.record_error(60.0, Category.SERVER)
    health.record_probe(60.2, None, Category.SERVER)
    assert state(health, 60.3) is EngineState.EJECTED


def test_two_errors_among_the_last_requests_degrade_whatever_probes_say() -> None:
    health = well()
    for now in (30.0, 32.0):
        health.record_error(now, Category.SERVER)
        health.record_probe(now + 0.5, 0.2, None)
    assert state(health, 33.0) is EngineState.DEGRADED


def test_a_success_of_a_running_call_ends_the_doubt_as_well() -> None:
    health = well()
    health.record_error(30.0, Category.SERVER)
    health.record_result(30.1, 0.2)
    assert state(health, 30.1) is EngineState.HEALTHY


def test_an_engine_that_is_always_overtaken_is_found_out() -> None:
    """It never delivers, so it never has a latency of its own."""
    health = well()
    for number in range(8):
        health.record_late(30.0 + number, 0.5)
        assert state(health, 30.0 + number) is EngineState.PROBING
    for now in (38.0, 39.0):
        health.record_probe(now, 0.5, None)
        assert state(health, now) is EngineState.DEGRADED
    for now in (40.0, 42.0, 44.0):
        health.record_probe(now, 0.2, None)
    assert state(health, 44.0) is EngineState.HEALTHY


def test_an_overloaded_engine_is_not_doubted() -> None:
    health = well()
    health.record_error(30.0, Category.OVERLOADED)
    assert state(health, 30.0) is EngineState.HEALTHY


def test_after_an_ejection_a_probe_and_not_a_caller_tries_first() -> None:
    health = well()
    for _ in range(3):
        health.record_error(30.0, Category.SERVER)
    assert state(health, 34.9) is EngineState.EJECTED
    assert state(health, 35.1) is EngineState.PROBING
    health.record_probe(36.0, None, Category.SERVER)
    assert state(health, 40.0) is EngineState.EJECTED
    assert state(health, 46.1) is EngineState.PROBING
    health.record_probe(46.2, 0.2, None)
    assert state(health, 46.3) is EngineState.HEALTHY


def test_three_good_probes_forgive_single_errors() -> None:
    health = well()
    for now in (30.0, 31.0):
        health.record_error(now, Category.SERVER)
    health.record_result(31.5, 0.2)
    assert state(health, 31.5) is EngineState.DEGRADED
    for now in (32.0, 33.0, 34.0):
        health.record_probe(now, 0.9, None)  # slow or not, it answers
    assert state(health, 34.0) is EngineState.HEALTHY


def test_a_caller_without_another_engine_proves_it_as_well_as_a_probe() -> None:
    health = well()
    for _ in range(3):
        health.record_error(30.0, Category.SERVER)
    health.record_result(31.0, 0.2)  # was asked before the ejection
    assert state(health, 31.0) is EngineState.EJECTED
    health.record_result(36.0, 0.2)
    assert state(health, 36.0) is EngineState.HEALTHY


def test_an_engine_that_could_not_be_made_ready_is_tried_by_a_probe_first() -> None:
    health = EngineHealth(0.2)
    health.record_failed_start(0.0, Category.CONNECTIVITY)
    assert state(health, 0.1) is EngineState.EJECTED
    assert state(health, 6.0) is EngineState.PROBING
    health.record_probe(6.0, 0.2, None)
    assert state(health, 6.0) is EngineState.HEALTHY


def ejection_length(health: EngineHealth, now: float) -> float:
    for _ in range(3):
        health.record_error(now, Category.SERVER)
    length = 0.0
    while state(health, now + length) is EngineState.EJECTED:
        length += 0.5
    health.record_probe(now + length, 0.2, None)
    return length


def test_ejections_grow_with_repetition_up_to_a_bound_and_are_forgiven() -> None:
    health = well()
    now, lengths = 100.0, []
    for _ in range(10):
        lengths.append(ejection_length(health, now))
        now += lengths[-1] + 1
    assert lengths[:4] == [5.0, 10.0, 20.0, 40.0]
    assert max(lengths) == EJECTION_MAX_S
    assert ejection_length(health, now + FORGIVE_S) == 5.0


@pytest.mark.parametrize("category", [Category.AUTH, Category.QUOTA])
def test_a_refused_key_ejects_until_there_is_another(category: Category) -> None:
    health = well()
    health.record_error(30.0, category)
    assert state(health, 1e9) is EngineState.EJECTED
    assert health.is_ejected_for_good
    health.credential_changed()
    assert state(health, 31.0) is EngineState.PROBING  # no caller tries it first
    health.record_probe(31.0, 0.2, None)
    assert state(health, 31.1) is EngineState.HEALTHY


def test_a_rate_limit_lasts_as_long_as_it_says() -> None:
    health = well()
    health.record_error(30.0, Category.RATE_LIMIT, retry_after_s=7.0)
    assert state(health, 36.9) is EngineState.EJECTED
    assert state(health, 37.1) is EngineState.PROBING


def test_a_wrong_request_says_nothing_about_health() -> None:
    health = well()
    for second in range(20):
        health.record_error(30.0 + second, Category.BAD_REQUEST)
        health.record_result(30.5 + second, 0.1)
    assert state(health) is EngineState.HEALTHY


def test_requests_that_are_refused_one_after_the_other_ask_for_a_probe() -> None:
    health = well()
    for _ in range(2):
        health.record_error(30.0, Category.BAD_REQUEST)
    assert state(health) is EngineState.PROBING
    health.record_probe(31.0, 0.1, None)
    assert state(health, 31.0) is EngineState.HEALTHY
    for _ in range(2):
        health.record_error(32.0, Category.BAD_REQUEST)
    health.record_probe(33.0, None, Category.BAD_REQUEST)
    assert state(health, 33.0) is EngineState.EJECTED


operations = st.lists(
    st.tuples(
        st.sampled_from(["result", "error", "probe_ok", "probe_bad"]),
        st.floats(0.01, 5.0),
        st.sampled_from([c for c in Category if c not in (Category.AUTH, Category.QUOTA)]),
    ),
    max_size=80,
)


@given(operations)
def test_whatever_happened_good_probes_make_it_usable_again(
    history: list[tuple[str, float, Category]],
) -> None:
    health, now = EngineHealth(0.2), 0.0
    for what, amount, category in history:
        now += amount
        match what:
            case "result":
                health.record_result(now, amount)
            case "error":
                health.record_error(now, category)
            case "probe_ok":
                health.record_probe(now, amount, None)
            case _:
                health.record_probe(now, None, category)
    now += EJECTION_MAX_S + 1
    for _ in range(10):
        now += 1
        health.record_probe(now, health.median_s, None)
    assert health.verdict(now).state is EngineState.HEALTHY
