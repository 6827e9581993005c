"""What one call finds out the next one knows; every change of state is told once, with a reason."""

import asyncio
import logging

import pytest

from voxd.contracts import Capabilities, EngineState
from voxd.engines.health_board import HealthBoard
from voxd.errors import Category, EngineError, Phase
from voxd.events import Kind

CLOUD = Capabilities(Kind.LLM, False, (), 0.2)
LOCAL = Capabilities(Kind.LLM, True, ("en",), 0.2)


def make_board() -> HealthBoard:
    now = asyncio.get_running_loop().time
    return HealthBoard({"cloud": CLOUD, "local": LOCAL}, now, {"other": "no key configured"})


def failed(category: Category = Category.SERVER, retry_after_s: float | None = None) -> EngineError:
    return EngineError("cloud", category, Phase.FIRST_RESULT, "secret", retry_after_s=retry_after_s)


async def test_the_next_call_goes_around_what_earlier_ones_found_broken() -> None:
    board = make_board()
    assert board.chain(["cloud", "local"], "en").names == ("cloud", "local")
    for _ in range(3):
        board.record_error(failed())
    assert board.chain(["cloud", "local"], "en").names == ("local",)
    await asyncio.sleep(5.1)
    assert board.chain(["cloud", "local"], "en").names == ("local",)  # a probe goes first
    board.record_probe("cloud", 0.2)
    assert board.chain(["cloud", "local"], "en").names == ("cloud", "local")


async def test_engines_that_are_not_open_are_refused_with_their_reason() -> None:
    chain = make_board().chain(["other", "cloud", "stranger"], "en")
    assert chain.names == ("cloud",)
    reasons = {judgement.name: judgement.reason for judgement in chain.judgements}
    assert reasons == {"other": "no key configured", "cloud": "healthy", "stranger": "not open"}
    assert [judgement.place for judgement in chain.judgements] == [None, 0, None]


async def test_a_refused_key_is_for_good_and_a_rate_limit_for_as_long_as_it_says() -> None:
    board = make_board()
    board.record_error(failed(Category.RATE_LIMIT, retry_after_s=20.0))
    await asyncio.sleep(19)
    assert board.verdict("cloud").state is EngineState.EJECTED
    await asyncio.sleep(1.1)
    assert board.verdict("cloud").state is EngineState.PROBING
    board.record_probe_error(failed(Category.AUTH))
    await asyncio.sleep(1e6)
    assert board.verdict("cloud").state is EngineState.EJECTED
    assert board.chain(["cloud"], "en").names == ()


async def test_each_change_is_logged_once_with_its_reason(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    board = make_board()
    for _ in range(5):
        board.record_error(failed())
        board.verdict("cloud")
    await asyncio.sleep(600)
    board.verdict("cloud")
    board.record_probe("cloud", 0.2)
    told = [
        (record.was, record.state, record.reason)  # type: ignore[attr-defined]
        for record in caplog.records
        if record.message == "engine health changed"
    ]
    assert told == [
        ("healthy", "probing", "server: a probe must show that it was an exception"),
        ("probing", "ejected", "server: repeated"),
        ("ejected", "probing", "server: repeated"),
        ("probing", "healthy", "server: repeated"),
    ]
    assert "secret" not in caplog.text
    assert [r.levelname for r in caplog.records].count("WARNING") == 1


async def test_idle_time_counts_from_the_last_request_or_probe() -> None:
    board = make_board()
    await asyncio.sleep(100)
    assert board.idle_s("cloud") == pytest.approx(100)
    for note in (
        lambda: board.record_result("cloud", 0.2),
        lambda: board.record_error(failed()),
        lambda: board.record_probe("cloud", 0.2),
        lambda: board.record_no_probe("cloud"),
    ):
        await asyncio.sleep(10)
        note()
        assert board.idle_s("cloud") == 0
    assert board.idle_s("local") == pytest.approx(140)


async def test_switches_and_hedges_are_counted() -> None:
    board = make_board()
    board.record_switch("cloud", "local")
    board.record_switch("cloud", "local")
    board.record_hedge("local", won=True)
    board.record_hedge("local", won=False)
    assert board.switches == {("cloud", "local"): 2}
    assert (board.hedges_won["local"], board.hedges_wasted["local"]) == (1, 1)
    assert board.is_healthy("cloud")


async def test_ejections_are_counted_once_each() -> None:
    board = make_board()
    for _ in range(3):
        board.record_error(failed())
    assert board.verdict("cloud").state is EngineState.EJECTED
    assert board.ejections["cloud"] == 1
    await asyncio.sleep(5.1)
    board.record_probe("cloud", 0.2)
    board.record_error(failed(Category.AUTH))
    assert (board.ejections["cloud"], board.ejections["local"]) == (2, 0)


async def test_an_engine_that_did_not_start_is_passed_over_until_a_probe() -> None:
    board = make_board()
    board.record_failed_start("cloud", Category.CONNECTIVITY)
    assert not board.is_healthy("cloud")
    assert board.health("cloud").median_s == 0.2
    assert board.chain(["cloud", "local"], "en").names == ("local",)
    assert board.names == ("cloud", "local")
    assert board.refused == {"other": "no key configured"}
