from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.history.stored import store, three_calls
from voxd.history.reading import Filter, open_reader
from voxd.history.stats import Stats, measure, percentile, sum_up


@pytest.fixture
async def stats(tmp_path: Path) -> Stats:
    async with open_reader(await store(tmp_path, three_calls())) as reader:
        return sum_up(await reader.calls(Filter()), await reader.turns_of_calls(Filter()))


async def test_calls_and_turns_are_counted(stats: Stats) -> None:
    assert (stats.calls, stats.turns, stats.unanswered) == (3, 6, 1)
    assert (stats.interrupted, stats.premature) == (1, 0)
    assert stats.minutes == 1.2
    assert stats.ends == {"caller_hung_up": 3}
    assert stats.failovers == {"llm groq > llamacpp (timeout)": 1}
    assert stats.estimated_cost == pytest.approx(0.024 * 5)


async def test_a_target_is_met_when_the_average_is_within_it(stats: Stats) -> None:
    free, pro = stats.tiers["free"], stats.tiers["pro"]
    assert (free.turns, free.average_ms, free.target_ms) == (2, 900.0, 3000.0)
    assert (free.is_met, free.within, free.violations) == (True, 1.0, 0)
    assert (pro.turns, pro.target_ms) == (3, 600.0)
    assert (pro.is_met, pro.within, pro.violations) == (False, 0.0, 1)


async def test_agents_without_a_name_are_the_default(stats: Stats) -> None:
    assert set(stats.agents) == {"default", "frontdesk"}


async def test_engines_have_their_own_part_and_no_target(stats: Stats) -> None:
    assert set(stats.engines) == {"stt ear", "llm mind", "tts mouth"}
    ear = stats.engines["stt ear"]
    assert (ear.turns, ear.p50_ms, ear.target_ms, ear.is_met) == (6, 250.0, None, None)
    assert stats.engines["tts mouth"].turns == 5


def test_an_answer_to_half_a_sentence_keeps_no_promise() -> None:
    def turn(heard_ms: float, *, is_premature: bool) -> dict[str, Any]:
        meta = {"voice_to_voice_ms": heard_ms, "is_premature": is_premature}
        stages = ("stt_provider", "llm_provider", "tts_provider")
        return {"tier": "pro", "agent": "", "target_ms": 600, "meta": meta} | dict.fromkeys(stages)

    turns = [turn(-300.0, is_premature=True), turn(800.0, is_premature=False)]
    stats = sum_up([], turns)
    pro = stats.tiers["pro"]
    assert (stats.premature, stats.turns, stats.unanswered) == (1, 2, 0)
    assert (pro.turns, pro.average_ms, pro.is_met) == (1, 800.0, False)


def test_nothing_has_no_figures() -> None:
    stats = sum_up([], [])
    assert (stats.calls, stats.tiers, stats.engines, stats.estimated_cost) == (0, {}, {}, None)
    assert stats.to_json()["turns"] == 0


def test_percentiles_lie_between_their_neighbours() -> None:
    assert percentile([10.0], 0.95) == 10.0
    assert percentile([0.0, 10.0], 0.5) == 5.0
    figures = measure([float(i) for i in range(101)])
    assert (figures.p50_ms, figures.p90_ms, figures.p95_ms) == (50.0, 90.0, 95.0)
    assert (figures.average_ms, figures.worst_ms) == (50.0, 100.0)


@given(st.lists(st.floats(0, 1e6), min_size=1), st.floats(0, 1))
def test_no_percentile_is_outside_of_what_was_measured(values: list[float], share: float) -> None:
    ordered = sorted(values)
    assert ordered[0] <= percentile(ordered, share) <= ordered[-1] * (1 + 1e-9)
